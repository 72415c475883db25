/** Calls to the node, with the failures of its catalogue. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { texts } from './texts.ts';

/** A failure as the node tells it; `status` 0 when it could not be reached. */
export class ApiFault extends Error {
  readonly status: number;
  readonly code: string;
  readonly fix: string;
  readonly place: string | undefined;
  readonly detail: string | undefined;
  constructor(
    status: number,
    told: { code?: string; sentence?: string; fix?: string; place?: string; detail?: string; reference?: string },
  ) {
    super(told.sentence ?? texts.faults.unreachable);
    this.status = status;
    this.code = told.code ?? 'unreachable';
    this.fix = told.fix ?? texts.faults.unreachableFix;
    this.place = told.place;
    this.detail = told.reference ?? told.detail;
  }
}

type SessionListener = (endsAt: string | undefined) => void;
let onSession: SessionListener = () => undefined;

/** Told the session's end after each answer; undefined when it has ended. */
export function watchSession(listener: SessionListener): void {
  onSession = listener;
}

const resumed = new Set<() => void>();

/** Calls `listener` when a locked session goes on; returns the way to stop. */
export function watchResume(listener: () => void): () => void {
  resumed.add(listener);
  return () => void resumed.delete(listener);
}

/** The person signed in again: what failed meanwhile is asked again. */
export function resumeSession(endsAt: string): void {
  onSession(endsAt);
  for (const listener of [...resumed]) listener();
}

interface Ask {
  method?: 'GET' | 'POST';
  body?: unknown;
  /** No hand asked for it: the session's clock stays. */
  background?: boolean;
  signal?: AbortSignal;
}

/** Asks the node for JSON. Throws {@link ApiFault}. */
export async function ask<T>(path: string, { method = 'GET', body, background = false, signal }: Ask = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json', 'x-mix-portal': '1' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (background) headers['x-mix-background'] = '1';
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw new ApiFault(0, {});
  }
  const ends = answer.headers.get('x-mix-session-ends');
  if (ends !== null) onSession(ends);
  if (answer.status === 204) return undefined as T;
  const told: unknown = await answer.json().catch(() => ({}));
  if (answer.ok) return told as T;
  const fault = new ApiFault(answer.status, told as Record<string, string>);
  if (fault.code === 'http.not-signed-in') onSession(undefined);
  throw fault;
}

export interface Loaded<T> {
  data: T | undefined;
  fault: ApiFault | undefined;
  /** When it first failed. */
  failedAt: number | undefined;
  loading: boolean;
  /** Loads again; in the background what is shown stays and the session's clock too. */
  reload: (options?: { background?: boolean }) => void;
}

/** Loads `path` and again when it changes; what was shown before stays until the new is there. */
export function useLoad<T>(path: string | undefined): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, 'reload'>>({
    data: undefined,
    fault: undefined,
    failedAt: undefined,
    loading: true,
  });
  const running = useRef<AbortController | undefined>(undefined);
  const load = useCallback(
    (background: boolean) => {
      running.current?.abort();
      if (path === undefined) return;
      const controller = new AbortController();
      running.current = controller;
      if (!background) setState((old) => ({ ...old, loading: true }));
      ask<T>(path, { signal: controller.signal, background }).then(
        (data) => setState({ data, fault: undefined, failedAt: undefined, loading: false }),
        (cause: unknown) => {
          if (controller.signal.aborted) return;
          const fault = cause instanceof ApiFault ? cause : new ApiFault(0, {});
          setState((old) => ({
            data: background ? old.data : undefined,
            fault,
            failedAt: old.failedAt ?? Date.now(),
            loading: false,
          }));
        },
      );
    },
    [path],
  );
  useEffect(() => {
    load(false);
    const stop = watchResume(() => load(true));
    return () => {
      stop();
      running.current?.abort();
    };
  }, [load]);
  const reload = useCallback((options: { background?: boolean } = {}) => load(options.background ?? false), [load]);
  return { ...state, reload };
}
