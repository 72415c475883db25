/** Two sides of a doubt, fact beside fact; what differs is marked by a word, a sign and the letters themselves. */
import type { MatchFact, MatchSide, MatchView } from '../../../schemas/identity.ts';
import { differenceIn } from '../difference.ts';
import { Icon } from '../icons.tsx';
import { identityTexts } from '../texts-identity.ts';
import { Link } from './link.tsx';

const words = identityTexts.match;

export function SideBySide({ view: { row, facts } }: { view: MatchView }) {
  const overlay = row.kind === 'overlay';
  // Once the new facts are taken, the record has them.
  const first = row.state === 'linked' ? words.now : words.before;
  const heads = overlay ? [first, words.fed] : row.sides.map(({ node }) => node);
  const same = row.sides.length === 2 && !overlay && row.sides[0]?.personId === row.sides[1]?.personId;
  const title = overlay ? words.sidesOverlay : row.sides.length < 2 ? words.oneSide : words.sides;
  return (
    <section className="card" aria-label={title}>
      <h2>{title}</h2>
      {same ? <p className="quiet">{words.samePerson}</p> : null}
      <table className="compare sides">
        <thead>
          <tr>
            <th scope="col">
              <span className="hidden">{words.fact}</span>
            </th>
            {row.sides.map((side, at) => (
              <th scope="col" key={`${side.recordId} ${heads[at]}`}>
                <SideHead side={side} head={heads[at] ?? side.node} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {facts.map((fact) => (
            <FactRow key={fact.field} fact={fact} sides={row.sides.length} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function SideHead({ side, head }: { side: MatchSide; head: string }) {
  return (
    <>
      {head}
      <br />
      <Link href={`/patients/${encodeURIComponent(side.personId)}`} className="side-name">
        {side.name ?? words.person}
      </Link>
      <br />
      <span className="quiet">
        <span className="mono" title={side.number.system}>
          {side.number.value}
        </span>
        {side.mixNumber === undefined ? null : (
          <>
            <br />
            MIX <span className="mono nowrap">{side.mixNumber}</span>
          </>
        )}
      </span>
    </>
  );
}

/** Codes have no letters in common, whatever their words are. */
const WHOLE: ReadonlySet<string> = new Set(['gender', 'sex']);

function FactRow({ fact, sides }: { fact: MatchFact; sides: number }) {
  const [one = '', other = ''] = fact.values;
  return (
    <tr className={fact.differ ? 'side-differs' : undefined}>
      <th scope="row">
        {fact.title}{' '}
        {fact.differ ? (
          <span className="differs-mark">
            <Icon name="warning" size={13} /> {words.differ}
          </span>
        ) : null}
      </th>
      {Array.from({ length: sides }, (_, at) => ({ value: fact.values[at] ?? '', side: at })).map(({ value, side }) => (
        <td key={side}>
          {value === '' ? (
            <span className="quiet">{words.notTold}</span>
          ) : fact.differ && sides === 2 ? (
            <Different value={value} beside={WHOLE.has(fact.field) ? '' : side === 0 ? other : one} />
          ) : (
            value
          )}
        </td>
      ))}
    </tr>
  );
}

function Different({ value, beside }: { value: string; beside: string }) {
  return differenceIn(value, beside).map(({ at, text, odd }) =>
    odd ? (
      <mark key={at} className="odd">
        {text}
      </mark>
    ) : (
      <span key={at}>{text}</span>
    ),
  );
}
