import { useCallback, useEffect, useRef } from 'react';
import type { ExchangeView, PlaceView } from '../../../schemas/portal-exchange.ts';
import { useFilters } from '../address.ts';
import { useLoad } from '../api.ts';
import { Bars } from '../charts.tsx';
import { Icon } from '../icons.tsx';
import { useLive } from '../live.ts';
import { Ago } from '../parts/ago.tsx';
import { ExchangeMap, trafficOf } from '../parts/exchange-map.tsx';
import { lagText, PLACE_ICONS, PlaceMark } from '../parts/exchange-marks.tsx';
import { Link } from '../parts/link.tsx';
import type { Column } from '../parts/list.tsx';
import { ListHead, RowTable } from '../parts/list.tsx';
import { Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { PlaceStory } from '../parts/place-story.tsx';
import { exchangeTexts } from '../texts-exchange.ts';

const words = exchangeTexts.exchange;
const REFRESH_MS = 5_000;
/** Notes of a busy node come in bursts. */
const FOLLOW_MS = 2_000;

const columns: Column<PlaceView>[] = [
  {
    key: 'name',
    title: words.columns.name,
    cell: (place) => (
      <Link data-row-link href={`/exchange?place=${encodeURIComponent(place.name)}`} className="row-link strong">
        <Icon name={PLACE_ICONS[place.kind]} size={15} /> {place.name}
      </Link>
    ),
  },
  { key: 'state', title: words.columns.state, cell: (place) => <PlaceMark place={place} since /> },
  { key: 'lag', title: words.columns.lag, wide: true, className: 'nowrap', cell: lagText },
  { key: 'waiting', title: words.columns.waiting, wide: true, cell: (place) => place.waiting.toLocaleString('en') },
  { key: 'parked', title: words.columns.parked, cell: (place) => place.parked.toLocaleString('en') },
  {
    key: 'traffic',
    title: words.columns.traffic,
    wide: true,
    className: 'spark-cell',
    cell: (place) => (
      <span className="spark">
        <Bars values={place.perMinute} label={words.columns.traffic} height={22} usual={place.usual} />
        <span className="quiet nowrap">{words.perMinute(trafficOf(place))}</span>
      </span>
    ),
  },
  {
    key: 'last',
    title: words.columns.last,
    wide: true,
    className: 'nowrap',
    cell: (place) => {
      const last = [place.lastSentAt, place.lastHeardAt]
        .filter((at) => at !== undefined)
        .toSorted()
        .at(-1);
      return last === undefined ? '\u2013' : <Ago at={last} />;
    },
  },
];

export default function ExchangePage() {
  const [filters, change] = useFilters();
  const { data, fault, failedAt, reload } = useLoad<ExchangeView>('/api/exchange');
  useFollow(reload);
  const chosen = data?.places.find((place) => place.name === filters.place);
  const choose = (name: string): void =>
    change({ place: name === filters.place ? undefined : name }, { replace: true });
  return (
    <section className="page">
      <ListHead title={words.title}>
        {data?.release === undefined ? null : (
          <Link href="/settings" className="quiet">
            {words.release(data.release.version)}
          </Link>
        )}
      </ListHead>
      {fault === undefined ? null : <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />}
      {data === undefined ? (
        fault === undefined ? (
          <SkeletonRows />
        ) : null
      ) : data.places.length === 0 ? (
        <Empty sentence={words.empty} act={words.emptyAct} href="/settings" />
      ) : (
        <>
          <div className={chosen === undefined ? 'exchange' : 'exchange exchange-with-story'}>
            <ExchangeMap view={data} chosen={chosen?.name} onChoose={choose} />
            {chosen === undefined ? null : (
              <PlaceStory
                key={chosen.name}
                place={chosen}
                onClose={() => change({ place: undefined }, { replace: true })}
                onChange={() => reload({ background: true })}
              />
            )}
          </div>
          <h2 className="table-title">{words.all}</h2>
          <RowTable
            label={words.all}
            columns={columns}
            rows={data.places}
            keyOf={(place) => `${place.relation} ${place.name}`}
            linkOf={(place) => `/exchange?place=${encodeURIComponent(place.name)}`}
          />
        </>
      )}
    </section>
  );
}

/** With the live notes, at most every two seconds, and by the clock: a node that falls silent sends no note. */
function useFollow(reload: (options: { background: boolean }) => void): void {
  const lookedAt = useRef(0);
  const look = useCallback(() => {
    if (document.hidden || Date.now() - lookedAt.current < FOLLOW_MS) return;
    lookedAt.current = Date.now();
    reload({ background: true });
  }, [reload]);
  useLive(look);
  useEffect(() => {
    const timer = setInterval(look, REFRESH_MS);
    return () => clearInterval(timer);
  }, [look]);
}
