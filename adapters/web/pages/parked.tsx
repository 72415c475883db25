import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Listing, ParkedView } from '../../../schemas/portal.ts';
import { queryOf, useFilters } from '../address.ts';
import { ask, useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { useLive } from '../live.ts';
import { Ago } from '../parts/ago.tsx';
import { BatchDialog, eachInTurn } from '../parts/batch-dialog.tsx';
import { Link } from '../parts/link.tsx';
import type { Column } from '../parts/list.tsx';
import { ListPage } from '../parts/list-page.tsx';
import { capital } from '../parts/notices.tsx';
import { texts } from '../texts.ts';

const words = texts.parked;
const isMessage = (row: ParkedView): boolean => row.kind === 'process';

const columns: Column<ParkedView>[] = [
  {
    key: 'since',
    title: words.columns.since,
    className: 'nowrap loose',
    cell: (row) => (
      <Link data-row-link href={row.link} className="row-link">
        <Ago at={row.since} />
      </Link>
    ),
  },
  {
    key: 'what',
    title: words.columns.what,
    className: 'nowrap',
    cell: (row) =>
      isMessage(row) ? (
        <span className="mono">{row.type}</span>
      ) : (
        (words.kinds[row.kind.split('/')[0] ?? ''] ?? row.kind)
      ),
  },
  { key: 'source', title: words.columns.source, wide: true, cell: (row) => row.sourceId },
  {
    key: 'why',
    title: words.columns.why,
    cell: (row) => (
      <>
        <p>
          {capital(row.fault.sentence)}
          {row.fault.place === undefined ? '' : ` at ${row.fault.place}`}.
        </p>
        <p className="quiet">{capital(row.fault.fix)}.</p>
        {row.blocks ? (
          <p className="state state-parked">
            <Icon name="warning" size={14} />
            {words.blocks}
          </p>
        ) : null}
      </>
    ),
  },
  {
    key: 'act',
    wide: true,
    title: words.columns.act,
    cell: (row) =>
      isMessage(row) ? (
        <Button component={Link} href={`${row.link}?correct=1`} variant="default" size="xs">
          {words.correct}
        </Button>
      ) : null,
  },
];

export default function ParkedPage() {
  const [filters] = useFilters();
  const list = useLoad<Listing<ParkedView>>(`/api/parked${queryOf({ cursor: filters.cursor })}`);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState(false);
  const rows = list.data?.rows ?? [];
  useLive((note) => {
    const shown = new Set(rows.map((row) => row.messageId));
    // Not while a person is choosing: the rows would move under the hand.
    if (chosen.size > 0 || asking) return;
    if (note.messages.some((message) => message.state === 'parked' || shown.has(message.id)))
      list.reload({ background: true });
  });
  const wanted = rows.filter((row) => chosen.has(row.jobId));
  return (
    <>
      <ListPage
        title={words.title}
        list={list}
        columns={columns}
        keyOf={(row) => row.jobId}
        linkOf={(row) => row.link}
        select={{
          chosen,
          onChange: setChosen,
          may: isMessage,
          tell: (row) => words.choose(row.type, row.sourceId),
        }}
        above={
          wanted.length === 0 ? null : (
            <div className="chosen" role="status">
              <span>{words.chosen(wanted.length)}</span>
              <Button size="xs" onClick={() => setAsking(true)} leftSection={<Icon name="rerun" size={15} />}>
                {words.rerun}
              </Button>
              <Button size="xs" variant="subtle" onClick={() => setChosen(new Set())}>
                {words.clear}
              </Button>
            </div>
          )
        }
        empty={{ sentence: words.empty, act: words.emptyAct, href: '/messages' }}
      />
      <BatchDialog
        title={words.rerunTitle(wanted.length)}
        help={words.rerunHelp}
        act={words.rerun}
        opened={asking}
        onClose={() => {
          setAsking(false);
          setChosen(new Set());
        }}
        onDone={() => list.reload({ background: true })}
        work={(reason, tell, signal) =>
          eachInTurn(
            wanted.map((row) => row.messageId),
            (id) => ask(`/api/messages/${encodeURIComponent(id)}/rerun`, { method: 'POST', body: { reason }, signal }),
            tell,
            signal,
          )
        }
      />
    </>
  );
}
