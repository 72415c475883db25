/** Docs equal code: the catalogue of failures and the manifest of settings. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printedPages } from '../../adapters/cli/docs.ts';
import { catalogue, type FaultKind, sentenceOf } from '../../schemas/errors/index.ts';
import { root, sources } from './sources.ts';

describe('printed pages', () => {
  for (const [name, text] of Object.entries(printedPages())) {
    it(`docs/${name} is what \`mix-hie docs\` prints`, () => {
      const file = join(root, 'docs', name);
      expect(existsSync(file) ? readFileSync(file, 'utf8') : 'not there').toBe(text);
    });
  }
});

describe('catalogue of failures', () => {
  const used = sources
    .filter((file) => !file.path.startsWith('schemas/errors/'))
    .map((file) => file.text)
    .join('\n');

  it('holds only codes that are used', () => {
    const unused = Object.keys(catalogue).filter((code) => !used.includes(`'${code}'`));
    expect(unused).toEqual([]);
  });

  it('words every kind in the same way', () => {
    const odd = Object.entries<FaultKind>(catalogue).filter(
      ([code, kind]) =>
        !/^[a-z0-9]+\.[a-z0-9-]+$/.test(code) ||
        [kind.sentence, kind.fix].some((text) => /[.!]$|\n/.test(text) || text.trim() !== text || text === ''),
    );
    expect(odd.map(([code]) => code)).toEqual([]);
    expect(sentenceOf({ code: 'store.full' })).toContain(' \u2014 ');
  });
});
