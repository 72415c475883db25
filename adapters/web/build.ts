/** Builds the pages when there is need: about two seconds, on a first start or after a change of the sources. */
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';

const HERE = import.meta.dirname;
const DIST = join(HERE, 'dist');
/** Written last: a build that was cut off has none and is made again. */
const BUILT = join(DIST, '.built');
const SKIPPED = new Set(['dist', 'node_modules']);

/**
 * Builds into `dist` unless it is newer than every source; `force` builds anyway. Returns the folder to serve.
 * Every asset gets a .gz and a .br beside it. A packed release carries `dist` and has no vite: then nothing is built.
 */
export async function buildPages(options: { force?: boolean } = {}): Promise<string> {
  const built = existsSync(BUILT) ? statSync(BUILT).mtimeMs : 0;
  if (options.force !== true && built > 0 && built >= newestSource(HERE)) return DIST;
  rmSync(BUILT, { force: true });
  const { build } = await import('vite');
  // Vite follows NODE_ENV where one is set: under a test runner the pages would come out half as large again.
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = 'production';
  try {
    await build({ configFile: join(HERE, 'vite.config.ts'), logLevel: 'warn' });
  } finally {
    if (before === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = before;
  }
  await compressAssets(join(DIST, 'assets'));
  writeFileSync(BUILT, '');
  return DIST;
}

function newestSource(dir: string): number {
  let newest = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (SKIPPED.has(entry.name)) continue;
    const path = join(dir, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestSource(path) : statSync(path).mtimeMs);
  }
  return newest;
}

async function compressAssets(dir: string): Promise<void> {
  for (const name of readdirSync(dir)) {
    const bytes = await readFile(join(dir, name));
    writeFileSync(join(dir, `${name}.gz`), await promisify(gzip)(bytes));
    writeFileSync(join(dir, `${name}.br`), await promisify(brotliCompress)(bytes));
  }
}
