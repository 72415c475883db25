/** Stores that break their promise on purpose: the judge of the crash tests must find what comes of it. */
import type { Changes, Store } from '../../schemas/parts.ts';

/** `answers-early`: a message is acknowledged before its commit. `splits-effect`: the effect is one commit and 'done' another. */
export type DeliberateFault = 'answers-early' | 'splits-effect';

/** Between the promise and the commit, or the two commits: wide enough for a kill to fall into. */
const GAP_MS = 200;

const gap = (): Promise<void> => new Promise((next) => setTimeout(next, GAP_MS));

export function faulty(store: Store, fault: DeliberateFault): Store {
  const broken: Partial<Store> =
    fault === 'answers-early'
      ? {
          async keep(...given) {
            // Nobody waits for it, so nobody hears when it fails.
            void gap()
              .then(() => store.keep(...given))
              .catch(() => undefined);
            return { outcome: 'kept' };
          },
        }
      : {
          async commit(changes) {
            const { jobDone, ...effect } = changes;
            if (jobDone === undefined || changes.persons === undefined) return store.commit(changes);
            await store.commit(effect satisfies Changes);
            await gap();
            await store.commit({ jobDone });
          },
        };
  return new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(broken, name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
