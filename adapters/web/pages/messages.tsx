import { Button, Select, TextInput, Tooltip } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useRef, useState } from 'react';
import type { MessageState } from '../../../schemas/parts.ts';
import type { Listing, LiveNote, MessageRow, SourceView } from '../../../schemas/portal.ts';
import { queryOf, useFilters } from '../address.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { useLive } from '../live.ts';
import { Ago } from '../parts/ago.tsx';
import { Link } from '../parts/link.tsx';
import type { Column } from '../parts/list.tsx';
import { TextFilter } from '../parts/list.tsx';
import { ListPage } from '../parts/list-page.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { texts } from '../texts.ts';

const NAMES = [
  'state',
  'source',
  'type',
  'number',
  'name',
  'control',
  'accession',
  'text',
  'processing',
  'from',
  'to',
  'person',
] as const;
const TYPES = ['ADT', 'ORU', 'ORM', 'OML', 'OMG', 'RDE', 'MDM', 'VXU'];
const words = texts.messages;

export default function MessagesPage() {
  const [filters, change] = useFilters();
  const wanted = Object.fromEntries(NAMES.map((name) => [name, filters[name]]));
  const list = useLoad<Listing<MessageRow>>(
    `/api/messages${queryOf({ ...wanted, cursor: filters.cursor, limit: 50 })}`,
  );
  const filtered = NAMES.some((name) => filters[name] !== undefined);
  const { fresh, stateOf, showFresh } = useFresh(list.data, filters, list.reload);

  return (
    <ListPage
      title={words.title}
      list={list}
      columns={columnsOf(stateOf)}
      keyOf={(row) => row.id}
      linkOf={(row) => `/messages/${row.id}`}
      empty={
        filtered
          ? { sentence: words.emptyFilter, act: texts.list.clear, href: '/messages' }
          : { sentence: words.empty, act: words.emptyAct, href: '/sources' }
      }
      acts={
        <Button
          component="a"
          variant="default"
          size="xs"
          leftSection={<Icon name="download" size={15} />}
          href={`/api/messages.csv${queryOf(wanted)}`}
          download
        >
          {texts.list.csv}
        </Button>
      }
      filters={<Filters filters={filters} change={change} />}
      above={
        fresh === 0 ? null : (
          <button type="button" className="fresh" onClick={showFresh}>
            {texts.list.fresh(fresh)}
          </button>
        )
      }
    />
  );
}

/** What came since the list was loaded: counted above it, never pushed under the reader's hand; known rows change their state in place. */
function useFresh(data: Listing<MessageRow> | undefined, filters: Record<string, string>, reload: () => void) {
  const [notes, setNotes] = useState<{ of: unknown; ids: Set<string>; states: Map<string, MessageState> }>({
    of: undefined,
    ids: new Set(),
    states: new Map(),
  });
  const current = useRef(data);
  current.current = data;
  const live =
    notes.of === data ? notes : { of: data, ids: new Set<string>(), states: new Map<string, MessageState>() };
  useLive((note: LiveNote) => {
    if (current.current === undefined || note.messages.length === 0) return;
    if (current.current.rows.length === 0) return reload();
    const shown = new Set(current.current.rows.map((row) => row.id));
    const ids = new Set(live.ids);
    const states = new Map(live.states);
    for (const message of note.messages) {
      if (shown.has(message.id)) states.set(message.id, message.state);
      else if (fits(message, filters)) ids.add(message.id);
    }
    setNotes({ of: current.current, ids, states });
  });
  return {
    fresh: filters.cursor === undefined ? live.ids.size : 0,
    stateOf: (row: MessageRow) => live.states.get(row.id) ?? row.state,
    showFresh: () => reload(),
  };
}

/** As far as a note can tell; a filter by patient or text can't be judged without the message, so it counts nothing. */
function fits(message: LiveNote['messages'][number], filters: Record<string, string>): boolean {
  if (['number', 'name', 'control', 'accession', 'text', 'person', 'to'].some((name) => filters[name] !== undefined))
    return false;
  return (
    (filters.source ?? message.sourceId) === message.sourceId &&
    (filters.state ?? message.state) === message.state &&
    message.type.startsWith(filters.type ?? '')
  );
}

function columnsOf(stateOf: (row: MessageRow) => MessageState): Column<MessageRow>[] {
  return [
    {
      key: 'received',
      title: words.columns.received,
      className: 'nowrap',
      cell: (row) => (
        <Link data-row-link href={`/messages/${row.id}`} className="row-link">
          <Ago at={row.receivedAt} />
        </Link>
      ),
    },
    {
      key: 'state',
      title: words.columns.state,
      className: 'nowrap',
      cell: (row) => (
        <span className="state-cell">
          <StateMark state={stateOf(row)} />
          {row.conflict ? (
            <Tooltip label={words.conflict}>
              <span className="warn-sign" role="img" aria-label={words.conflict}>
                <Icon name="warning" size={15} />
              </span>
            </Tooltip>
          ) : null}
        </span>
      ),
    },
    {
      key: 'patient',
      title: words.columns.patient,
      className: 'patient-cell',
      cell: (row) => (
        <>
          {row.patientNumbers.length === 0 && row.patientName === undefined ? (
            <span className="quiet">{words.noPatient}</span>
          ) : (
            <>
              <span className="strong">{row.patientName ?? ''}</span>{' '}
              <span className="quiet numbers">{row.patientNumbers[0]?.split('^')[0] ?? ''}</span>
            </>
          )}
          <span className="narrow-only mono quiet">{row.type}</span>
        </>
      ),
    },
    {
      key: 'type',
      title: words.columns.type,
      wide: true,
      className: 'nowrap',
      cell: (row) => <span className="mono">{row.type}</span>,
    },
    { key: 'source', title: words.columns.source, wide: true, cell: (row) => row.sourceId },
    {
      key: 'control',
      title: words.columns.control,
      wide: true,
      cell: (row) => <span className="mono quiet">{row.controlId}</span>,
    },
    {
      key: 'answer',
      title: words.columns.answer,
      wide: true,
      cell: (row) => (
        <Tooltip
          label={
            row.fault === undefined
              ? row.ackCode
              : `${row.fault.sentence}${row.fault.place ? ` at ${row.fault.place}` : ''}`
          }
        >
          <span className={/^[AC]A$/.test(row.ackCode) ? 'mono quiet' : 'mono bad'}>
            {row.ackCode}
            {row.fault?.place ? ` ${row.fault.place}` : ''}
          </span>
        </Tooltip>
      ),
    },
  ];
}

function Filters({
  filters,
  change,
}: {
  filters: Record<string, string>;
  change: (changes: Record<string, string | undefined>) => void;
}) {
  const narrow = useMediaQuery('(max-width: 700px)', undefined, { getInitialValueInEffect: false });
  const rare = ['name', 'control', 'accession', 'processing', 'from', 'to'];
  const [more, setMore] = useState(() => rare.some((name) => filters[name] !== undefined));
  const sources = useLoad<SourceView[]>('/api/sources');
  const set = (name: string) => (value: string | null) => change({ [name]: value ?? undefined, cursor: undefined });
  const text = (name: 'number' | 'name' | 'control' | 'accession' | 'text') => (
    <TextFilter label={words.filters[name]} value={filters[name]} onChange={set(name)} />
  );
  const date = (name: 'from' | 'to') => (
    <TextInput
      type="date"
      label={words.filters[name]}
      value={(filters[name] ?? '').slice(0, 10)}
      onChange={(event) => set(name)(event.currentTarget.value)}
    />
  );
  const some = NAMES.some((name) => filters[name] !== undefined);
  // A phone shows two filters until asked for more, or while one of the others holds.
  const brief = narrow && !more && ['source', 'type', 'number'].every((name) => filters[name] === undefined);
  return (
    <>
      <Select
        label={words.filters.state}
        placeholder={words.any}
        clearable
        value={filters.state ?? null}
        onChange={set('state')}
        data={Object.entries(words.states).map(([value, label]) => ({ value, label }))}
      />
      {brief ? null : (
        <>
          {' '}
          <Select
            label={words.filters.source}
            placeholder={words.any}
            clearable
            value={filters.source ?? null}
            onChange={set('source')}
            data={(sources.data ?? []).map((source) => source.id)}
          />
          <Select
            label={words.filters.type}
            placeholder={words.any}
            clearable
            value={filters.type ?? null}
            onChange={set('type')}
            data={withOwn(TYPES, filters.type)}
          />
          {text('number')}
        </>
      )}
      {text('text')}
      {more ? (
        <>
          {text('name')}
          {text('control')}
          {text('accession')}
          <Select
            label={words.filters.processing}
            value={filters.processing ?? 'P'}
            allowDeselect={false}
            onChange={(value) => set('processing')(value === 'P' ? null : value)}
            data={Object.entries(words.processing).map(([value, label]) => ({ value, label }))}
          />
          {date('from')}
          {date('to')}
        </>
      ) : null}
      <div className="filter-acts">
        <Button variant="subtle" size="xs" onClick={() => setMore(!more)} aria-expanded={more}>
          {more ? texts.list.less : texts.list.more}
        </Button>
        {some ? (
          <Button variant="subtle" size="xs" component={Link} href="/messages">
            {texts.list.clear}
          </Button>
        ) : null}
      </div>
    </>
  );
}

const withOwn = (known: string[], own: string | undefined): string[] =>
  own === undefined || known.includes(own) ? known : [...known, own];
