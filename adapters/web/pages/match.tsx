import { Button } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { MatchRow, MatchView } from '../../../schemas/identity.ts';
import type { Listing } from '../../../schemas/portal.ts';
import { goTo } from '../address.ts';
import { ask, useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { matchesPath, matchPath } from '../identity.ts';
import { isUnknown, useRefresh } from '../live.ts';
import { Link } from '../parts/link.tsx';
import { MatchActs, pendingOf } from '../parts/match-acts.tsx';
import { MatchMark, stateHelp, stateText } from '../parts/match-marks.tsx';
import { actText, ChangedCard, StoryCard } from '../parts/match-story.tsx';
import { useMe } from '../parts/me.tsx';
import { capital, Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { SideBySide } from '../parts/side-by-side.tsx';
import { VerdictCard } from '../parts/verdict-waterfall.tsx';
import { identityTexts } from '../texts-identity.ts';
import { tellTime } from '../time.ts';

const words = identityTexts.match;
const list = identityTexts.matches;

/** How it stands: changes with every act of a person and with facts that withdraw it. */
const standOf = ({ row, decisions }: MatchView): string => `${row.state} ${decisions.length}`;

/** One item of the work list: both sides, why the matcher doubts, who decided what, and the acts. */
export default function MatchPage({ id }: { id: string }) {
  const { data, fault, failedAt, reload } = useLoad<MatchView>(matchPath(id));
  // What an act of this reader answered is newer than what was loaded before it.
  const [answered, setAnswered] = useState<MatchView>();
  const [seen, setSeen] = useState<string>();
  useRefresh(
    reload,
    (note) => isUnknown(note) || note.persons.some((one) => data?.row.sides.some(({ personId }) => personId === one)),
  );
  useEffect(() => {
    if (data === undefined) return;
    setAnswered(undefined);
    setSeen((old) => old ?? standOf(data));
  }, [data]);
  const view = answered ?? data;
  if (fault?.status === 404) return <Empty sentence={capital(fault.message)} act={words.back} href="/matches" />;
  if (view === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={12} />
    ) : (
      <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />
    );
  return (
    <article className="page">
      <Head
        view={view}
        onDone={(next) => {
          setAnswered(next);
          setSeen(standOf(next));
        }}
        onFailed={() => reload({ background: true })}
      />
      <div className="match-notes">
        {seen !== undefined && seen !== standOf(view) ? (
          <Meanwhile view={view} onSeen={() => setSeen(standOf(view))} />
        ) : null}
        <Standing view={view} />
      </div>
      <div className="match-grid">
        <div className="stack">
          <SideBySide view={view} />
          <StoryCard view={view} />
          <ChangedCard view={view} />
        </div>
        {view.comparison === undefined ? null : <VerdictCard comparison={view.comparison} />}
      </div>
    </article>
  );
}

function Head({
  view,
  onDone,
  onFailed,
}: {
  view: MatchView;
  onDone: (view: MatchView) => void;
  onFailed: () => void;
}) {
  const { row, asks } = view;
  const settled = row.state !== 'open';
  const next = async (): Promise<void> => {
    const waiting = await ask<Listing<MatchRow>>(matchesPath({ state: 'open', limit: 2 })).catch(() => undefined);
    const other = waiting?.rows.find(({ id }) => id !== row.id);
    goTo(other === undefined ? '/matches' : `/matches/${other.id}`);
    scrollTo(0, 0);
  };
  return (
    <header className="detail-head">
      <div>
        <h1>
          {asks === undefined ? list.kinds[row.kind] : words.asks[asks]} <MatchMark row={row} />
        </h1>
        <p className="quiet">
          <Link href="/matches">{words.back}</Link> ·{' '}
          {row.kind === 'request' ? words.asked(row.from) : words.from(row.from)} · {tellTime(row.createdAt)}
        </p>
      </div>
      <div className="acts">
        {settled ? (
          <Button variant="subtle" rightSection={<Icon name="arrow" size={16} />} onClick={() => void next()}>
            {words.next}
          </Button>
        ) : null}
        <MatchActs view={view} onDone={onDone} onFailed={onFailed} />
      </div>
    </header>
  );
}

/** Somebody else, or the facts, changed it while it was shown. */
function Meanwhile({ view, onSeen }: { view: MatchView; onSeen: () => void }) {
  const last = view.decisions.at(-1);
  return (
    <div className="fault fault-mild" role="alert">
      <Icon name="warning" />
      <div>
        <p>
          {(view.row.state === 'withdrawn' && view.row.kind !== 'request') || last === undefined
            ? words.meanwhileWithdrawn
            : words.meanwhile(last.by, `${actText(view, last)} (${stateText(view.row)})`)}
        </p>
      </div>
      <Button variant="default" size="xs" onClick={onSeen}>
        {words.seen}
      </Button>
    </div>
  );
}

/** What the kind means, what to do about it, and what a second person has to do. */
function Standing({ view }: { view: MatchView }) {
  const me = useMe();
  const { row, may, fourEyes } = view;
  const pending = pendingOf(view);
  const decided = view.decisions.findLast(({ act }) => act === 'decided');
  const told: string[] = [];
  if (row.state === 'open' || (row.state === 'waiting-second' && row.kind !== 'possible'))
    told.push(list.kindHelp[row.kind]);
  if (row.state === 'open' && row.kind === 'storm') told.push(words.stormFix(row.from));
  if (row.state === 'open' && row.kind === 'overlay') told.push(words.overlayFix(row.from));
  if (row.state === 'open' && fourEyes) told.push(words.fourEyes);
  if (row.state === 'open' && !may.decide) told.push(words.mayNot);
  if (row.state === 'withdrawn') told.push(stateHelp(row));
  const waits = row.state === 'waiting-second' && pending !== undefined && decided !== undefined;
  return (
    <>
      {waits ? (
        <div className="notice notice-warn">
          <p>
            <strong>{words.secondTitle}.</strong>{' '}
            {may.second
              ? words.second(decided.by, words.decisions[row.kind][pending].act)
              : decided.by === me.name || decided.by === me.id
                ? words.secondOwn
                : words.secondNot}
          </p>
        </div>
      ) : null}
      {told.length === 0 ? null : (
        <div className="notice">
          {told.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </div>
      )}
    </>
  );
}
