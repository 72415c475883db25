/** Why the matcher says what it says: from the weight before comparing, field by field, to the weight in all. Our own picture, with a table beside it. */
import { useElementSize } from '@mantine/hooks';
import { useId } from 'react';
import type { ComparisonView } from '../../../schemas/identity.ts';
import { bitsText, fieldText, identityTexts, levelText, percentText, ruleText } from '../texts-identity.ts';

const words = identityTexts.match;

interface Step {
  key: string;
  title: string;
  detail: string;
  from: number;
  to: number;
  /** What the figure at the right says: a change, or where it stands. */
  bits: number;
  tone: 'stand' | 'for' | 'against';
}

function stepsOf({ prior, parts, weight }: ComparisonView): Step[] {
  const steps: Step[] = [
    { key: 'start', title: words.start, detail: '', from: 0, to: prior, bits: prior, tone: 'stand' },
  ];
  let sum = prior;
  for (const { field, level, weight: bits } of parts) {
    steps.push({
      key: `${field} ${level}`,
      title: fieldText(field),
      detail: levelText(field, level),
      from: sum,
      to: sum + bits,
      bits,
      tone: bits < 0 ? 'against' : 'for',
    });
    sum += bits;
  }
  steps.push({ key: 'total', title: words.total, detail: '', from: 0, to: weight, bits: weight, tone: 'stand' });
  return steps;
}

const TEXT_WIDE = 186;
const FIGURE = 48;
const HEAD = 40;
/** Below this the words stand above their bar. */
const NARROW = 430;

/** Where things stand for a picture of this width, in pixels. */
function layoutOf(width: number, steps: Step[], { thresholds }: ComparisonView) {
  const narrow = width < NARROW;
  const row = narrow ? 46 : 32;
  const left = narrow ? 2 : TEXT_WIDE;
  const right = narrow ? width - 2 : width - FIGURE;
  const told = [0, thresholds.possible, thresholds.match, ...steps.flatMap(({ from, to }) => [from, to])];
  const low = Math.min(...told);
  // Some room beyond, so that what lies past the last threshold is seen.
  const span = Math.max(1, (Math.max(...told) - low) * 1.06);
  return {
    narrow,
    row,
    left,
    right,
    height: HEAD + steps.length * row + 4,
    /** Middle of a bar below the top of its row. */
    bar: narrow ? 34 : 16,
    x: (bits: number): number => left + 4 + ((bits - low) / span) * (right - left - 8),
  };
}

export function VerdictWaterfall({ comparison }: { comparison: ComparisonView }) {
  const { ref, width } = useElementSize();
  const steps = stepsOf(comparison);
  return (
    <div className="waterfall">
      <div ref={ref}>{width < 200 ? null : <Picture comparison={comparison} steps={steps} width={width} />}</div>
      <details>
        <summary>{words.asTable}</summary>
        <StepTable steps={steps} />
      </details>
    </div>
  );
}

function Picture({ comparison, steps, width }: { comparison: ComparisonView; steps: Step[]; width: number }) {
  const id = useId();
  const layout = layoutOf(width, steps, comparison);
  const { thresholds, prior, weight } = comparison;
  const label = words.picture(
    bitsText(prior),
    bitsText(weight),
    bitsText(thresholds.possible),
    bitsText(thresholds.match),
  );
  return (
    <svg role="img" aria-label={label} width={width} height={layout.height} viewBox={`0 0 ${width} ${layout.height}`}>
      <defs>
        <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect className="fall-against-ground" width="6" height="6" />
          <rect className="fall-against-line" width="2.4" height="6" />
        </pattern>
      </defs>
      <Thresholds comparison={comparison} layout={layout} />
      {steps.map((step, at) => (
        <StepRow
          key={step.key}
          step={step}
          top={HEAD + at * layout.row}
          last={at === steps.length - 1}
          layout={layout}
          pattern={id}
        />
      ))}
    </svg>
  );
}

type Layout = ReturnType<typeof layoutOf>;

/** From where on it is possible and a match: ground and line, with its words on top. */
function Thresholds({ comparison: { thresholds }, layout }: { comparison: ComparisonView; layout: Layout }) {
  const { x, height, right } = layout;
  const [possible, match] = [x(thresholds.possible), x(thresholds.match)];
  return (
    <>
      <rect className="fall-possible" x={possible} y={HEAD - 6} width={match - possible} height={height - HEAD + 6} />
      <rect
        className="fall-match"
        x={match}
        y={HEAD - 6}
        width={Math.max(0, right - match)}
        height={height - HEAD + 6}
      />
      {[
        { at: possible, text: `${words.possibleFrom} ${bitsText(thresholds.possible)}`, y: 12 },
        { at: match, text: `${words.matchFrom} ${bitsText(thresholds.match)}`, y: 28 },
      ].map(({ at, text, y }) => (
        <g key={text}>
          <line className="fall-threshold" x1={at} x2={at} y1={y - 9} y2={height} />
          <text
            className="fall-quiet fall-label"
            x={at > right / 2 ? at - 5 : at + 5}
            y={y}
            textAnchor={at > right / 2 ? 'end' : 'start'}
          >
            {text}
          </text>
        </g>
      ))}
      <line className="fall-zero" x1={x(0)} x2={x(0)} y1={HEAD - 6} y2={height} />
    </>
  );
}

interface RowProps {
  step: Step;
  top: number;
  last: boolean;
  layout: Layout;
  /** Hatching of what speaks against, so that colour is not the only sign. */
  pattern: string;
}

function StepRow({ step, top, last, layout, pattern }: RowProps) {
  const { narrow, row, bar, x, right } = layout;
  const half = narrow ? 6 : 8;
  const middle = top + bar;
  const [low, high] = [Math.min(x(step.from), x(step.to)), Math.max(x(step.from), x(step.to))];
  const stands = step.tone === 'stand';
  return (
    <g>
      <text
        className={stands ? 'fall-strong' : undefined}
        x={narrow ? 2 : 0}
        y={narrow ? top + 12 : step.detail === '' ? middle + 4 : top + 14}
      >
        {step.title}
        {narrow && step.detail !== '' ? <tspan className="fall-quiet">{`  ${step.detail}`}</tspan> : null}
      </text>
      {narrow || step.detail === '' ? null : (
        <text className="fall-quiet" x="0" y={top + 28}>
          {step.detail}
        </text>
      )}
      <rect
        className={`fall-bar fall-${step.tone}`}
        x={low}
        y={middle - half}
        width={Math.max(1.5, high - low)}
        height={half * 2}
        rx="2"
        fill={step.tone === 'against' ? `url(#${pattern})` : undefined}
      />
      {last ? null : (
        <line
          className="fall-step"
          x1={x(step.to)}
          x2={x(step.to)}
          y1={middle + half}
          y2={narrow ? middle + half + 5 : middle + row - half}
        />
      )}
      <text
        className={stands ? 'fall-strong' : undefined}
        x={narrow ? right : right + FIGURE - 2}
        y={narrow ? top + 12 : middle + 4}
        textAnchor="end"
      >
        {bitsText(step.bits)}
      </text>
    </g>
  );
}

function StepTable({ steps }: { steps: Step[] }) {
  return (
    <table className="small-table fall-table">
      <thead>
        <tr>
          <th scope="col">{words.tableField}</th>
          <th scope="col">{words.tableLevel}</th>
          <th scope="col">{words.tableBits}</th>
          <th scope="col">{words.tableSum}</th>
        </tr>
      </thead>
      <tbody>
        {steps.map((step) => (
          <tr key={step.key}>
            <th scope="row">{step.title}</th>
            <td>{step.detail}</td>
            <td className="number-cell">{step.tone === 'stand' ? '' : bitsText(step.bits)}</td>
            <td className="number-cell">{bitsText(step.to)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The verdict in a sentence, the picture, and the rules that spoke. */
export function VerdictCard({ comparison }: { comparison: ComparisonView }) {
  return (
    <section className="card" aria-labelledby="verdict-title">
      <h2 id="verdict-title">{words.verdict}</h2>
      <p className="verdict-told">
        {words.told(percentText(comparison.probability), words.verdicts[comparison.verdict])}
      </p>
      <p className="quiet">{words.help}</p>
      {comparison.rules.length === 0 ? null : <Rules rules={comparison.rules} />}
      <VerdictWaterfall comparison={comparison} />
    </section>
  );
}

function Rules({ rules }: { rules: string[] }) {
  return (
    <div className="notice notice-warn verdict-rules">
      <h3>{words.rulesTitle}</h3>
      <ul>
        {rules.map((id) => (
          <li key={id}>{ruleText(id)}</li>
        ))}
      </ul>
    </div>
  );
}
