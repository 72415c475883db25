/** Live notes of the node, one stream a window; closed while the window is hidden. */
import { useCallback, useEffect, useRef } from 'react';
import type { LiveNote } from '../../schemas/portal.ts';
import { watchResume } from './api.ts';

type Listener = (note: LiveNote) => void;
const EVERYTHING: LiveNote = { messages: [], persons: [], documents: [], overview: true };
/** A stream that takes longer to stand may have missed something. */
const GAP_MS_MAX = 300;
const listeners = new Set<Listener>();
let stream: EventSource | undefined;
let onEnded: () => void = () => undefined;

function open(): void {
  if (stream !== undefined || document.hidden || listeners.size === 0) return;
  stream = new EventSource('/api/live');
  let gapBegan = Date.now();
  // What came before the stream stood, or while it was cut, was not told; a page that has just been read needs no second look.
  stream.addEventListener('open', () => {
    if (Date.now() - gapBegan > GAP_MS_MAX) for (const listener of listeners) listener(EVERYTHING);
  });
  stream.addEventListener('error', () => {
    gapBegan = 0;
  });
  stream.addEventListener('note', (event: MessageEvent<string>) => {
    const note = JSON.parse(event.data) as LiveNote;
    for (const listener of listeners) listener(note);
  });
  stream.addEventListener('ended', () => {
    close();
    onEnded();
  });
}

function close(): void {
  stream?.close();
  stream = undefined;
}

watchResume(open);
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    close();
    return;
  }
  open();
  // What came while nobody looked was not told.
  for (const listener of listeners) listener(EVERYTHING);
});

/** Called when the node ends the session. */
export function watchEnd(listener: () => void): void {
  onEnded = listener;
}

/** Calls `listener` with each note while the component is shown. */
export function useLive(listener: Listener): void {
  const newest = useRef(listener);
  useEffect(() => {
    newest.current = listener;
  });
  useEffect(() => {
    const tell: Listener = (note) => newest.current(note);
    listeners.add(tell);
    open();
    return () => {
      listeners.delete(tell);
      if (listeners.size === 0) close();
    };
  }, []);
}

/** The window was hidden: anything may have changed. */
export const isUnknown = ({ messages, persons, documents }: LiveNote): boolean =>
  messages.length + persons.length + documents.length === 0;

const REFRESH_MS = 3000;

/** Reloads in the background with the notes that `wanted` picks, but not more often than every few seconds. */
export function useRefresh(
  reload: (options: { background: boolean }) => void,
  wanted: (note: LiveNote) => boolean = () => true,
): void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const newest = useRef({ reload, wanted });
  useEffect(() => {
    newest.current = { reload, wanted };
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  useLive(
    useCallback((note: LiveNote) => {
      if (!newest.current.wanted(note)) return;
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        newest.current.reload({ background: true });
      }, REFRESH_MS);
    }, []),
  );
}
