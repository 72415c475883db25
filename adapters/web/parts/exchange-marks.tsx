/** States of places and deliveries: sign and word together, the colour only helps. */
import { Tooltip } from '@mantine/core';
import type { DeliveryRow, PlaceView } from '../../../schemas/portal-exchange.ts';
import type { IconName } from '../icons.tsx';
import { Icon } from '../icons.tsx';
import { exchangeTexts } from '../texts-exchange.ts';
import { tellSpan, tellTime, useNow } from '../time.ts';

/** How bad the lag or the state of a place is: the line's colour and dashes say the same. */
export type Health = 'good' | 'warn' | 'bad' | 'unknown';
const LAG_WARN_S = 30;
const LAG_BAD_S = 300;

export function healthOf(place: PlaceView): Health {
  if (place.state === 'unknown') return 'unknown';
  if (place.state === 'down' || place.state === 'silent' || place.lagSeconds > LAG_BAD_S) return 'bad';
  return place.state === 'trying' || place.lagSeconds > LAG_WARN_S ? 'warn' : 'good';
}

export const PLACE_ICONS: Record<PlaceView['kind'], IconName> = {
  hospital: 'hospital',
  region: 'region',
  global: 'globe',
  mllp: 'deliveries',
  folder: 'folder',
  http: 'deliveries',
  source: 'sources',
};
const STATE_ICONS: Record<PlaceView['state'], IconName> = {
  up: 'check',
  trying: 'rerun',
  down: 'danger',
  silent: 'warning',
  unknown: 'minus',
};
const STATE_CLASS: Record<PlaceView['state'], string> = {
  up: 'state-done',
  trying: 'state-warn',
  down: 'state-parked',
  silent: 'state-parked',
  unknown: '',
};

export function PlaceMark({ place, since = false }: { place: PlaceView; since?: boolean }) {
  const now = useNow(20_000);
  const told =
    place.since === undefined
      ? exchangeTexts.exchange.states[place.state]
      : `${exchangeTexts.exchange.states[place.state]} ${exchangeTexts.exchange.since} ${tellTime(place.since)}`;
  return (
    <span className={`state ${STATE_CLASS[place.state]}`} title={told}>
      <Icon name={STATE_ICONS[place.state]} size={14} />
      {exchangeTexts.exchange.states[place.state]}
      {since && place.since !== undefined
        ? ` ${exchangeTexts.exchange.lasting(tellSpan((now - Date.parse(place.since)) / 1000))}`
        : ''}
    </span>
  );
}

export function lagText(place: PlaceView): string {
  const words = exchangeTexts.exchange;
  return place.lagSeconds === 0 ? words.noLag : words.lag(tellSpan(place.lagSeconds));
}

const DELIVERY_ICONS: Record<DeliveryRow['state'], IconName> = {
  waiting: 'clock',
  sent: 'check',
  parked: 'danger',
  superseded: 'repeat',
  refused: 'danger',
};
const DELIVERY_CLASS: Record<DeliveryRow['state'], string> = {
  waiting: 'state-kept',
  sent: 'state-done',
  parked: 'state-parked',
  superseded: '',
  refused: 'state-parked',
};

export function DeliveryMark({ state }: { state: DeliveryRow['state'] }) {
  return (
    <Tooltip label={exchangeTexts.deliveries.stateHelp[state]}>
      <span className={`state ${DELIVERY_CLASS[state]}`}>
        <Icon name={DELIVERY_ICONS[state]} size={15} />
        {exchangeTexts.deliveries.states[state]}
      </span>
    </Tooltip>
  );
}
