/** CCD: documents a second that one process builds, checks, signs and seals, beside hashing, signing and sealing the same bytes. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { askChild, endChild, startChild } from './child.ts';
import { type BenchOptions, type BenchResult, round } from './result.ts';

export interface CcdFigures {
  documents: number;
  seconds: number;
  floorSeconds: number;
  p50Ms: number;
  p99Ms: number;
  cpuMs: number;
  rssBytes: number;
  /** Of the CCDs before they are sealed. */
  documentBytes: number;
  sealedBytes: number;
}

export async function benchCcd(options: BenchOptions): Promise<BenchResult[]> {
  const folder = join(options.folder, 'ccd');
  mkdirSync(folder, { recursive: true });
  options.step('ccd');
  const child = startChild('ccd-child', options.profileDir);
  try {
    const told = await askChild<CcdFigures>(child, { folder, seconds: options.seconds });
    const perSecond = told.documents / told.seconds;
    const bare = told.documents / told.floorSeconds;
    return [
      {
        name: 'ccd',
        per_second: round(perSecond, 0),
        floor_per_second: round(bare, 0),
        ratio: round(perSecond / bare),
        p50_ms: round(told.p50Ms),
        p99_ms: round(told.p99Ms),
        cpu_ms: round(told.cpuMs / told.documents, 3),
        rss_mb: round(told.rssBytes / 1e6, 0),
        bytes_per_message: round(told.documentBytes / told.documents, 0),
      },
    ];
  } finally {
    child.send({ stop: true });
    if (options.profileDir === undefined) await endChild(child);
    else await new Promise((resolve) => child.once('exit', resolve));
  }
}
