import { Button, Tabs } from '@mantine/core';
import type { RetrievedView } from '../../../schemas/portal-exchange.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { Link } from '../parts/link.tsx';
import { FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { SafeHtml } from '../parts/paper.tsx';
import { Code } from '../parts/visible-text.tsx';
import { texts } from '../texts.ts';
import { exchangeTexts } from '../texts-exchange.ts';
import { tellTime } from '../time.ts';

const words = exchangeTexts.elsewhere;

/** A document of another hospital, retrieved now and shown; `id` is person and document. */
export default function ElsewherePage({ id }: { id: string }) {
  const [personId = '', documentId = ''] = id.split('/');
  const { data, fault, failedAt, reload } = useLoad<RetrievedView>(
    `/api/patients/${encodeURIComponent(personId)}/elsewhere/${encodeURIComponent(documentId)}`,
  );
  if (data === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={12} />
    ) : (
      <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />
    );
  const { document } = data;
  return (
    <article className="page">
      <header className="detail-head">
        <div>
          <h1>{document.title}</h1>
          <p className="quiet">
            {words.retrieved(document.home)} · {tellTime(data.retrievedAt)}
          </p>
          <p className="quiet">{words.notKept}</p>
        </div>
        <div className="acts">
          <Button
            component={Link}
            href={`/patients/${personId}?tab=elsewhere`}
            variant="default"
            leftSection={<Icon name="patients" size={16} />}
          >
            {words.back}
          </Button>
        </div>
      </header>
      {data.html === undefined ? <p className="notice">{words.notReadable}</p> : null}
      <Tabs defaultValue={data.html === undefined ? 'text' : 'read'} keepMounted={false}>
        <Tabs.List>
          {data.html === undefined ? null : <Tabs.Tab value="read">{texts.document.read}</Tabs.Tab>}
          <Tabs.Tab value="text">{data.html === undefined ? words.text : texts.document.xml}</Tabs.Tab>
          <Tabs.Tab value="facts">{texts.document.facts}</Tabs.Tab>
        </Tabs.List>
        {data.html === undefined ? null : (
          <Tabs.Panel value="read">
            <SafeHtml html={data.html} />
          </Tabs.Panel>
        )}
        <Tabs.Panel value="text">
          <Code label={texts.document.xml}>{data.text}</Code>
        </Tabs.Panel>
        <Tabs.Panel value="facts">
          <dl className="facts facts-tall">
            <div>
              <dt>{texts.document.digest}</dt>
              <dd className="mono breaks">{data.sha256}</dd>
            </div>
            <div>
              <dt>{texts.document.made}</dt>
              <dd>{tellTime(document.createdAt)}</dd>
            </div>
          </dl>
        </Tabs.Panel>
      </Tabs>
    </article>
  );
}
