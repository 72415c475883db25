/** Who may import whom: `schemas <- pki <- policies <- engine <- adapters`, through doors, without circles. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Import, importsOf, rooms, root, type SourceFile, sources, tests } from './sources.ts';

const roomOf = (path: string): string => path.split('/')[0]!;

/** The folder behind one door that a file belongs to: `pki`, `engine` (its verb files), `engine/hl7v2`, `adapters/mllp`. */
function unitOf(path: string): string {
  const parts = path.split('/');
  const nested = (parts[0] === 'engine' || parts[0] === 'adapters') && parts.length > 2;
  return nested ? `${parts[0]}/${parts[1]}` : parts[0]!;
}

const isLeaf = (unit: string): boolean => unit.startsWith('engine/');
/** The only adapters that see other adapters. */
const joins = (path: string): boolean => path === 'adapters/node.ts' || path.startsWith('adapters/cli/');

/** Why a file may not import another; undefined where it may. */
function whyNot(from: string, target: string): string | undefined {
  const [fromRoom, toRoom] = [roomOf(from), roomOf(target)];
  if (!rooms.includes(toRoom)) return toRoom === 'package.json' ? undefined : 'only the rooms may be imported';
  if (rooms.indexOf(toRoom) > rooms.indexOf(fromRoom))
    return `${fromRoom} may not import ${toRoom}; directions are ${rooms.join(' <- ')}`;
  const [fromUnit, toUnit] = [unitOf(from), unitOf(target)];
  if (fromUnit === toUnit || toRoom === 'schemas') return undefined;
  if (isLeaf(fromUnit) && toUnit !== 'engine/record')
    return 'a leaf of the engine imports schemas and engine/record only';
  if (fromRoom === 'adapters' && toRoom === 'adapters' && !joins(from))
    return 'an adapter never calls an adapter; adapters/node.ts and adapters/cli join them';
  if (target !== 'adapters/node.ts' && target !== `${toUnit}/index.ts`)
    return `into ${toUnit} only through its index.ts`;
  return undefined;
}

function breaches(judge: (file: SourceFile, one: Import) => string | undefined, files = sources): string[] {
  return files.flatMap((file) =>
    importsOf(file).flatMap((one) => {
      const why = judge(file, one);
      return why ? [`${file.path}:${one.line} imports ${one.target}: ${why}`] : [];
    }),
  );
}

describe('imports', () => {
  it('follow the directions and go through doors', () => {
    expect(breaches((file, one) => (one.relative ? whyNot(file.path, one.target) : undefined))).toEqual([]);
  });

  it('see a breach where there is one', () => {
    expect(whyNot('schemas/parts.ts', 'engine/index.ts')).toMatch(/directions/);
    expect(whyNot('engine/hl7v2/parse.ts', 'engine/ccda/index.ts')).toMatch(/leaf/);
    expect(whyNot('engine/hl7v2/parse.ts', 'pki/index.ts')).toMatch(/leaf/);
    expect(whyNot('adapters/http/server.ts', 'adapters/mllp/index.ts')).toMatch(/adapter/);
    expect(whyNot('engine/process.ts', 'engine/hl7v2/parse.ts')).toMatch(/index\.ts/);
    expect(whyNot('engine/hl7v2/map/adt.ts', 'engine/hl7v2/read.ts')).toBeUndefined();
    expect(whyNot('engine/hl7v2/parse.ts', 'engine/record/index.ts')).toBeUndefined();
    expect(
      importsOf({
        path: 'engine/a/b.ts',
        text: "import {\n  x,\n} from '../c/d.ts';\nexport { y } from './e.ts';\n",
      }).map((one) => one.target),
    ).toEqual(['engine/c/d.ts', 'engine/a/e.ts']);
  });

  it('name a file that exists, with its ending', () => {
    const missing = breaches(
      (file, one) =>
        one.relative && !existsSync(join(root, one.target)) ? `no such file (from ${file.path})` : undefined,
      [...sources, ...tests],
    );
    expect(missing).toEqual([]);
  });

  it('make no circle', () => {
    const graph = new Map(
      sources.map((file) => [
        file.path,
        importsOf(file)
          .filter((one) => one.relative)
          .map((one) => one.target),
      ]),
    );
    expect(circlesOf(graph)).toEqual([]);
    expect(
      circlesOf(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['a']],
        ]),
      ),
    ).toEqual(['a -> b -> c -> a']);
  });

  it('leave SQL to engine/store and to the floor that it is measured against', () => {
    const drivers = new Set(['knex', 'sqlite3', 'pg', 'node:sqlite']);
    const mayUse = (path: string): boolean =>
      path.startsWith('engine/store/') ||
      path === 'adapters/cli/bench/floor-child.ts' ||
      /^adapters\/cli\/bench\/[a-z-]*floor[a-z-]*\.ts$/.test(path);
    expect(
      breaches((file, one) =>
        drivers.has(one.target) && !mayUse(file.path) ? 'SQL lives in engine/store' : undefined,
      ),
    ).toEqual([]);
  });

  it('leave sockets to the adapters', () => {
    const sockets = new Set(['node:net', 'node:tls', 'node:http', 'node:https', 'node:http2', 'node:dgram', 'fastify']);
    expect(
      breaches((file, one) =>
        sockets.has(one.target) && roomOf(file.path) !== 'adapters' && !readsAddressesOnly(file)
          ? 'sockets live in adapters'
          : undefined,
      ),
    ).toEqual([]);
  });

  it('of the black-box tests are none of ours', () => {
    const blackBox = tests.filter((file) => file.path.startsWith('test/acceptance/'));
    expect(
      breaches(
        (_file, one) =>
          one.relative && rooms.includes(roomOf(one.target)) ? 'acceptance tests import nothing of ours' : undefined,
        blackBox,
      ),
    ).toEqual([]);
  });
});

/** `isIP` reads a text and opens nothing. */
function readsAddressesOnly(file: SourceFile): boolean {
  return /import \{ (isIP(v[46])?(, )?)+ \} from 'node:net'/.test(file.text);
}

/** Each circle once, as a line. */
function circlesOf(graph: Map<string, string[]>): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const walk = (path: string): void => {
    const at = way.indexOf(path);
    if (at !== -1) circles.push([...way.slice(at), path].join(' -> '));
    if (at !== -1 || done.has(path)) return;
    way.push(path);
    for (const next of graph.get(path) ?? []) walk(next);
    way.pop();
    done.add(path);
  };
  for (const path of graph.keys()) walk(path);
  return circles;
}
