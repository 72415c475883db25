/**
 * The patient index: registrations and queries a second at growing sizes, over the sealed store, beside the bare keeping of messages of the same size at
 * the same number of connections.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../../../schemas/settings/index.ts';
import { provisionDemo } from '../demo-exchange.ts';
import { askChild, startChild, stopChild } from './child.ts';
import { startFloor } from './intake-floor.ts';
import { runLoad } from './load.ts';
import type { IndexFigures } from './patient-index-child.ts';
import { type BenchOptions, type BenchResult, round } from './result.ts';
import { benchMessages } from './traffic.ts';

const SEED = 20;
const SIZES = [10_000, 100_000, 1_000_000];
const ABREAST = 4;
const FEEDS = 2_000;
const QUERIES = 1_000;
const WARM_UP = { feeds: 300, queries: 100, abreast: ABREAST };
/** Authorities of the two hospitals that feed. */
const AUTHORITIES = ['2.16.840.1.113883.19.4.61', '2.16.840.1.113883.19.4.62'];

/** Sizes of 10,000 and its tens, up to the number of persons that is asked for. */
export async function benchPatientIndex(options: BenchOptions): Promise<BenchResult[]> {
  const folder = join(options.folder, 'index');
  mkdirSync(folder, { recursive: true });
  const region = (await provisionDemo(folder)).find(({ plan }) => plan.name === 'region')!;
  const settings = alone(region.settings, options.postgres);
  const hospitals = settings
    .exchange!.nodes.map(({ name, organization }, at) => ({ name, organization, authority: AUTHORITIES[at]! }))
    .slice(0, AUTHORITIES.length);
  const floor = await bareFeeds(folder, options);
  const child = startChild('patient-index-child', options.profileDir);
  const results: BenchResult[] = [];
  try {
    await askChild(child, { start: settings, hospitals, seed: SEED });
    for (const size of SIZES.filter((one) => one <= options.persons)) {
      options.step(`index: putting ${size} persons into the store`);
      await askChild(child, { fill: size });
      options.step(`index of ${size} persons`);
      await askChild<IndexFigures>(child, { measure: WARM_UP });
      const told = await askChild<IndexFigures>(child, {
        measure: { feeds: FEEDS, queries: QUERIES, abreast: ABREAST },
      });
      if (told.errors > 0) throw new Error(`index: ${told.errors} feeds or queries failed`);
      results.push(...rowsOf(size, told, floor, options.postgres === undefined ? storeBytes(settings) : undefined));
    }
    return results;
  } finally {
    await stopChild(child);
  }
}

function rowsOf(size: number, told: IndexFigures, floor: number, bytes: number | undefined): BenchResult[] {
  const at = (sorted: number[], part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
  const name = size >= 1_000_000 ? `${size / 1_000_000}m` : `${size / 1_000}k`;
  const shared = { rss_mb: round(told.rssBytes / 1e6, 0), floor_per_second: round(floor, 0) };
  return [
    {
      name: `index-${name}`,
      per_second: round(told.feedsPerSecond, 0),
      ratio: round(told.feedsPerSecond / floor),
      p50_ms: round(at(told.feedMs, 0.5)),
      p99_ms: round(at(told.feedMs, 0.99)),
      cpu_ms: round(told.cpuMs, 3),
      bytes_per_message: bytes === undefined ? 0 : round(bytes / size, 0),
      candidates: round(told.candidates, 1),
      found: round(told.found, 4),
      wrong: told.wrong,
      ...shared,
    },
    {
      name: `query-${name}`,
      per_second: round(told.queriesPerSecond, 0),
      ratio: round(told.queriesPerSecond / floor),
      p50_ms: round(at(told.queryMs, 0.5)),
      p99_ms: round(at(told.queryMs, 0.99)),
      cpu_ms: 0,
      bytes_per_message: 0,
      ...shared,
    },
  ];
}

/** The region by itself: nobody above to tell, its two hospitals with authorities of the bench. */
function alone(settings: Settings, postgres: string | undefined): Settings {
  const hospitals = settings.exchange!.nodes.filter(({ role }) => role === 'hospital');
  return {
    ...settings,
    exchange: {
      ...settings.exchange!,
      listen: { ...settings.exchange!.listen, port: 0 },
      nodes: hospitals.map((one, at) => ({ ...one, authorities: AUTHORITIES[at]! })),
    },
    http: { ...settings.http, port: 0 },
    log: { ...settings.log, level: 'error' },
    ...(postgres === undefined
      ? {}
      : { store: { ...settings.store, postgres: { url: { env: postgres }, schema: 'mix_bench' } } }),
  };
}

function storeBytes(settings: Settings): number {
  const file = join(settings.node.dataDir, 'store.sqlite');
  return [file, `${file}-wal`].reduce((sum, one) => sum + (statSync(one, { throwIfNoEntry: false })?.size ?? 0), 0);
}

async function bareFeeds(folder: string, options: BenchOptions): Promise<number> {
  options.step('index floor');
  const floor = await startFloor({ folder });
  try {
    const messages = benchMessages(5_000, SEED);
    const load = await runLoad({ port: floor.port, connections: ABREAST, seconds: options.seconds, messages });
    return load.perSecond;
  } finally {
    await floor.close();
  }
}
