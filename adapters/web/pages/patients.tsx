import { TextInput } from '@mantine/core';
import type { Listing, PatientRow } from '../../../schemas/portal.ts';
import { queryOf, useFilters } from '../address.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { useLive } from '../live.ts';
import { Ago } from '../parts/ago.tsx';
import { Link } from '../parts/link.tsx';
import type { Column } from '../parts/list.tsx';
import { TextFilter } from '../parts/list.tsx';
import { ListPage } from '../parts/list-page.tsx';
import { useMe } from '../parts/me.tsx';
import { texts } from '../texts.ts';
import { ageOf, tellDate } from '../time.ts';

const words = texts.patients;
const NAMES = ['q', 'name', 'number', 'birth'] as const;

const columns: Column<PatientRow>[] = [
  {
    key: 'name',
    title: words.columns.name,
    cell: (row) => (
      <>
        <Link data-row-link href={`/patients/${row.id}`} className="row-link strong">
          {row.name || '\u2013'}
        </Link>
        {row.incomplete ? (
          <span className="state state-parked">
            <Icon name="warning" size={14} />
            {words.incomplete}
          </span>
        ) : null}
      </>
    ),
  },
  {
    key: 'born',
    title: words.columns.born,
    className: 'nowrap loose',
    cell: (row) =>
      row.birthDate === undefined ? (
        '\u2013'
      ) : (
        <>
          {tellDate(row.birthDate)} <span className="quiet">{ageText(row.birthDate)}</span>
        </>
      ),
  },
  { key: 'sex', title: words.columns.sex, wide: true, cell: (row) => row.sex ?? '\u2013' },
  {
    key: 'numbers',
    title: words.columns.numbers,
    cell: (row) => (
      <span className="numbers">
        {row.numbers.slice(0, 2).map((number) => (
          <span key={`${number.type} ${number.value} ${number.facility}`} title={number.facility} className="number">
            <span className="quiet">{number.type}</span> {number.value}
          </span>
        ))}
        {row.numbers.length > 2 ? <span className="quiet"> +{row.numbers.length - 2}</span> : null}
      </span>
    ),
  },
  {
    key: 'mix',
    title: words.columns.mix,
    wide: true,
    className: 'nowrap',
    cell: (row) => <span className="mono">{row.mixNumber ?? '\u2013'}</span>,
  },
  {
    key: 'updated',
    title: words.columns.updated,
    wide: true,
    className: 'nowrap',
    cell: (row) => <Ago at={row.updatedAt} />,
  },
];

function ageText(birthDate: string): string {
  const age = ageOf(birthDate);
  return age === undefined ? '' : texts.patient.age(age);
}

export default function PatientsPage() {
  const [filters, change] = useFilters();
  const wanted = Object.fromEntries(NAMES.map((name) => [name, filters[name]]));
  const list = useLoad<Listing<PatientRow>>(
    `/api/patients${queryOf({ ...wanted, cursor: filters.cursor, limit: 50 })}`,
  );
  const filtered = NAMES.some((name) => filters[name] !== undefined);
  useLive((note) => {
    if (list.data?.rows.length === 0 && note.persons.length > 0) list.reload({ background: true });
  });
  const set = (name: string) => (value: string) => change({ [name]: value, cursor: undefined });
  const atHospital = useMe().node.role === 'hospital';
  return (
    <ListPage
      title={atHospital ? words.title : texts.places.persons}
      list={list}
      columns={columns.filter(({ key }) => key !== 'mix' || list.data?.rows.some((row) => row.mixNumber !== undefined))}
      keyOf={(row) => row.id}
      linkOf={(row) => `/patients/${row.id}`}
      empty={
        filtered
          ? { sentence: words.emptyFilter, act: texts.list.clear, href: '/patients' }
          : atHospital
            ? { sentence: words.empty, act: words.emptyAct, href: '/messages' }
            : { sentence: words.emptyFed, act: words.emptyFedAct, href: '/exchange' }
      }
      filters={
        <>
          <TextFilter label={words.q} value={filters.q} onChange={set('q')} className="grow" />
          <TextFilter label={words.number} value={filters.number} onChange={set('number')} />
          <TextInput
            type="date"
            label={words.birth}
            value={filters.birth ?? ''}
            onChange={(event) => set('birth')(event.currentTarget.value)}
          />
        </>
      }
    />
  );
}
