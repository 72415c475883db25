import { Button, Select } from '@mantine/core';
import { useState } from 'react';
import type { MatchRow, MatchSide } from '../../../schemas/identity.ts';
import { MATCH_KINDS, MATCH_STATES } from '../../../schemas/identity.ts';
import type { Listing } from '../../../schemas/portal.ts';
import { useFilters } from '../address.ts';
import { useLoad } from '../api.ts';
import { decideMatch, matchesPath } from '../identity.ts';
import { isUnknown, useRefresh } from '../live.ts';
import { Ago } from '../parts/ago.tsx';
import { BatchDialog, eachInTurn } from '../parts/batch-dialog.tsx';
import { Link } from '../parts/link.tsx';
import type { Column } from '../parts/list.tsx';
import { ListPage } from '../parts/list-page.tsx';
import { KindMark, MatchMark, ProbabilityBar } from '../parts/match-marks.tsx';
import { texts } from '../texts.ts';
import { identityTexts } from '../texts-identity.ts';
import { tellDate } from '../time.ts';

const words = identityTexts.matches;
const nameOf = (side: MatchSide): string => side.name ?? side.number.value;
/** What is settled in numbers: nothing is linked unseen. */
const mayChoose = (row: MatchRow): boolean => row.state === 'open' && (row.kind === 'possible' || row.kind === 'storm');

const columns: Column<MatchRow>[] = [
  {
    key: 'who',
    title: words.columns.who,
    cell: (row) => (
      <>
        <Link data-row-link href={`/matches/${row.id}`} className="row-link strong">
          <Names row={row} />
        </Link>
        <span className="pair-numbers">
          <SideLine side={row.sides[0]} />
          <SideLine side={row.sides[1]} sameNumber={row.kind === 'overlay'} />
        </span>
        <span className="narrow-only">
          {row.kind === 'possible' ? null : (
            <>
              <KindMark kind={row.kind} />{' '}
            </>
          )}
          <MatchMark row={row} help={false} />
        </span>
      </>
    ),
  },
  { key: 'kind', title: words.columns.kind, wide: true, cell: (row) => <KindMark kind={row.kind} /> },
  {
    key: 'probability',
    title: words.columns.probability,
    cell: (row) => <ProbabilityBar probability={row.probability} />,
  },
  { key: 'state', title: words.columns.state, wide: true, cell: (row) => <MatchMark row={row} /> },
  { key: 'from', title: words.columns.from, wide: true, cell: (row) => row.from },
  {
    key: 'since',
    title: words.columns.since,
    wide: true,
    className: 'nowrap',
    cell: (row) => <Ago at={row.createdAt} />,
  },
];

/** Whose number it is; of an overlay there is only one. */
function SideLine({ side, sameNumber = false }: { side: MatchSide | undefined; sameNumber?: boolean }) {
  if (side === undefined) return null;
  return (
    <span className="number">
      {sameNumber ? null : (
        <>
          {side.node} <span className="mono">{side.number.value}</span>{' '}
        </>
      )}
      {side.birthDate === undefined ? null : <span className="wide-only">{tellDate(side.birthDate)}</span>}
    </span>
  );
}

function Names({
  row: {
    kind,
    sides: [one, other],
  },
}: {
  row: MatchRow;
}) {
  const between = kind === 'overlay' ? words.fed : words.and;
  return (
    <>
      {kind === 'storm' ? <span className="quiet">{words.storm} </span> : null}
      {one === undefined ? null : nameOf(one)}
      {other === undefined ? null : (
        <>
          <span className="quiet"> {between} </span>
          {nameOf(other)}
        </>
      )}
    </>
  );
}

export default function MatchesPage() {
  const [filters, change] = useFilters();
  const { state, kind, person, cursor } = filters;
  const list = useLoad<Listing<MatchRow>>(
    matchesPath({ state: state as MatchRow['state'], kind: kind as MatchRow['kind'], person, cursor, limit: 50 }),
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState(false);
  // A list that a person reads or chooses from does not move; its first page without a choice follows.
  useRefresh(
    list.reload,
    (note) => chosen.size === 0 && !asking && cursor === undefined && (isUnknown(note) || note.persons.length > 0),
  );
  const some = (list.data?.rows ?? []).filter((row) => chosen.has(row.id) && mayChoose(row));
  const narrowed = kind !== undefined || person !== undefined || (state !== undefined && state !== 'all');
  return (
    <>
      <ListPage
        title={words.title}
        list={list}
        columns={columns}
        keyOf={(row) => row.id}
        linkOf={(row) => `/matches/${row.id}`}
        select={{
          chosen,
          onChange: setChosen,
          may: mayChoose,
          tell: (row) => words.choose(row.sides.map(nameOf).join(` ${words.and} `)),
        }}
        filters={<Filters filters={filters} change={change} narrowed={narrowed || state === 'all'} />}
        above={
          some.length === 0 ? null : (
            <div className="chosen" role="status">
              <span>{texts.parked.chosen(some.length)}</span>
              <Button size="xs" onClick={() => setAsking(true)}>
                {words.apart}
              </Button>
              <Button size="xs" variant="subtle" onClick={() => setChosen(new Set())}>
                {texts.parked.clear}
              </Button>
            </div>
          )
        }
        empty={
          narrowed
            ? { sentence: words.emptyFilter, act: texts.list.clear, href: '/matches' }
            : state === 'all'
              ? { sentence: words.emptyAll, act: words.emptyAllAct, href: '/patients' }
              : { sentence: words.empty, act: words.emptyAct, href: '/matches?state=all' }
        }
      />
      <BatchDialog
        title={words.apartTitle(some.length)}
        help={words.apartHelp}
        act={words.apart}
        over={words.apartOver}
        opened={asking}
        onClose={() => {
          setAsking(false);
          setChosen(new Set());
        }}
        onDone={() => list.reload({ background: true })}
        work={(reason, tell, signal) =>
          eachInTurn(
            some.map((row) => row.id),
            (id) => decideMatch(id, 'unlink', reason),
            tell,
            signal,
          )
        }
      />
    </>
  );
}

function Filters({
  filters,
  change,
  narrowed,
}: {
  filters: Record<string, string>;
  change: (changes: Record<string, string | undefined>) => void;
  narrowed: boolean;
}) {
  const set = (name: string) => (value: string | null) => change({ [name]: value ?? undefined, cursor: undefined });
  return (
    <>
      <Select
        label={words.filters.state}
        placeholder={words.waiting}
        clearable
        value={filters.state ?? null}
        onChange={set('state')}
        data={[
          ...MATCH_STATES.map((value) => ({ value, label: words.states[value] })),
          { value: 'all', label: words.allStates },
        ]}
      />
      <Select
        label={words.filters.kind}
        placeholder={texts.messages.any}
        clearable
        value={filters.kind ?? null}
        onChange={set('kind')}
        data={MATCH_KINDS.map((value) => ({ value, label: words.kinds[value] }))}
      />
      <div className="filter-acts">
        {filters.person === undefined ? null : <span className="quiet filter-told">{words.ofPerson}</span>}
        {narrowed ? (
          <Button
            variant="subtle"
            size="xs"
            onClick={() => change({ state: undefined, kind: undefined, person: undefined, cursor: undefined })}
          >
            {texts.list.clear}
          </Button>
        ) : null}
      </div>
    </>
  );
}
