import type { ResendAnswer } from '../../../schemas/portal-exchange.ts';
import { ask } from '../api.ts';
import { exchangeTexts } from '../texts-exchange.ts';
import { BatchDialog } from './batch-dialog.tsx';

const words = exchangeTexts.deliveries;
/** Ids a call; the node takes at most 500. */
const CALL_MAX = 100;
/** Calls for one outlet; each sends up to 500, so this is half a million. */
const CALLS_MAX = 1_000;

/** Sends parked deliveries again, chosen ones or all of an outlet, with a reason and progress. */
export function ResendDialog({
  what,
  onClose,
  onDone,
}: {
  what: { ids: string[] } | { outlet: string; count: number };
  onClose: () => void;
  onDone: () => void;
}) {
  return (
    <BatchDialog
      title={'ids' in what ? words.resendTitle(what.ids.length) : words.resendAllTitle(what.outlet)}
      help={words.resendHelp}
      act={words.resend}
      opened
      onClose={onClose}
      onDone={onDone}
      work={async (reason, tell, signal) => {
        const send = (body: { ids: string[] } | { outlet: string }) =>
          ask<ResendAnswer>('/api/deliveries/resend', { method: 'POST', body: { ...body, reason }, signal });
        let done = 0;
        if ('ids' in what) {
          const waiting = [...what.ids];
          tell({ done, of: what.ids.length, failed: 0 });
          while (waiting.length > 0 && !signal.aborted) {
            const { resent } = await send({ ids: waiting.splice(0, CALL_MAX) });
            done += resent;
            tell({ done, of: what.ids.length, failed: 0 });
          }
          return;
        }
        tell({ done, of: what.count, failed: 0 });
        for (let call = 0; call < CALLS_MAX && !signal.aborted; call += 1) {
          const { resent, left } = await send({ outlet: what.outlet });
          done += resent;
          tell({ done, of: done + left, failed: 0 });
          if (left === 0 || resent === 0) return;
        }
      }}
    />
  );
}
