/** The story of one place of the map: how it stands and since when, its traffic beside what is usual, what waits, what went last. */
import { Button, CloseButton } from '@mantine/core';
import type { ReactNode } from 'react';
import { useEffect, useRef, useState } from 'react';
import type { Listing, MessageRow } from '../../../schemas/portal.ts';
import type { DeliveryRow, PlaceView } from '../../../schemas/portal-exchange.ts';
import { queryOf } from '../address.ts';
import { useLoad } from '../api.ts';
import { Bars } from '../charts.tsx';
import { Icon } from '../icons.tsx';
import { exchangeTexts } from '../texts-exchange.ts';
import { tellSpan } from '../time.ts';
import { Ago } from './ago.tsx';
import { DeliveryMark, PLACE_ICONS, PlaceMark } from './exchange-marks.tsx';
import { Link } from './link.tsx';
import { capital } from './notices.tsx';
import { ResendDialog } from './resend-dialog.tsx';
import { StateMark } from './state-mark.tsx';

const words = exchangeTexts.exchange;
const RECENT = 6;

export function PlaceStory({
  place,
  onClose,
  onChange,
}: {
  place: PlaceView;
  onClose: () => void;
  onChange: () => void;
}) {
  const [asking, setAsking] = useState(false);
  const story = useRef<HTMLElement>(null);
  useEffect(() => {
    // Where map and story stand below one another, what was asked for must not stay out of sight.
    if (matchMedia('(max-width: 700px)').matches) story.current?.scrollIntoView({ block: 'start' });
  }, []);
  const isSource = place.relation === 'source';
  const deliveries = (state?: string): string => `/deliveries${queryOf({ outlet: place.name, state })}`;
  return (
    <section ref={story} className="card story" aria-label={`${words.story}: ${place.name}`}>
      <div className="card-head">
        <h2>
          <Icon name={PLACE_ICONS[place.kind]} size={18} /> {place.name}
        </h2>
        <CloseButton aria-label={words.close} onClick={onClose} />
      </div>
      <p className="story-state">
        <PlaceMark place={place} since /> <span className="quiet">{words.kinds[place.kind]}</span>
      </p>
      {place.fault === undefined ? null : (
        <p className="fault fault-mild">
          <Icon name="warning" />
          <span>
            <strong>{capital(place.fault.sentence)}.</strong> {capital(place.fault.fix)}.
          </span>
        </p>
      )}
      <Traffic title={isSource ? words.received : words.sent} values={place.perMinute} usual={place.usual} />
      {place.heardPerMinute === undefined ? null : <Traffic title={words.heard} values={place.heardPerMinute} />}
      <Facts place={place} waiting={deliveries('waiting')} parked={deliveries('parked')} />
      {isSource || place.parked === 0 ? null : (
        <Button
          variant="default"
          size="xs"
          leftSection={<Icon name="rerun" size={15} />}
          onClick={() => setAsking(true)}
        >
          {words.resend}
        </Button>
      )}
      {isSource ? <RecentMessages source={place.name} /> : <RecentDeliveries outlet={place.name} />}
      {asking ? (
        <ResendDialog
          what={{ outlet: place.name, count: place.parked }}
          onClose={() => setAsking(false)}
          onDone={onChange}
        />
      ) : null}
    </section>
  );
}

function Traffic({ title, values, usual }: { title: string; values: number[]; usual?: PlaceView['usual'] }) {
  const now = values.at(-1) ?? 0;
  const late = values.slice(-5).reduce((sum, count) => sum + count, 0) / 5;
  return (
    <>
      <Bars values={values} label={title} height={44} usual={usual} />
      <p className="quiet chart-foot">
        {title}: {words.now(now)},{' '}
        {usual === undefined ? (
          words.notUsual
        ) : late < usual.low ? (
          <strong className="bad">{words.usual(usual.low, usual.high)}</strong>
        ) : (
          words.usual(usual.low, usual.high)
        )}
      </p>
    </>
  );
}

function Facts({ place, waiting, parked }: { place: PlaceView; waiting: string; parked: string }) {
  const isSource = place.relation === 'source';
  const facts: { title: string; value: ReactNode }[] = [];
  if (!isSource)
    facts.push({
      title: exchangeTexts.deliveries.states.waiting,
      value: place.waiting === 0 ? 0 : <Link href={waiting}>{place.waiting.toLocaleString('en')}</Link>,
    });
  facts.push({
    title: exchangeTexts.deliveries.states.parked,
    value:
      place.parked === 0 ? (
        0
      ) : (
        <Link href={isSource ? `/messages${queryOf({ source: place.name, state: 'parked' })}` : parked}>
          {place.parked.toLocaleString('en')}
        </Link>
      ),
  });
  if (place.lagSeconds > 0) facts.push({ title: words.oldest, value: tellSpan(place.lagSeconds) });
  facts.push({ title: words.total, value: place.total.toLocaleString('en') });
  if (place.lastSentAt !== undefined) facts.push({ title: words.lastSent, value: <Ago at={place.lastSentAt} /> });
  if (place.lastHeardAt !== undefined) facts.push({ title: words.lastHeard, value: <Ago at={place.lastHeardAt} /> });
  if (place.address) facts.push({ title: words.address, value: <span className="mono breaks">{place.address}</span> });
  if (place.organization !== undefined)
    facts.push({ title: words.organization, value: <span className="mono breaks">{place.organization}</span> });
  return (
    <dl className="facts">
      {facts.map(({ title, value }) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function RecentDeliveries({ outlet }: { outlet: string }) {
  const list = useLoad<Listing<DeliveryRow>>(`/api/deliveries${queryOf({ outlet, limit: RECENT })}`);
  const rows = list.data?.rows ?? [];
  if (rows.length === 0) return null;
  return (
    <>
      <h3 className="story-recent">
        {words.recent} <Link href={`/deliveries${queryOf({ outlet })}`}>{words.seeAll}</Link>
      </h3>
      <ul className="fact-list">
        {rows.map((row) => (
          <li key={row.id}>
            <span className="fact-title">
              <Link href={`/deliveries/${row.id}`}>{exchangeTexts.deliveries.kinds[row.kind]}</Link>{' '}
              <DeliveryMark state={row.state} />
            </span>
            <span className="quiet">
              <Ago at={row.lastAt ?? row.createdAt} />
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function RecentMessages({ source }: { source: string }) {
  const list = useLoad<Listing<MessageRow>>(`/api/messages${queryOf({ source, limit: RECENT })}`);
  const rows = list.data?.rows ?? [];
  if (rows.length === 0) return null;
  return (
    <>
      <h3 className="story-recent">
        {words.recentMessages} <Link href={`/messages${queryOf({ source })}`}>{words.seeAll}</Link>
      </h3>
      <ul className="fact-list">
        {rows.map((row) => (
          <li key={row.id}>
            <span className="fact-title">
              <Link href={`/messages/${row.id}`} className="mono">
                {row.type}
              </Link>{' '}
              <StateMark state={row.state} />
            </span>
            <span className="quiet">
              <Ago at={row.receivedAt} />
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
