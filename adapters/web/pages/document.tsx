import { Button, Tabs } from '@mantine/core';
import { useEffect, useRef } from 'react';
import type { DocumentView } from '../../../schemas/portal.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { Link } from '../parts/link.tsx';
import { capital, Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { Code } from '../parts/visible-text.tsx';
import { texts } from '../texts.ts';
import { tellTime } from '../time.ts';

const words = texts.document;

export default function DocumentPage({ id }: { id: string }) {
  const { data, fault, failedAt, reload } = useLoad<DocumentView>(`/api/documents/${encodeURIComponent(id)}`);
  if (fault?.status === 404)
    return <Empty sentence={capital(fault.message)} act={texts.nowhere.act} href="/patients" />;
  if (data === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={12} />
    ) : (
      <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />
    );
  const { signature } = data;
  return (
    <article className="page">
      <header className="detail-head">
        <div>
          <h1>{words.title}</h1>
          <p className="quiet">
            {words.version} {data.version} · {words.state[data.state]} · {tellTime(data.createdAt)}
          </p>
          <p className={signature.holds ? 'seal seal-good' : 'seal seal-bad'}>
            <Icon name={signature.holds ? 'check' : 'danger'} size={16} />{' '}
            {signature.holds ? words.holds : words.broken}
            {signature.reason === undefined ? '' : `: ${signature.reason}`}{' '}
            <span className="quiet">{signature.signer}</span>
          </p>
        </div>
        <div className="acts">
          <Button
            component={Link}
            href={`/patients/${data.personId}`}
            variant="default"
            leftSection={<Icon name="patients" size={16} />}
          >
            {words.patient}
          </Button>
          <Button
            component="a"
            href={`/api/documents/${encodeURIComponent(id)}/xml`}
            download
            leftSection={<Icon name="download" size={16} />}
          >
            {words.download}
          </Button>
        </div>
      </header>
      <Tabs defaultValue="read" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="read">{words.read}</Tabs.Tab>
          <Tabs.Tab value="xml">{words.xml}</Tabs.Tab>
          <Tabs.Tab value="facts">{words.facts}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="read">
          <SafeHtml html={data.html} />
        </Tabs.Panel>
        <Tabs.Panel value="xml">
          <Code label={words.xml}>{data.xml}</Code>
        </Tabs.Panel>
        <Tabs.Panel value="facts">
          <dl className="facts facts-tall">
            <div>
              <dt>{words.signer}</dt>
              <dd>{signature.signer}</dd>
            </div>
            <div>
              <dt>{words.digest}</dt>
              <dd className="mono breaks">{data.sha256}</dd>
            </div>
            <div>
              <dt>{words.made}</dt>
              <dd>{tellTime(data.createdAt)}</dd>
            </div>
          </dl>
        </Tabs.Panel>
      </Tabs>
    </article>
  );
}

/** Only styles with the answer's nonce are used (Content-Security-Policy); the document's own are brought under ours. */
function paperOf(html: string, nonce: string): string {
  // Cut out as text: parsing it here would already be an inline style to the policy.
  const own = /<style>([^<]*)<\/style>/.exec(html)?.[1] ?? '';
  const body = /<body>([\s\S]*)<\/body>/.exec(html)?.[1] ?? html;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${words.title}</title><style nonce="${nonce}">${own}${PAPER}</style></head><body>${body}</body></html>`;
}

/** The readable document in a frame of its own that may run nothing: what came in a message must not reach the portal. */
function SafeHtml({ html }: { html: string }) {
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
  return <iframe ref={frame} className="paper" title={words.title} sandbox="allow-same-origin" srcDoc={page} />;
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
