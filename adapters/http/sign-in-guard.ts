import type { Clock } from '../../schemas/parts.ts';

/** Slows guessing down: by name (someone's password is tried from many places) and by address (many names from one place). */
export interface SignInGuard {
  /** Seconds to wait before the next try, 0 when it may go on. A try that may go on counts as failed until `succeeded`. */
  begin(name: string, address: string): number;
  succeeded(name: string, address: string): void;
}

interface Tries {
  failed: number;
  notBefore: number;
  lastAt: number;
}

const FREE_TRIES = 3;
/** A name's wait stays short, so that nobody can lock a colleague out for long. */
const NAME_WAIT_MS_MAX = 60_000;
const ADDRESS_WAIT_MS_MAX = 15 * 60_000;
const FORGET_AFTER_MS = 30 * 60_000;
const KEPT_MAX = 20_000;

/** Doubles the wait from the fourth failed try on; forgets after half an hour of quiet (NIST SP 800-63B 5.2.2). */
export function createSignInGuard(clock: Clock): SignInGuard {
  const tries = new Map<string, Tries>();

  const waitOf = (key: string): number => Math.max(0, (tries.get(key)?.notBefore ?? 0) - clock.now());

  function count(key: string, waitMax: number): void {
    const now = clock.now();
    const old = tries.get(key);
    const failed = old !== undefined && now - old.lastAt < FORGET_AFTER_MS ? old.failed + 1 : 1;
    const wait = failed <= FREE_TRIES ? 0 : Math.min(waitMax, 1000 * 2 ** Math.min(20, failed - FREE_TRIES));
    tries.delete(key);
    tries.set(key, { failed, notBefore: now + wait, lastAt: now });
    // The map keeps the order of the last try: the first is the one longest quiet.
    if (tries.size > KEPT_MAX) for (const oldest of tries.keys()) if (tries.delete(oldest)) break;
  }

  return {
    begin(name, address) {
      const wait = Math.max(waitOf(nameKey(name)), waitOf(addressKey(address)));
      if (wait > 0) return Math.ceil(wait / 1000);
      count(nameKey(name), NAME_WAIT_MS_MAX);
      count(addressKey(address), ADDRESS_WAIT_MS_MAX);
      return 0;
    },
    succeeded(name, address) {
      tries.delete(nameKey(name));
      tries.delete(addressKey(address));
    },
  };
}

const nameKey = (name: string): string => `name ${name.normalize('NFKC').toLowerCase()}`;
const addressKey = (address: string): string => `address ${address}`;
