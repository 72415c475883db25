/** The floor of the intake bench: the same frames kept by a bare SQLite (WAL, FULL), one transaction for what waits, then answered. */
import { askChild, endChild, startChild } from './child.ts';

export interface Floor {
  port: number;
  /** CPU ms that the process has used, and bytes that its database takes. */
  figures(): Promise<{ cpuMs: number; storeBytes: number; rssBytes: number }>;
  close(): Promise<void>;
}

/** Starts the floor in a process of its own; `folder` takes its database. `store: false` answers without keeping anything (frame and ACK alone). */
export async function startFloor(options: { folder: string; store?: boolean }): Promise<Floor> {
  const child = startChild('floor-child');
  const { port } = await askChild<{ port: number }>(child, { start: { store: true, ...options } });
  return {
    port,
    figures: () => askChild(child, { figures: true }),
    close: () => endChild(child),
  };
}
