/** The map of the exchange: this node in the middle, a line to each place; width by traffic, colour and dashes by lag. */
import { useLayoutEffect, useRef, useState } from 'react';
import type { ExchangeView, PlaceView } from '../../../schemas/portal-exchange.ts';
import { Icon, Mark } from '../icons.tsx';
import { exchangeTexts } from '../texts-exchange.ts';
import type { Health } from './exchange-marks.tsx';
import { healthOf, lagText, PLACE_ICONS, PlaceMark } from './exchange-marks.tsx';

const words = exchangeTexts.exchange;
/** Places drawn on each side; what is worst comes first, the table has all. */
const SIDE_MAX = 12;
const BADNESS: Record<Health, number> = { bad: 0, warn: 1, good: 2, unknown: 3 };

interface Props {
  view: ExchangeView;
  chosen: string | undefined;
  onChoose: (name: string) => void;
}

interface Line {
  name: string;
  path: string;
  width: number;
  health: Health;
  total: number;
  /** Something went through lately. */
  pulses: boolean;
}

export function ExchangeMap({ view, chosen, onChoose }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const sides = sidesOf(view.places);
  const left = Object.values(sides).flatMap((side) => side.left).length;
  const drawn = Object.values(sides).flatMap((side) => side.shown);
  const lines = useLines(frame, drawn);
  return (
    <section className="card map-card" aria-label={words.map}>
      <div className="map" ref={frame}>
        <svg className="map-lines" aria-hidden="true">
          {lines.map((line) => (
            <MapLine key={line.name} line={line} chosen={line.name === chosen} />
          ))}
        </svg>
        {(['above', 'source', 'outlet', 'below'] as const).map((relation) =>
          sides[relation].shown.length === 0 ? null : (
            <ul key={relation} className={`map-side map-${relation}`}>
              {sides[relation].shown.map((place) => (
                <li key={place.name}>
                  <MapPlace place={place} chosen={place.name === chosen} onChoose={onChoose} />
                </li>
              ))}
            </ul>
          ),
        )}
        <div className="map-self" data-self>
          <Mark size={30} />
          <div>
            <strong>{view.self.name}</strong>
            <p className="quiet">{words.here}</p>
          </div>
        </div>
      </div>
      <Legend left={left} />
    </section>
  );
}

function sidesOf(places: PlaceView[]): Record<PlaceView['relation'], { shown: PlaceView[]; left: PlaceView[] }> {
  const side = (relation: PlaceView['relation']) => {
    const all = places.filter((place) => place.relation === relation);
    if (all.length <= SIDE_MAX) return { shown: all, left: [] };
    const worst = all.toSorted((a, b) => BADNESS[healthOf(a)] - BADNESS[healthOf(b)]);
    const shown = new Set(worst.slice(0, SIDE_MAX));
    return { shown: all.filter((place) => shown.has(place)), left: worst.slice(SIDE_MAX) };
  };
  return { above: side('above'), below: side('below'), outlet: side('outlet'), source: side('source') };
}

const latest = (counts: number[] | undefined): number =>
  Math.round((counts ?? []).slice(-5).reduce((sum, count) => sum + count, 0) / 5);

/** What goes there and comes from there, a minute. */
export const trafficOf = (place: PlaceView): number => latest(place.perMinute) + latest(place.heardPerMinute);

function MapPlace({
  place,
  chosen,
  onChoose,
}: {
  place: PlaceView;
  chosen: boolean;
  onChoose: (name: string) => void;
}) {
  return (
    <button
      type="button"
      className={`map-place map-place-${healthOf(place)}`}
      data-place={place.name}
      aria-pressed={chosen}
      onClick={() => onChoose(place.name)}
    >
      <span className="map-name">
        <Icon name={PLACE_ICONS[place.kind]} size={16} />
        <span>{place.name}</span>
      </span>
      <span className="map-state">
        <PlaceMark place={place} />
        <span className="quiet">{words.perMinute(trafficOf(place))}</span>
      </span>
      {place.lagSeconds === 0 && place.parked === 0 ? null : (
        <span className="map-state">
          {place.lagSeconds === 0 ? null : <span>{lagText(place)}</span>}
          {place.parked === 0 ? null : <span className="bad">{words.parked(place.parked)}</span>}
        </span>
      )}
    </button>
  );
}

function MapLine({ line, chosen }: { line: Line; chosen: boolean }) {
  return (
    <g className={`map-line map-line-${line.health} ${chosen ? 'map-line-on' : ''}`}>
      <path d={line.path} strokeWidth={line.width} />
      {/* A pulse for each look at which more had gone through; made anew by its key, so that it runs once. */}
      {line.pulses ? (
        <circle
          key={line.total}
          className="map-pulse"
          r={3 + line.width / 2}
          style={{ offsetPath: `path("${line.path}")` }}
        />
      ) : null}
    </g>
  );
}

/** Lines are drawn between the cards as the browser laid them out, so one map serves a wall screen and a phone. */
function useLines(frame: { current: HTMLDivElement | null }, places: PlaceView[]): Line[] {
  const [lines, setLines] = useState<Line[]>([]);
  const drawn = useRef(places);
  drawn.current = places;
  const facts = JSON.stringify(
    places.map((place) => [place.name, place.state, place.lagSeconds, trafficOf(place), place.total]),
  );
  useLayoutEffect(() => {
    const { current } = frame;
    if (current === null || facts === '') return;
    const measure = (): void => setLines(linesOf(current, drawn.current));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    return () => observer.disconnect();
  }, [frame, facts]);
  return lines;
}

function linesOf(frame: HTMLElement, places: PlaceView[]): Line[] {
  const base = frame.getBoundingClientRect();
  const self = frame.querySelector('[data-self]')?.getBoundingClientRect();
  if (self === undefined) return [];
  const tree = base.width < 560;
  return places.flatMap((place) => {
    const box = frame.querySelector(`[data-place="${CSS.escape(place.name)}"]`)?.getBoundingClientRect();
    if (box === undefined) return [];
    const at = (x: number, y: number): string => `${Math.round(x - base.left)} ${Math.round(y - base.top)}`;
    const path = tree ? elbow(at, self, box) : curve(at, self, box, place.relation);
    const width = 1.5 + Math.min(7, Math.log2(1 + trafficOf(place)) * 1.25);
    return [
      { name: place.name, path, width, health: healthOf(place), total: place.total, pulses: trafficOf(place) > 0 },
    ];
  });
}

type At = (x: number, y: number) => string;
const midX = (box: DOMRect): number => box.left + box.width / 2;
const midY = (box: DOMRect): number => box.top + box.height / 2;

function curve(at: At, self: DOMRect, box: DOMRect, relation: PlaceView['relation']): string {
  if (relation === 'source' || relation === 'outlet') {
    const [from, to] = relation === 'source' ? [self.left, box.right] : [self.right, box.left];
    const bend = (from + to) / 2;
    return `M ${at(to, midY(box))} C ${at(bend, midY(box))} ${at(bend, midY(self))} ${at(from, midY(self))}`;
  }
  const [from, to] = relation === 'above' ? [self.top, box.bottom] : [self.bottom, box.top];
  const bend = (from + to) / 2;
  return `M ${at(midX(box), to)} C ${at(midX(box), bend)} ${at(midX(self), bend)} ${at(midX(self), from)}`;
}

/** On a phone all stand below one another, with a trunk at the left. */
function elbow(at: At, self: DOMRect, box: DOMRect): string {
  const trunk = self.left + 18;
  const from = box.top > self.top ? self.bottom : self.top;
  return `M ${at(box.left, midY(box))} L ${at(trunk, midY(box))} L ${at(trunk, from)}`;
}

function Legend({ left }: { left: number }) {
  return (
    <ul className="map-legend">
      {(['good', 'warn', 'bad', 'unknown'] as const).map((health) => (
        <li key={health}>
          <svg width="34" height="10" aria-hidden="true" className={`map-line map-line-${health}`}>
            <path d="M 1 5 L 33 5" strokeWidth="3" />
          </svg>
          {words.legend[health]}
        </li>
      ))}
      <li className="quiet">{words.legend.width}</li>
      {left === 0 ? null : <li className="quiet">{words.more(left)}</li>}
    </ul>
  );
}
