import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Listing, ParkedView } from '../../../schemas/portal.ts';
import { queryOf, useFilters } from '../address.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { useLive } from '../live.ts';
import { Ago } from '../parts/ago.tsx';
import { Link } from '../parts/link.tsx';
import type { Column } from '../parts/list.tsx';
import { ListHead, Pager, RowTable } from '../parts/list.tsx';
import { capital, Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { RerunDialog } from '../parts/rerun.tsx';
import { texts } from '../texts.ts';

const words = texts.parked;

export default function ParkedPage() {
  const [filters, change] = useFilters();
  const list = useLoad<Listing<ParkedView>>(`/api/parked${queryOf({ cursor: filters.cursor })}`);
  const [asking, setAsking] = useState<string>();
  useLive((note) => {
    const shown = new Set(list.data?.rows.map((row) => row.messageId));
    if (note.messages.some((message) => message.state === 'parked' || shown.has(message.id)))
      list.reload({ background: true });
  });
  const columns: Column<ParkedView>[] = [
    {
      key: 'since',
      title: words.columns.since,
      className: 'nowrap loose',
      cell: (row) => (
        <Link data-row-link href={`/messages/${row.messageId}`} className="row-link">
          <Ago at={row.since} />
        </Link>
      ),
    },
    {
      key: 'what',
      title: words.columns.what,
      className: 'nowrap',
      cell: (row) => <span className="mono">{row.type}</span>,
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
      cell: (row) => (
        <Button variant="default" size="xs" onClick={() => setAsking(row.messageId)}>
          {words.rerun}
        </Button>
      ),
    },
  ];
  return (
    <section className="page">
      <ListHead title={words.title} count={list.data?.count} />
      {list.fault !== undefined ? (
        <FaultNotice fault={list.fault} since={list.failedAt} onAgain={() => list.reload()} />
      ) : null}
      {list.data === undefined ? (
        list.fault === undefined ? (
          <SkeletonRows />
        ) : null
      ) : list.data.rows.length === 0 ? (
        <Empty sentence={words.empty} act={words.emptyAct} href="/messages" />
      ) : (
        <>
          <RowTable
            label={words.title}
            columns={columns}
            rows={list.data.rows}
            keyOf={(row) => row.jobId}
            linkOf={(row) => `/messages/${row.messageId}`}
          />
          <Pager next={list.data.next} cursor={filters.cursor} onGo={(cursor) => change({ cursor })} />
        </>
      )}
      {asking === undefined ? null : (
        <RerunDialog
          key={asking}
          id={asking}
          opened
          onClose={() => setAsking(undefined)}
          onDone={() => list.reload({ background: true })}
        />
      )}
    </section>
  );
}
