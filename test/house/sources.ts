/** The project's files as the house checks see them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const rooms = ['schemas', 'pki', 'policies', 'engine', 'adapters'];
const skipped = new Set(['node_modules', 'dist', '.git']);

export interface SourceFile {
  /** From the root, with slashes. */
  path: string;
  text: string;
}

export interface Import {
  /** What is imported: a path from the root, or a package. */
  target: string;
  relative: boolean;
  line: number;
}

/** Paths from the root of every file below a folder, sorted. */
export function filesBelow(folder: string): string[] {
  const at = join(root, folder);
  if (!existsSync(at)) return [];
  return readdirSync(at, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split('\\').join('/'))
    .filter((path) => !path.split('/').some((part) => skipped.has(part)))
    .sort();
}

function read(path: string): SourceFile {
  return { path, text: readFileSync(join(root, path), 'utf8') };
}

/** Every TypeScript file of the rooms. */
export const sources: SourceFile[] = rooms
  .flatMap(filesBelow)
  .filter((path) => /\.tsx?$/.test(path))
  .map(read);

/** Every TypeScript file of the tests. */
export const tests: SourceFile[] = filesBelow('test')
  .filter((path) => /\.tsx?$/.test(path))
  .map(read);

/** Everything that people read or run: rooms, tests, docs, and the files at the root. */
export const texts: SourceFile[] = [
  ...sources,
  ...tests,
  ...[
    ...filesBelow('docs'),
    ...filesBelow('.ci'),
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'package.json',
    'tsconfig.json',
    'biome.json',
  ]
    .filter((path) => existsSync(join(root, path)) && !/\.(png|svg|jpg|webp)$/.test(path))
    .map(read),
];

/** What a file imports, `import type` too. */
export function importsOf(file: SourceFile): Import[] {
  const forms = [
    /^[ \t]*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^[ \t]*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
  ];
  const found: Import[] = [];
  for (const form of forms) {
    for (const match of file.text.matchAll(form)) {
      const name = match[1]!;
      const isRelative = name.startsWith('.');
      found.push({
        target: isRelative ? join(dirname(file.path), name).split('\\').join('/') : name,
        relative: isRelative,
        line: file.text.slice(0, match.index).split('\n').length,
      });
    }
  }
  return found;
}
