/** What this reader may do with an item of the work list: decide, look second, take back. Each act wants a typed reason. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { MatchDecision, MatchView } from '../../../schemas/identity.ts';
import { decideMatch, undoMatch } from '../identity.ts';
import { identityTexts } from '../texts-identity.ts';
import { ReasonDialog } from './reason-dialog.tsx';

const words = identityTexts.match;

interface Act {
  act: string;
  title: string;
  help: string;
  primary: boolean;
  labelHelp: string;
  run: (reason: string) => Promise<MatchView>;
}

/** What was decided last and is neither undone nor refused. */
export function pendingOf({ decisions }: MatchView): MatchDecision | undefined {
  return decisions.findLast(({ act }) => act === 'decided')?.decision;
}

function actsOf(view: MatchView): Act[] {
  const { row, may } = view;
  const decide = (decision: MatchDecision) => (reason: string) => decideMatch(row.id, decision, reason);
  const { reasonHelp } = words;
  const undo: Act = {
    act: words.undo,
    title: words.undoTitle,
    help: row.kind === 'request' ? words.undoHelpRequest : words.undoHelp,
    primary: false,
    labelHelp: words.undoReasonHelp,
    run: (reason) => undoMatch(row.id, reason),
  };
  const pending = pendingOf(view);
  if (row.state === 'waiting-second' && pending !== undefined)
    return [
      ...(may.second
        ? [
            {
              act: words.refuse,
              title: words.refuseTitle,
              help: row.kind === 'request' ? words.refuseHelpRequest : words.refuseHelp,
              primary: false,
              labelHelp: words.undoReasonHelp,
              run: decide(pending === 'link' ? 'unlink' : 'link'),
            },
            {
              act: words.confirm,
              title: words.confirmTitle,
              help: words.decisions[row.kind][pending].help,
              primary: true,
              labelHelp: reasonHelp,
              run: decide(pending),
            },
          ]
        : []),
      ...(may.undo ? [undo] : []),
    ];
  const acts: Act[] = may.undo ? [undo] : [];
  if (!may.decide) return acts;
  for (const decision of ['unlink', 'link'] as const) {
    // A storm is only closed.
    if (row.kind === 'storm' && decision === 'link') continue;
    acts.push({
      ...words.decisions[row.kind][decision],
      primary: decision === 'link' || row.kind === 'storm',
      labelHelp: row.kind === 'storm' ? words.stormReasonHelp : reasonHelp,
      run: decide(decision),
    });
  }
  return acts;
}

export function MatchActs({
  view,
  onDone,
  onFailed,
}: {
  view: MatchView;
  onDone: (view: MatchView) => void;
  /** It may be that somebody else was there first. */
  onFailed: () => void;
}) {
  const [asking, setAsking] = useState<Act>();
  return (
    <>
      {actsOf(view).map((act) => (
        <Button key={act.act} variant={act.primary ? 'filled' : 'default'} onClick={() => setAsking(act)}>
          {act.act}
        </Button>
      ))}
      {asking === undefined ? null : (
        <ReasonDialog
          title={asking.title}
          help={view.fourEyes && view.row.state === 'open' ? `${asking.help} ${words.fourEyes}` : asking.help}
          act={asking.act}
          labelHelp={asking.labelHelp}
          working={words.working}
          onClose={() => setAsking(undefined)}
          onSubmit={async (reason) => {
            try {
              onDone(await asking.run(reason));
            } catch (cause) {
              onFailed();
              throw cause;
            }
          }}
        />
      )}
    </>
  );
}
