/** Kinds and states of the work list, and how likely one person is: sign and word together, the colour only helps. */
import { Tooltip } from '@mantine/core';
import type { MatchKind, MatchRow, MatchState } from '../../../schemas/identity.ts';
import type { IconName } from '../icons.tsx';
import { Icon } from '../icons.tsx';
import { identityTexts, percentText } from '../texts-identity.ts';

const words = identityTexts.matches;
const KIND_ICONS: Record<MatchKind, IconName> = {
  possible: 'compare',
  overlay: 'repeat',
  storm: 'warning',
  request: 'patients',
};
const STATE_ICONS: Record<MatchState, IconName> = {
  open: 'clock',
  'waiting-second': 'patients',
  linked: 'link',
  'kept-apart': 'apart',
  withdrawn: 'minus',
};
const STATE_CLASS: Record<MatchState, string> = {
  open: 'state-kept',
  'waiting-second': 'state-warn',
  linked: 'state-done',
  'kept-apart': 'state-done',
  withdrawn: '',
};

export function KindMark({ kind }: { kind: MatchKind }) {
  return (
    <Tooltip label={words.kindHelp[kind]}>
      <span className="state">
        <Icon name={KIND_ICONS[kind]} size={15} />
        {words.kinds[kind]}
      </span>
    </Tooltip>
  );
}

/** Of a storm or an overlay, `linked` and `kept-apart` have words of their own. */
export function stateText({ kind, state }: Pick<MatchRow, 'kind' | 'state'>): string {
  const settled = state === 'linked' || state === 'kept-apart';
  return settled ? words.settled[kind][state] : words.states[state];
}

export function stateHelp({ kind, state }: Pick<MatchRow, 'kind' | 'state'>): string {
  return kind === 'request' && state === 'withdrawn' ? words.withdrawnRequest : words.stateHelp[state];
}

export function MatchMark({ row, help = true }: { row: Pick<MatchRow, 'kind' | 'state'>; help?: boolean }) {
  const mark = (
    <span className={`state ${STATE_CLASS[row.state]}`}>
      <Icon name={STATE_ICONS[row.state]} size={15} />
      {stateText(row)}
    </span>
  );
  return help ? <Tooltip label={stateHelp(row)}>{mark}</Tooltip> : mark;
}

/** A small bar with its figure. */
export function ProbabilityBar({ probability }: { probability: number | undefined }) {
  if (probability === undefined) return <span className="quiet">{words.notCompared}</span>;
  const told = percentText(probability);
  return (
    <span className="likely">
      <svg viewBox="0 0 60 8" width="60" height="8" aria-hidden="true">
        <rect className="likely-track" width="60" height="8" rx="2" />
        <rect className="likely-bar" width={Math.max(2, 60 * probability)} height="8" rx="2" />
      </svg>
      <span>{told}</span>
    </span>
  );
}
