/** Every state has an address: a small router over the History API. */
import { useCallback, useMemo, useSyncExternalStore } from 'react';

const CHANGED = 'mix-address';

function subscribe(listener: () => void): () => void {
  addEventListener('popstate', listener);
  addEventListener(CHANGED, listener);
  return () => {
    removeEventListener('popstate', listener);
    removeEventListener(CHANGED, listener);
  };
}

const read = (): string => location.pathname + location.search;

/** Goes to an address of the portal; `replace` when going back should skip this step (typing in a filter). */
export function goTo(address: string, options: { replace?: boolean } = {}): void {
  if (address === read()) return;
  if (options.replace === true) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  dispatchEvent(new Event(CHANGED));
}

export function useAddress(): URL {
  const address = useSyncExternalStore(subscribe, read);
  return useMemo(() => new URL(address, location.origin), [address]);
}

/** The filters that stand in the address, and the way to change some of them (undefined or '' takes one out). */
export function useFilters(): [
  Record<string, string>,
  (changes: Record<string, string | undefined>, options?: { replace?: boolean }) => void,
] {
  const url = useAddress();
  const { pathname, search } = url;
  const filters = useMemo(() => Object.fromEntries(new URLSearchParams(search)), [search]);
  const change = useCallback(
    (changes: Record<string, string | undefined>, options: { replace?: boolean } = {}) => {
      const query = new URLSearchParams(search);
      for (const [key, value] of Object.entries(changes)) {
        if (value === undefined || value === '') query.delete(key);
        else query.set(key, value);
      }
      const text = query.toString();
      goTo(text === '' ? pathname : `${pathname}?${text}`, options);
    },
    [pathname, search],
  );
  return [filters, change];
}

/** A query string of what is set, with its question mark; '' when nothing is. */
export function queryOf(values: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values))
    if (value !== undefined && value !== '') query.set(key, String(value));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
