/** Senders that wait to hear what became of their message: the application acknowledgment (HL7 v2.8.2 chapter 2.9.3). */
import type { Fault } from '../schemas/errors/index.ts';
import type { Clock } from '../schemas/parts.ts';

export interface Waiting {
  /** The faults of the message when it was processed (none: all is well); undefined when it is not waited for any longer. */
  wait(messageId: string): Promise<Fault[] | undefined>;
  /** Tells everybody who waits for the message. */
  tell(messageId: string, faults: Fault[]): void;
  /** Does anybody wait for this message? */
  has(messageId: string): boolean;
  readonly size: number;
}

interface Waiter {
  messageId: string;
  until: number;
  resolve(faults: Fault[] | undefined): void;
}

/**
 * Holds at most `max` waiters for at most `waitMs` each. Who is let go hears nothing, and is told when the message is sent again.
 * Nothing runs by itself: each call lets those go whose time is over.
 */
export function createWaiting(clock: Clock, limits: { max: number; waitMs: number }): Waiting {
  /** Oldest first, so the first ones are the first to go. */
  const waiters = new Set<Waiter>();
  const byMessage = new Map<string, Set<Waiter>>();

  function release(waiter: Waiter, faults: Fault[] | undefined): void {
    waiters.delete(waiter);
    const others = byMessage.get(waiter.messageId);
    others?.delete(waiter);
    if (others?.size === 0) byMessage.delete(waiter.messageId);
    waiter.resolve(faults);
  }

  function letGo(room: number): void {
    const now = clock.now();
    for (const waiter of waiters) {
      if (waiter.until > now && waiters.size <= limits.max - room) return;
      release(waiter, undefined);
    }
  }

  return {
    wait: (messageId) =>
      new Promise((resolve) => {
        letGo(1);
        const waiter = { messageId, until: clock.now() + limits.waitMs, resolve };
        waiters.add(waiter);
        const others = byMessage.get(messageId);
        if (others === undefined) byMessage.set(messageId, new Set([waiter]));
        else others.add(waiter);
      }),
    tell(messageId, faults) {
      for (const waiter of [...(byMessage.get(messageId) ?? [])]) release(waiter, faults);
      letGo(0);
    },
    has: (messageId) => byMessage.has(messageId),
    get size() {
      return waiters.size;
    },
  };
}
