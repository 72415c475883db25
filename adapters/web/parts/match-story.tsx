/** What people decided about an item, and what came of it. */
import type { DecisionView, IdentityEventView, MatchView } from '../../../schemas/identity.ts';
import type { Listing } from '../../../schemas/portal.ts';
import { useLoad } from '../api.ts';
import { historyPath } from '../identity.ts';
import { useRefresh } from '../live.ts';
import { identityTexts } from '../texts-identity.ts';
import { Ago } from './ago.tsx';
import { EventLine } from './identity-history.tsx';
import { Link } from './link.tsx';

const words = identityTexts.match;

/** `Decided: One person`. */
export function actText({ row }: MatchView, { act, decision }: DecisionView): string {
  return decision === undefined || act !== 'decided'
    ? words.acts[act]
    : `${words.acts[act]}: ${words.decisions[row.kind][decision].act}`;
}

export function StoryCard({ view }: { view: MatchView }) {
  const { decisions } = view;
  return (
    <section className="card" aria-label={words.storyTitle}>
      <h2>{words.storyTitle}</h2>
      {decisions.length === 0 ? (
        <p className="quiet">{words.noStory}</p>
      ) : (
        <ol className="story-line">
          {decisions.map((one) => (
            <li key={`${one.at} ${one.act}`} className={one.act === 'undone' ? 'story-undone' : undefined}>
              <strong>{actText(view, one)}</strong>{' '}
              <span className="quiet">
                {one.by}, <Ago at={one.at} />
              </span>
              <p>
                <q>{one.reason}</q>
              </p>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

/** What the persons of both sides went through since it was decided last. */
export function ChangedCard({ view: { row, decisions } }: { view: MatchView }) {
  const last = decisions.findLast(({ act }) => act !== 'refused');
  if (last === undefined || row.state === 'waiting-second') return null;
  // Of an overlay both sides are one person; the first is the name that stands.
  const persons = [...new Map(row.sides.toReversed().map((side) => [side.personId, side.name ?? side.number.value]))];
  const known = new Map(row.sides.map((side) => [side.recordId, `${side.node} ${side.number.value}`]));
  return (
    <section className="card" aria-label={words.changedTitle}>
      <h2>{words.changedTitle}</h2>
      {persons.map(([id, name]) => (
        <ChangesOf key={`${id} ${last.at}`} personId={id} name={name} since={last.at} known={known} />
      ))}
    </section>
  );
}

/** Clocks of a decision and of what it did are read one after the other. */
const SLACK_MS = 2000;

function ChangesOf({
  personId,
  name,
  since,
  known,
}: {
  personId: string;
  name: string;
  since: string;
  known: ReadonlyMap<string, string>;
}) {
  const { data, reload } = useLoad<Listing<IdentityEventView>>(historyPath(personId));
  useRefresh(reload, (note) => note.persons.includes(personId));
  const events = (data?.rows ?? []).filter(({ at }) => Date.parse(at) >= Date.parse(since) - SLACK_MS);
  return (
    <>
      <h3>
        <Link href={`/patients/${encodeURIComponent(personId)}`}>{name}</Link>
      </h3>
      {data === undefined ? null : events.length === 0 ? (
        <p className="quiet">{words.changedNone}</p>
      ) : (
        <ol className="story-line">
          {events.map((event) => (
            <EventLine key={`${event.at} ${event.event}`} event={event} known={known} />
          ))}
        </ol>
      )}
    </>
  );
}
