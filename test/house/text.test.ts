/** What no file of the project may hold. */
import { describe, expect, it } from 'vitest';
import { filesBelow, rooms, type SourceFile, sources, tests, texts } from './sources.ts';

/** Lines of the files that match, as `path:line`. */
function linesWith(form: RegExp, files: SourceFile[]): string[] {
  return files.flatMap((file) =>
    file.text.split('\n').flatMap((line, index) => (form.test(line) ? [`${file.path}:${index + 1}`] : [])),
  );
}

// Written in pieces, so that this file does not hold what it looks for.
const unfinished = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b(?!\\^)`);
const machinePath = new RegExp(
  `(^|[\\s'"\`(=])/(${['wo' + 'rk', 'tm' + 'p', 'ho' + 'me', 'ro' + 'ot', 'Us' + 'ers'].join('|')})/`,
);
const silenced = new RegExp(`@ts-(${'ig' + 'nore'}|${'no' + 'check'})`);

describe('text', () => {
  it('has nothing unfinished', () => {
    expect(linesWith(unfinished, texts)).toEqual([]);
  });

  it('names no path of a machine', () => {
    expect(linesWith(machinePath, texts)).toEqual([]);
    expect(machinePath.test(`'${'/wo' + 'rk'}/main'`)).toBe(true);
  });

  it('does not silence the compiler, and has no any', () => {
    const code = [...sources, ...tests];
    expect(linesWith(silenced, code)).toEqual([]);
    expect(linesWith(/^(?!\s*(\*|\/\/)).*(\bas any\b|:\s*any\b(?!\s+[a-z])|<any>|\bany\[\])/, sources)).toEqual([]);
  });

  it('exports by name', () => {
    expect(linesWith(/^\s*export\s+(type\s+)?\*/, sources)).toEqual([]);
  });

  it('runs without a build step: no enum, no namespace', () => {
    expect(linesWith(/^\s*(export\s+)?(declare\s+)?(const\s+)?(enum|namespace)\s+\w/, sources)).toEqual([]);
  });

  it('lies in folders that say what they know', () => {
    const empty = /^(utils?|commons?|helpers?|core|misc|shared|lib)$/;
    const bad = rooms.flatMap(filesBelow).filter((path) =>
      path
        .split('/')
        .slice(0, -1)
        .some((part) => empty.test(part)),
    );
    expect(bad).toEqual([]);
  });

  it('lies in files with kebab-case names', () => {
    const bad = sources
      .map((file) => file.path)
      .filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.config|\.test|-env\.d|\.d)?\.tsx?$/.test(path.split('/').at(-1)!));
    expect(bad).toEqual([]);
  });
});
