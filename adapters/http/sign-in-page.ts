/** The one page that is seen without a session: plain HTML, no script, so that nothing else needs to be open. */
import type { MixError } from '../../schemas/errors/index.ts';

/** What a stranger may know of the node. */
export interface NodeFace {
  /** Name of the hospital or region. */
  name: string;
  role: 'hospital' | 'region' | 'global';
}

const TEXTS = {
  title: 'Sign in',
  product: 'MIX-HIE',
  roles: { hospital: 'Hospital node', region: 'Regional node', global: 'Global node' },
  name: 'Name',
  secret: 'Password',
  secretHelp: 'After the first start: the one-time password from the console.',
  submit: 'Sign in',
  notice: 'Health records of real people. Every look is written down with your name.',
};

export interface SignInView {
  face: NodeFace;
  /** Address to go to afterwards; already checked to be one of ours. */
  next: string;
  name: string;
  fault?: MixError;
  /** Reload once from here, so that the browser sends its cookie. */
  askAgain: boolean;
  nonce: string;
}

/** The page as HTML; every value is escaped. */
export function writeSignInPage(view: SignInView): string {
  const { face, fault } = view;
  const alert = fault
    ? `<p class="fault" role="alert" id="fault"><strong>${escapeHtml(capital(fault.kind.sentence))}.</strong> ${escapeHtml(capital(fault.kind.fix))}${fault.fault.detail ? ` (${escapeHtml(fault.fault.detail)})` : ''}.</p>`
    : '';
  const described = fault ? ' aria-describedby="fault help"' : ' aria-describedby="help"';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${view.askAgain ? '<meta http-equiv="refresh" content="0">\n' : ''}<title>${TEXTS.title} · ${escapeHtml(face.name)}</title>
<style nonce="${escapeHtml(view.nonce)}">${STYLE}</style>
</head>
<body>
<main>
<header>
<svg width="40" height="40" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" class="mark"/><path d="M7 22V11l5 7 4-7 4 7 5-7v11" class="stroke"/></svg>
<div><p class="product">${TEXTS.product} · ${TEXTS.roles[face.role]}</p><h1>${escapeHtml(face.name)}</h1></div>
</header>
${alert}
<form method="post" action="/api/sign-in">
<input type="hidden" name="next" value="${escapeHtml(view.next)}">
<label for="name">${TEXTS.name}</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="200" value="${escapeHtml(view.name)}"${view.name === '' ? ' autofocus' : ''}>
<label for="secret">${TEXTS.secret}</label>
<input id="secret" name="secret" type="password" autocomplete="current-password" required maxlength="1024"${view.name === '' ? '' : ' autofocus'}${described}>
<p class="help" id="help">${TEXTS.secretHelp}</p>
<button type="submit">${TEXTS.submit}</button>
</form>
<p class="notice">${TEXTS.notice}</p>
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const capital = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1);

const STYLE = `
:root{color-scheme:light dark;--page:#f4f6f7;--card:#fff;--ink:#1b2429;--quiet:#55636b;--line:#84929a;--accent:#0b6577;--on:#fff;--bad:#a61b1b;--badground:#fdecec}
@media (prefers-color-scheme:dark){:root{--page:#12181b;--card:#1b2327;--ink:#e6ecef;--quiet:#a3b0b7;--line:#5d6a72;--accent:#4fc0d4;--on:#06242b;--bad:#ff9d9d;--badground:#3a1f21}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--page);color:var(--ink);font:14px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{width:100%;max-width:400px;background:var(--card);border-radius:12px;padding:32px;box-shadow:0 1px 2px rgb(0 0 0/.08),0 8px 28px rgb(0 0 0/.08)}
header{display:flex;gap:12px;align-items:center;margin-bottom:24px}
h1{font-size:20px;line-height:1.3;margin:0;font-weight:650}
.product{margin:0;color:var(--quiet);font-size:13px}
.mark{fill:var(--accent)}.stroke{fill:none;stroke:var(--on);stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}
label{display:block;font-weight:600;margin:16px 0 4px}
input{width:100%;font:inherit;font-size:16px;padding:9px 12px;border:1px solid var(--line);border-radius:8px;background:transparent;color:inherit}
input:focus-visible,button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.help{margin:4px 0 0;color:var(--quiet);font-size:13px}
button{margin-top:20px;width:100%;font:inherit;font-weight:600;padding:10px 12px;border:0;border-radius:8px;background:var(--accent);color:var(--on);cursor:pointer}
.fault{margin:0;padding:10px 12px;border-left:3px solid var(--bad);background:var(--badground);border-radius:4px;color:var(--bad)}
.notice{margin:24px 0 0;color:var(--quiet);font-size:13px}
`;
