/** The load client of the bench, in a process of its own. */
import { askChild, startChild } from './child.ts';

export interface LoadOptions {
  /** Default 127.0.0.1. */
  host?: string;
  port: number;
  connections: number;
  /** What to send, each once and in this order over all connections; or how many of a seed's to make, and at which to begin. */
  messages: readonly Buffer[] | { count: number; seed: number; from?: number };
  /** Ends after this time, or when everything was sent. */
  seconds: number;
  /** Messages of a connection that wait for their answer; default 1. */
  window?: number;
}

export interface LoadResult {
  /** Messages answered with AA or CA. */
  answered: number;
  /** When the first frame went out, ms since the epoch. */
  begunAt: number;
  /** Wall time from the first frame to the last answer. */
  seconds: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Other answers, answers that name another message, and connections lost. */
  errors: number;
}

/** Drives MLLP connections as fast as they answer and measures the time of each answer. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const child = startChild('load-child');
  try {
    return await askChild<LoadResult>(child, options);
  } finally {
    child.kill();
  }
}
