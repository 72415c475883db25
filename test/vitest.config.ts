import { defineConfig } from 'vitest/config';

// MIX_SUITE picks one of the suites that want more than Node (a browser, the outside corpora, time);
// without it everything runs that needs nothing from outside.
const wider = ['conformance', 'acceptance', 'browser', 'crash', 'fuzz'];
const suite = process.env['MIX_SUITE'];

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: suite ? [`test/${suite}/**/*.test.ts`] : ['test/**/*.test.ts'],
    exclude: suite ? [] : wider.map((name) => `test/${name}/**`),
    testTimeout: suite ? 600_000 : 30_000,
    hookTimeout: suite ? 120_000 : 30_000,
    pool: 'forks',
    maxWorkers: 2,
    fileParallelism: !suite,
  },
});
