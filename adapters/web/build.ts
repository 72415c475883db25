/** Builds the pages when there is need: about two seconds, on a first start or after a change of the sources. */
import { existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';

const HERE = import.meta.dirname;
const DIST = join(HERE, 'dist');
const SKIPPED = new Set(['dist', 'node_modules']);
/** Earlier builds that stay: a node that runs may still serve one. */
const KEPT = 2;

/**
 * Builds the pages of these sources unless they are built; `force` builds anyway. Returns the folder to serve.
 *
 * Each build has a folder of its own, named by the newest source, and gets its name when it is whole: nobody serves half of one, and
 * two processes may build at once. Every asset gets a .gz and a .br beside it.
 */
export async function buildPages(options: { force?: boolean } = {}): Promise<string> {
  const built = join(DIST, String(Math.ceil(newestSource(HERE))));
  if (options.force !== true && existsSync(built)) return built;
  const making = `${built}.${process.pid}`;
  const { build } = await import('vite');
  // Vite follows NODE_ENV where one is set: under a test runner the pages would come out half as large again.
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = 'production';
  try {
    await build({ configFile: join(HERE, 'vite.config.ts'), logLevel: 'warn', build: { outDir: making } });
  } finally {
    if (before === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = before;
  }
  await compressAssets(join(making, 'assets'));
  takeName(making, built, options.force === true);
  dropOld(built);
  return built;
}

/** Whoever comes second finds the same pages there already. */
function takeName(making: string, built: string, force: boolean): void {
  if (force) rmSync(built, { recursive: true, force: true });
  try {
    renameSync(making, built);
  } catch (cause) {
    if (!existsSync(built)) throw cause;
    rmSync(making, { recursive: true, force: true });
  }
}

function dropOld(built: string): void {
  const whole = readdirSync(DIST).filter((name) => /^\d+$/.test(name) && join(DIST, name) !== built);
  const old = whole.sort((a, b) => Number(b) - Number(a)).slice(KEPT);
  for (const name of old) rmSync(join(DIST, name), { recursive: true, force: true });
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
