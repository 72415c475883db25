/** Small pictures, drawn by ourselves until the exchange's map needs a library. Each has its words for who can't see it. */
import { useMediaQuery } from '@mantine/hooks';
import { useId } from 'react';

/** Bars of counts, one a minute; what is usual is a band behind them, so that silence is seen. */
export function Bars({
  values,
  label,
  height = 40,
  usual,
  tone = '',
}: {
  values: number[];
  label: string;
  height?: number;
  usual?: { low: number; high: number };
  tone?: 'bad' | '';
}) {
  const top = Math.max(1, usual?.high ?? 0, ...values);
  const width = 4;
  const y = (value: number): number => height - (value / top) * (height - 2);
  const told = usual === undefined ? '' : `, usual ${usual.low} to ${usual.high}`;
  return (
    <svg
      className={`bars ${tone}`}
      role="img"
      aria-label={`${label}: ${values.at(-1) ?? 0}, at most ${Math.max(0, ...values)}${told}`}
      viewBox={`0 0 ${values.length * width} ${height}`}
      preserveAspectRatio="none"
    >
      {usual === undefined ? null : (
        <rect
          className="bars-usual"
          x="0"
          width={values.length * width}
          y={y(usual.high)}
          height={Math.max(1.5, y(usual.low) - y(usual.high))}
        />
      )}
      <line x1="0" x2={values.length * width} y1={height - 0.5} y2={height - 0.5} className="bars-base" />
      {values
        .map((value, at) => ({ value, x: at * width + 0.5 }))
        .map(({ value, x }) => (
          <rect key={x} x={x} width={width - 1} y={y(value)} height={height - y(value)} />
        ))}
    </svg>
  );
}

export interface Point {
  at: number;
  value: number;
  title: string;
}

/** A line of values over time with the reference range as a band; values outside it are also larger and hollow. */
export function RangeLine({
  points,
  low,
  high,
  label,
}: {
  points: Point[];
  low?: number;
  high?: number;
  label: string;
}) {
  const id = useId();
  const width = 220;
  const height = 56;
  const inset = 6;
  const values = points.map((point) => point.value);
  const known = [...values, ...(low === undefined ? [] : [low]), ...(high === undefined ? [] : [high])];
  const bottom = Math.min(...known);
  const top = Math.max(...known);
  const first = Math.min(...points.map((point) => point.at));
  const last = Math.max(...points.map((point) => point.at));
  const x = (at: number): number =>
    last === first ? width - inset : inset + ((at - first) / (last - first)) * (width - 2 * inset);
  const y = (value: number): number =>
    top === bottom ? height / 2 : height - inset - ((value - bottom) / (top - bottom)) * (height - 2 * inset);
  const ordered = [...points].sort((a, b) => a.at - b.at);
  const bandTop = high === undefined ? 0 : y(high);
  const bandBottom = low === undefined ? height : y(low);
  const out = (value: number): boolean => (low !== undefined && value < low) || (high !== undefined && value > high);
  return (
    <svg className="range-line" role="img" aria-labelledby={id} viewBox={`0 0 ${width} ${height}`}>
      <title id={id}>{label}</title>
      {low === undefined && high === undefined ? null : (
        <rect className="band" x="0" width={width} y={bandTop} height={Math.max(1, bandBottom - bandTop)} />
      )}
      <polyline points={ordered.map((point) => `${x(point.at).toFixed(1)},${y(point.value).toFixed(1)}`).join(' ')} />
      {ordered.map((point) => (
        <circle
          key={`${point.at} ${point.title}`}
          className={out(point.value) ? 'out' : undefined}
          cx={x(point.at)}
          cy={y(point.value)}
          r={out(point.value) ? 3.6 : 2.4}
        >
          <title>{point.title}</title>
        </circle>
      ))}
    </svg>
  );
}

export interface TimelineItem {
  id: string;
  lane: 'encounter' | 'result' | 'document';
  from: number;
  to?: number;
  title: string;
}

const LANES = ['encounter', 'result', 'document'] as const;

/** Encounters as bars, results and documents as marks, over one axis of time from `from` to `to`. */
export function Timeline({
  items,
  from,
  to,
  label,
  lanes,
  tellTick,
}: {
  items: TimelineItem[];
  from: number;
  to: number;
  label: string;
  lanes: Record<(typeof LANES)[number], string>;
  tellTick: (at: number) => string;
}) {
  const width = 1000;
  // On a phone there is no room beside the lanes: each has its name above its marks.
  const narrow = useMediaQuery('(max-width: 700px)', undefined, { getInitialValueInEffect: false });
  const lane = narrow ? 42 : 26;
  const head = 8;
  const middle = (at: number): number => head + (at + 1) * lane - 13;
  const height = head + LANES.length * lane + 22;
  const x = (at: number): number => ((Math.min(to, Math.max(from, at)) - from) / Math.max(1, to - from)) * width;
  const inside = items.filter((item) => (item.to ?? item.from) >= from && item.from <= to);
  const ticks = Array.from({ length: 5 }, (_, at) => from + ((to - from) * at) / 4);
  return (
    <div className="timeline">
      <div className="timeline-lanes" aria-hidden="true" style={{ gridAutoRows: lane }}>
        {LANES.map((name) => (
          <span key={name}>{lanes[name]}</span>
        ))}
      </div>
      <svg
        role="img"
        aria-label={`${label}: ${inside.length}`}
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        style={{ height }}
      >
        {LANES.map((name, at) => (
          <line key={name} className="lane" x1="0" x2={width} y1={middle(at)} y2={middle(at)} />
        ))}
        {inside.map((item) => {
          const y = middle(LANES.indexOf(item.lane));
          if (item.lane === 'encounter') {
            const left = x(item.from);
            return (
              <rect
                key={item.id}
                className="bar"
                x={left}
                width={Math.max(5, x(item.to ?? to) - left)}
                y={y - 7}
                height="14"
                rx="3"
              >
                <title>{item.title}</title>
              </rect>
            );
          }
          return item.lane === 'result' ? (
            <rect key={item.id} className="tick" x={Math.min(width - 3, x(item.from))} width="3" y={y - 7} height="14">
              <title>{item.title}</title>
            </rect>
          ) : (
            <rect
              key={item.id}
              className="leaf"
              x={Math.min(width - 8, x(item.from))}
              width="8"
              y={y - 7}
              height="14"
              rx="1.5"
            >
              <title>{item.title}</title>
            </rect>
          );
        })}
      </svg>
      <div className="timeline-axis" aria-hidden="true">
        {ticks.map((tick) => (
          <span key={tick}>{tellTick(tick)}</span>
        ))}
      </div>
    </div>
  );
}
