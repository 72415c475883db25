/** The life of one person of the index: doubts and decisions about them, local records now and then, history, and the way back from a merge. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { IdentityEventView, MatchRow, PersonAtView } from '../../../schemas/identity.ts';
import type { Listing } from '../../../schemas/portal.ts';
import { goTo, useFilters } from '../address.ts';
import type { Loaded } from '../api.ts';
import { useLoad } from '../api.ts';
import { historyPath, matchesPath, personAtPath, unmergePerson } from '../identity.ts';
import { isUnknown, useRefresh } from '../live.ts';
import { identityTexts, percentText } from '../texts-identity.ts';
import { Ago } from './ago.tsx';
import { HistoryCard, knownRecords } from './identity-history.tsx';
import { Link } from './link.tsx';
import { MatchMark } from './match-marks.tsx';
import { useMayDecide } from './me.tsx';
import { FaultNotice } from './notices.tsx';
import { ThenCard } from './person-then.tsx';
import { ReasonDialog } from './reason-dialog.tsx';

const words = identityTexts.person;
/** The browser's clock may be behind the node's: what happened just now counts as now. */
const AHEAD_MS = 60_000;
const SHOWN_MAX = 8;

export interface PersonLife {
  history: Loaded<Listing<IdentityEventView>>;
  standing: Loaded<PersonAtView>;
  matches: Loaded<Listing<MatchRow>>;
}

/** All that is asked of the index about a person; kept up to date while it is shown. */
export function usePersonLife(personId: string): PersonLife {
  const [{ at }] = useFilters();
  const [opened] = useState(() => new Date(Date.now() + AHEAD_MS).toISOString());
  const [now, setNow] = useState(opened);
  const history = useLoad<Listing<IdentityEventView>>(historyPath(personId));
  const standing = useLoad<PersonAtView>(personAtPath(personId, at ?? now));
  const matches = useLoad<Listing<MatchRow>>(matchesPath({ person: personId, state: 'all', limit: SHOWN_MAX }));
  useRefresh(
    (how) => {
      history.reload(how);
      matches.reload(how);
      setNow(new Date(Date.now() + AHEAD_MS).toISOString());
    },
    (note) => isUnknown(note) || note.persons.includes(personId),
  );
  return { history, standing, matches };
}

/** Where this person leads, when it was merged and that was not taken back. */
export function mergedInto({ history }: PersonLife): string | undefined {
  const last = history.data?.rows.find(({ event }) => event === 'merged' || event === 'revived' || event === 'created');
  return last?.event === 'merged' ? last.into : undefined;
}

export function MergedNotice({ personId, into }: { personId: string; into: string }) {
  const [asking, setAsking] = useState(false);
  const mayDecide = useMayDecide();
  return (
    <div className="fault fault-mild person-notes" role="status">
      <div>
        <p>
          <strong>{words.mergedInto}</strong>{' '}
          <Link href={`/patients/${encodeURIComponent(into)}`}>{words.openOther}</Link>
        </p>
      </div>
      {mayDecide ? (
        <Button variant="default" size="xs" onClick={() => setAsking(true)}>
          {words.unmerge}
        </Button>
      ) : null}
      {asking ? (
        <ReasonDialog
          title={words.unmergeTitle}
          help={words.unmergeHelp}
          act={words.unmerge}
          labelHelp={identityTexts.match.undoReasonHelp}
          working={identityTexts.match.working}
          onClose={() => setAsking(false)}
          onSubmit={async (reason) => {
            const { row } = await unmergePerson(personId, reason);
            goTo(`/matches/${row.id}`);
          }}
        />
      ) : null}
    </div>
  );
}

export function LifeCards({ personId, life }: { personId: string; life: PersonLife }) {
  return (
    <div className="cards cards-wide">
      <div className="stack">
        <MatchesCard personId={personId} matches={life.matches} />
        <HistoryCard personId={personId} history={life.history} known={knownRecords(life.standing.data)} />
      </div>
      <ThenCard standing={life.standing} />
    </div>
  );
}

function MatchesCard({
  personId,
  matches: { data, fault, failedAt, reload },
}: {
  personId: string;
  matches: PersonLife['matches'];
}) {
  return (
    <section className="card" aria-label={words.matches}>
      <div className="card-head">
        <h2>
          {words.matches} <span className="count">{data?.count}</span>
        </h2>
        {data === undefined || data.count === 0 ? null : (
          <Link href={`/matches?state=all&person=${encodeURIComponent(personId)}`}>{words.matchesAll}</Link>
        )}
      </div>
      {fault === undefined ? null : <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />}
      {data === undefined ? null : data.rows.length === 0 ? (
        <p className="quiet">{words.matchesNone}</p>
      ) : (
        <ul className="fact-list">
          {data.rows.map((row) => (
            <li key={row.id}>
              <span className="fact-title">
                <Link href={`/matches/${row.id}`}>{titleOf(row, personId)}</Link>{' '}
                {row.probability === undefined ? null : <span className="quiet">{percentText(row.probability)}</span>}
                <br />
                <MatchMark row={row} />
              </span>
              <span className="quiet">
                <Ago at={row.updatedAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Who stands on the other side; what it is where nobody does. */
function titleOf(row: MatchRow, personId: string): string {
  const other = row.sides.find((side) => side.personId !== personId);
  const kind = identityTexts.matches.kinds[row.kind];
  return other === undefined ? kind : `${kind}: ${other.name ?? other.number.value}`;
}
