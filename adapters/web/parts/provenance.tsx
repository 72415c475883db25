import { ActionIcon, Popover } from '@mantine/core';
import { useState } from 'react';
import type { EntryVersion, FactView } from '../../../schemas/portal.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { texts } from '../texts.ts';
import { tellTime } from '../time.ts';
import { Link } from './link.tsx';

const words = texts.patient;

/** Where a value came from, one click away: source, message, field, time, earlier versions. */
export function Provenance({ fact }: { fact: FactView }) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} width={300} position="bottom-end" shadow="md" withArrow trapFocus>
      <Popover.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={`${words.where}: ${fact.title}`}
          onClick={() => setOpened(!opened)}
        >
          <Icon name="link" size={14} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <h3>{words.where}</h3>
        <dl className="origin">
          <dt>{words.source}</dt>
          <dd>
            <Link href={`/messages?source=${encodeURIComponent(fact.source.sourceId)}`}>{fact.source.sourceId}</Link>
          </dd>
          {fact.from === undefined ? null : (
            <>
              <dt>{words.field}</dt>
              <dd className="mono">{fact.from}</dd>
            </>
          )}
          {fact.at === undefined ? null : (
            <>
              <dt>{words.at}</dt>
              <dd>{tellTime(fact.at)}</dd>
            </>
          )}
          {fact.code === undefined ? null : (
            <>
              <dt>Code</dt>
              <dd className="mono breaks">{fact.code}</dd>
            </>
          )}
          <dt>{words.message}</dt>
          <dd>
            <Link href={`/messages/${fact.source.messageId}`}>{words.openMessage}</Link>
          </dd>
        </dl>
        {opened ? <History id={fact.id} /> : null}
      </Popover.Dropdown>
    </Popover>
  );
}

function History({ id }: { id: string }) {
  const { data } = useLoad<EntryVersion[]>(`/api/entries/${encodeURIComponent(id)}/history`);
  if (data === undefined || data.length < 2) return null;
  return (
    <>
      <h3>{words.history}</h3>
      <ul className="versions">
        {data.map((version) => (
          <li key={version.version}>
            <Link href={`/messages/${version.source.messageId}`}>v{version.version}</Link> {version.status}{' '}
            {version.removed ? words.removed : ''}{' '}
            <span className="quiet">{tellTime(version.at, { seconds: false })}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
