import { Button, Select } from '@mantine/core';
import { useState } from 'react';
import type { Listing } from '../../../schemas/portal.ts';
import type { DeliveryRow, ExchangeView } from '../../../schemas/portal-exchange.ts';
import { queryOf, useFilters } from '../address.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { useLive } from '../live.ts';
import { deliveryColumns } from '../parts/delivery-columns.tsx';
import { DeliveryMark } from '../parts/exchange-marks.tsx';
import { ListPage } from '../parts/list-page.tsx';
import { ResendDialog } from '../parts/resend-dialog.tsx';
import { texts } from '../texts.ts';
import { exchangeTexts } from '../texts-exchange.ts';

const words = exchangeTexts.deliveries;
const NAMES = ['outlet', 'state', 'kind', 'person', 'thing'] as const;
const maySend = (row: DeliveryRow): boolean => row.state === 'parked' || row.state === 'refused';

export default function DeliveriesPage() {
  const [filters, change] = useFilters();
  const wanted = Object.fromEntries(NAMES.map((name) => [name, filters[name]]));
  const list = useLoad<Listing<DeliveryRow>>(
    `/api/deliveries${queryOf({ ...wanted, cursor: filters.cursor, limit: 50 })}`,
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState<{ ids: string[] } | { outlet: string; count: number }>();
  const filtered = NAMES.some((name) => filters[name] !== undefined);
  const rows = list.data?.rows ?? [];
  const some = rows.filter((row) => chosen.has(row.id));
  useLive((note) => {
    // A list that a person reads or chooses from does not move; its first page without a choice follows.
    if (chosen.size > 0 || asking !== undefined || filters.cursor !== undefined) return;
    if (note.overview === true) list.reload({ background: true });
  });
  const { outlet } = filters;
  const parkedOf = outlet !== undefined && filters.state === 'parked' ? (list.data?.count ?? 0) : 0;
  return (
    <>
      <ListPage
        title={words.title}
        list={list}
        columns={deliveryColumns}
        keyOf={(row) => row.id}
        linkOf={(row) => `/deliveries/${row.id}`}
        select={{
          chosen,
          onChange: setChosen,
          may: maySend,
          tell: (row) => words.choose(words.kinds[row.kind], row.outlet),
        }}
        acts={
          outlet === undefined || parkedOf === 0 ? null : (
            <Button
              size="xs"
              variant="default"
              leftSection={<Icon name="rerun" size={15} />}
              onClick={() => setAsking({ outlet, count: parkedOf })}
            >
              {words.resendAll}
            </Button>
          )
        }
        filters={<Filters filters={filters} change={change} filtered={filtered} />}
        above={
          some.length === 0 ? null : (
            <div className="chosen" role="status">
              <span>{texts.parked.chosen(some.length)}</span>
              <Button
                size="xs"
                onClick={() => setAsking({ ids: some.map((row) => row.id) })}
                leftSection={<Icon name="rerun" size={15} />}
              >
                {words.resend}
              </Button>
              <Button size="xs" variant="subtle" onClick={() => setChosen(new Set())}>
                {texts.parked.clear}
              </Button>
            </div>
          )
        }
        empty={
          filtered
            ? { sentence: words.emptyFilter, act: texts.list.clear, href: '/deliveries' }
            : { sentence: words.empty, act: words.emptyAct, href: '/exchange' }
        }
      />
      {asking === undefined ? null : (
        <ResendDialog
          what={asking}
          onClose={() => {
            setAsking(undefined);
            setChosen(new Set());
          }}
          onDone={() => list.reload({ background: true })}
        />
      )}
    </>
  );
}

function Filters({
  filters,
  change,
  filtered,
}: {
  filters: Record<string, string>;
  change: (changes: Record<string, string | undefined>) => void;
  filtered: boolean;
}) {
  const exchange = useLoad<ExchangeView>('/api/exchange');
  const set = (name: string) => (value: string | null) => change({ [name]: value ?? undefined, cursor: undefined });
  const known = (exchange.data?.places ?? []).filter((place) => place.relation !== 'source').map((place) => place.name);
  const outlets = filters.outlet === undefined || known.includes(filters.outlet) ? known : [...known, filters.outlet];
  return (
    <>
      <Select
        label={words.filters.outlet}
        placeholder={texts.messages.any}
        clearable
        value={filters.outlet ?? null}
        onChange={set('outlet')}
        data={outlets}
      />
      <Select
        label={words.filters.state}
        placeholder={texts.messages.any}
        clearable
        value={filters.state ?? null}
        onChange={set('state')}
        data={Object.entries(words.states).map(([value, label]) => ({ value, label }))}
        renderOption={({ option }) => <DeliveryMark state={option.value as DeliveryRow['state']} />}
      />
      <Select
        label={words.filters.kind}
        placeholder={texts.messages.any}
        clearable
        value={filters.kind ?? null}
        onChange={set('kind')}
        data={Object.entries(words.kinds).map(([value, label]) => ({ value, label }))}
      />
      <div className="filter-acts">
        {filters.person === undefined ? null : <span className="quiet filter-told">{words.ofPerson}</span>}
        {filters.thing === undefined ? null : <span className="quiet filter-told">{words.ofThing}</span>}
        {filtered ? (
          <Button
            variant="subtle"
            size="xs"
            onClick={() => change(Object.fromEntries([...NAMES, 'cursor'].map((name) => [name, undefined])))}
          >
            {texts.list.clear}
          </Button>
        ) : null}
      </div>
    </>
  );
}
