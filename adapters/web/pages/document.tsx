import { Button, Tabs } from '@mantine/core';
import { useState } from 'react';
import type { DocumentView } from '../../../schemas/portal.ts';
import { ask, useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { Link } from '../parts/link.tsx';
import { useMe } from '../parts/me.tsx';
import { capital, Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { SafeHtml } from '../parts/paper.tsx';
import { ReasonDialog } from '../parts/reason-dialog.tsx';
import { Code } from '../parts/visible-text.tsx';
import { texts } from '../texts.ts';
import { exchangeTexts } from '../texts-exchange.ts';
import { tellTime } from '../time.ts';

const words = texts.document;

export default function DocumentPage({ id }: { id: string }) {
  const { data, fault, failedAt, reload } = useLoad<DocumentView>(`/api/documents/${encodeURIComponent(id)}`);
  const [asking, setAsking] = useState(false);
  const mayWithdraw = useMe().roles.some((role) => role === 'doctor' || role === 'privacy-officer');
  if (fault?.status === 404)
    return <Empty sentence={capital(fault.message)} act={texts.nowhere.patients} href="/patients" />;
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
          {mayWithdraw && data.state !== 'deprecated' ? (
            <Button variant="subtle" color="gray" className="danger-act" onClick={() => setAsking(true)}>
              {exchangeTexts.registry.withdraw}
            </Button>
          ) : null}
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
      {data.state === 'deprecated' ? (
        <p className="notice notice-warn">
          <Icon name="warning" size={16} /> {words.state.deprecated}.
        </p>
      ) : null}
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
      {asking ? (
        <ReasonDialog
          title={exchangeTexts.registry.withdrawTitle}
          help={exchangeTexts.registry.withdrawHelp}
          act={exchangeTexts.registry.withdraw}
          danger
          onClose={() => setAsking(false)}
          onSubmit={async (reason) => {
            await ask(`/api/documents/${encodeURIComponent(id)}/withdraw`, { method: 'POST', body: { reason } });
            reload({ background: true });
          }}
        />
      ) : null}
    </article>
  );
}
