import { Select } from '@mantine/core';
import type { AuditRow, Listing } from '../../../schemas/portal.ts';
import { queryOf, useFilters } from '../address.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { Link } from '../parts/link.tsx';
import type { Column } from '../parts/list.tsx';
import { TextFilter } from '../parts/list.tsx';
import { ListPage } from '../parts/list-page.tsx';
import { texts } from '../texts.ts';
import { tellTime } from '../time.ts';

const words = texts.audit;
const ACTIONS = [
  'read',
  'search',
  'create',
  'update',
  'disclose',
  'sign-in',
  'sign-out',
  'rerun',
  'start',
  'stop',
  'refuse',
];
const PAGES: Record<string, string> = {
  patient: '/patients/',
  person: '/patients/',
  message: '/messages/',
  document: '/documents/',
};

const columns: Column<AuditRow>[] = [
  {
    key: 'at',
    title: words.columns.at,
    className: 'nowrap loose',
    cell: (row) => <time dateTime={row.at}>{tellTime(row.at)}</time>,
  },
  {
    key: 'who',
    title: words.columns.who,
    className: 'who-cell',
    cell: (row) => <span className="strong">{row.who}</span>,
  },
  { key: 'action', title: words.columns.action, wide: true, cell: (row) => row.action },
  {
    key: 'what',
    title: words.columns.what,
    cell: (row) => (
      <>
        <span className="narrow-only">{row.action}</span>
        <Thing row={row} />
        <span className="narrow-only quiet">{row.reason ?? ''}</span>
      </>
    ),
  },
  {
    key: 'outcome',
    title: words.columns.outcome,
    className: 'nowrap',
    cell: (row) =>
      row.outcome === 'Deny' ? (
        <span className="state state-parked">
          <Icon name="danger" size={14} />
          {words.deny}
        </span>
      ) : row.outcome === 'Permit' ? (
        <span className="quiet">{words.permit}</span>
      ) : (
        row.outcome
      ),
  },
  { key: 'reason', title: words.columns.reason, wide: true, cell: (row) => row.reason ?? '' },
];

/** What it was about, with a link to where that has a page. */
function Thing({ row }: { row: AuditRow }) {
  const page = PAGES[row.what];
  if (row.thing === undefined || page === undefined) return row.what;
  return (
    <Link data-row-link href={`${page}${encodeURIComponent(row.thing)}`}>
      {row.what}
    </Link>
  );
}

export default function AuditPage() {
  const [filters, change] = useFilters();
  const list = useLoad<Listing<AuditRow>>(
    `/api/audit${queryOf({ who: filters.who, action: filters.action, cursor: filters.cursor, limit: 100 })}`,
  );
  return (
    <ListPage
      title={words.title}
      list={list}
      columns={columns}
      keyOf={(row, at) => `${at} ${row.at}`}
      empty={{ sentence: words.empty, act: words.emptyAct, href: '/audit' }}
      filters={
        <>
          <TextFilter label={words.who} value={filters.who} onChange={(who) => change({ who, cursor: undefined })} />
          <Select
            label={words.action}
            placeholder={texts.messages.any}
            clearable
            value={filters.action ?? null}
            onChange={(value) => change({ action: value ?? undefined, cursor: undefined })}
            data={ACTIONS}
          />
        </>
      }
    />
  );
}
