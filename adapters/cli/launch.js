#!/usr/bin/env node
// Plain JavaScript so that any Node can read it: finds a Node that runs TypeScript (24 or later) and hands over.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const major = Number(process.versions.node.split('.')[0]);
if (major >= 24) {
  await import('./main.ts');
} else {
  const binary = bundledNode();
  if (binary === undefined) {
    process.stderr.write(
      `MIX-HIE needs Node 24 or later and found ${process.version}. Run "npm ci" (it brings one for Linux and Windows), or install Node 24.\n`,
    );
    process.exit(2);
  }
  const run = spawnSync(binary, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(run.status ?? 1);
}

/** The Node that npm brought as an optional dependency, if there is one for this platform. */
function bundledNode() {
  const platform = { linux: 'linux', win32: 'win' }[process.platform];
  if (platform === undefined) return undefined;
  try {
    const require = createRequire(import.meta.url);
    const manifest = require.resolve(`node-${platform}-${process.arch}/package.json`);
    const binary = manifest.replace(/package\.json$/, platform === 'win' ? 'bin/node.exe' : 'bin/node');
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}
