import { useEffect, useRef } from 'react';
import { texts } from '../texts.ts';

/** Only styles with the answer's nonce are used (Content-Security-Policy); the document's own are brought under ours. */
function paperOf(html: string, nonce: string): string {
  // Cut out as text: parsing it here would already be an inline style to the policy.
  const own = /<style>([^<]*)<\/style>/.exec(html)?.[1] ?? '';
  const body = /<body>([\s\S]*)<\/body>/.exec(html)?.[1] ?? html;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${texts.document.title}</title><style nonce="${nonce}">${own}${PAPER}</style></head><body>${body}</body></html>`;
}

/** The readable document in a frame of its own that may run nothing: what came in a message must not reach the portal. */
export function SafeHtml({ html }: { html: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const nonce = document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? '';
  const page = paperOf(html, nonce);
  useEffect(() => {
    const { current } = frame;
    if (current === null) return;
    const measure = (): void => {
      const inner = current.contentDocument?.documentElement;
      if (inner !== undefined && inner !== null) current.style.height = `${Math.min(20_000, inner.scrollHeight + 8)}px`;
    };
    current.addEventListener('load', measure);
    addEventListener('resize', measure);
    measure();
    return () => {
      current.removeEventListener('load', measure);
      removeEventListener('resize', measure);
    };
  }, []);
  // Same origin only to measure its height; without allow-scripts nothing inside can use it.
  return (
    <iframe ref={frame} className="paper" title={texts.document.title} sandbox="allow-same-origin" srcDoc={page} />
  );
}

/** A sheet of paper in light and dark alike: what is read here may be printed. */
const PAPER = `
html{color-scheme:light}body{margin:0;padding:28px 32px;background:#fff;color:#1b2429;font:14px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
h1{font-size:20px;margin:0 0 16px}h2{font-size:15px;margin:24px 0 8px;padding-bottom:4px;border-bottom:1px solid #d5dcdf}h3{font-size:14px;margin:16px 0 4px}
table{border-collapse:collapse;width:100%;margin:8px 0}th,td{text-align:left;vertical-align:top;padding:5px 12px 5px 0;border-bottom:1px solid #e6eaec}th{font-weight:600;color:#46545c}
main>section+section{margin-top:20px}nav ol{columns:3 14rem;margin:0 0 8px}dl{margin:8px 0}header{border-bottom:0;margin:0}th,td{border-left:0;border-right:0}th{background:none}
caption{text-align:left;font-weight:600;padding:4px 0}p{margin:6px 0}ul,ol{margin:6px 0;padding-left:20px}a{color:#0b6577}
@media (max-width:600px){body{padding:16px}table{display:block;overflow-x:auto}}
`;
