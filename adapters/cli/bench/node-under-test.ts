/** A node in a process of its own, as a site would run it, with one plain listener. */
import { askChild, endChild, startChild } from './child.ts';

export interface NodeStart {
  folder: string;
  /** Keep and answer only; jobs wait. */
  paused: boolean;
}

export interface NodeFigures {
  /** ms since the epoch. */
  endedAt: number;
  cpuMs: number;
  rssBytes: number;
  storeBytes: number;
  /** Transactions and units of work of the commit lane. */
  groups: number;
  units: number;
  messages: number;
  parked: number;
}

export interface NodeUnderTest {
  port: number;
  /** From here on is measured. */
  mark(): Promise<void>;
  /** The figures, when the last job is done (at once for a paused node). */
  figures(): Promise<NodeFigures>;
  close(): Promise<void>;
}

export async function startNodeUnderTest(options: NodeStart & { profileDir?: string }): Promise<NodeUnderTest> {
  const { folder, paused, profileDir } = options;
  const child = startChild('node-child', profileDir);
  const { port } = await askChild<{ port: number }>(child, { start: { folder, paused } });
  return {
    port,
    mark: async () => void (await askChild(child, { mark: true })),
    figures: () => askChild(child, { drained: { messages: paused ? 0 : 1 } }),
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await askChild(child, { stop: true });
      await ended;
      await endChild(child);
    },
  };
}
