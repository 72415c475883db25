/**
 * Linking the labelled lists of the outside corpora without their labels. The floors stand just below what was reached, never below the aims; the
 * table is printed with every run.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  blockingKeys,
  compare,
  defaultModel,
  type Features,
  linkFiles,
  parseTable,
  recogniseColumns,
  rowFeatures,
  withIndexSize,
  writeRow,
} from '../../engine/mpi/index.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = join(resolve(root, process.env.MIX_CORPORA ?? '../shared/corpora'), 'linkage');
const absent = !existsSync(folder);
const why = absent ? ' (skipped: no corpora; set MIX_CORPORA)' : '';
const minutes = 60_000;

interface List {
  features: Features[];
  /** Who each row is, as the corpus tells it. */
  persons: string[];
}

const febrlPerson = (row: Record<string, string>): string => row.rec_id!.split('-')[1]!;
const few = ['given_name', 'surname', 'date_of_birth', 'postcode', 'state'];

function readList(
  file: string,
  personOf: (row: Record<string, string>) => string,
  use: (column: string) => boolean,
): List {
  const { columns, rows } = parseTable(readFileSync(join(folder, file), 'utf8'));
  const known = recogniseColumns(columns.map((name) => (use(name) ? name : '')));
  return {
    features: rows.map((row) => rowFeatures(row, known, 2026)),
    persons: rows.map((row) => personOf(Object.fromEntries(columns.map((name, at) => [name, row[at] ?? ''])))),
  };
}

interface Score {
  precision: number;
  recall: number;
  f1: number;
}

function scoreOf(found: readonly { left: number; right: number }[], left: List, right: List | undefined): Score {
  const others = right ?? left;
  const counts = new Map<string, number>();
  for (const person of others.persons) counts.set(person, (counts.get(person) ?? 0) + 1);
  let wanted = 0;
  if (right === undefined) for (const count of counts.values()) wanted += (count * (count - 1)) / 2;
  else for (const person of left.persons) wanted += counts.get(person) ?? 0;
  const hits = found.filter((pair) => left.persons[pair.left] === others.persons[pair.right]).length;
  const precision = hits / Math.max(1, found.length);
  const recall = hits / wanted;
  return { precision, recall, f1: (2 * precision * recall) / (precision + recall) };
}

const lines: string[] = [];
afterAll(() => {
  if (lines.length > 0) process.stdout.write(`\n${lines.join('\n')}\n`);
});

function tell(name: string, { precision, recall, f1 }: Score, more = ''): void {
  lines.push(
    `  ${name.padEnd(44)} precision ${precision.toFixed(4)}  recall ${recall.toFixed(4)}  F1 ${f1.toFixed(4)}${more}`,
  );
}

const fake = 'splink/fake_1000.csv';
const [a, b] = ['febrl/dataset4a.csv', 'febrl/dataset4b.csv'];
const one = 'febrl/dataset1.csv';
const cluster = (row: Record<string, string>): string => row.cluster!;
const all = (column: string): boolean => column !== 'cluster';
const noSsn = (column: string): boolean => column !== 'soc_sec_id';
const onlyFew = (column: string): boolean => few.includes(column);
const noEmail = (column: string): boolean => all(column) && column !== 'email';

type Row = [
  name: string,
  left: string,
  right: string | undefined,
  person: typeof cluster,
  use: (column: string) => boolean,
  f1: number,
];
const sets: Row[] = [
  ['FEBRL 4, all columns', a, b, febrlPerson, all, 0.9999],
  ['FEBRL 4, no social security number', a, b, febrlPerson, noSsn, 0.9999],
  ['FEBRL 4, name, birth date, postcode, state', a, b, febrlPerson, onlyFew, 0.999],
  ['FEBRL 1, all columns', one, undefined, febrlPerson, all, 0.999],
  ['FEBRL 1, no social security number', one, undefined, febrlPerson, noSsn, 0.999],
  ['FEBRL 1, name, birth date, postcode, state', one, undefined, febrlPerson, onlyFew, 0.998],
  ['splink fake_1000', fake, undefined, cluster, all, 0.998],
  ['splink fake_1000, no e-mail', fake, undefined, cluster, noEmail, 0.986],
];

describe(`labelled lists${why}`, () => {
  test.skipIf(absent).each(sets)(
    '%s',
    (name, leftFile, rightFile, personOf, use, floor) => {
      const left = readList(leftFile, personOf, use);
      const right = rightFile === undefined ? undefined : readList(rightFile, personOf, use);
      const { pairs, report } = linkFiles(left.features, right?.features);
      const score = scoreOf(
        pairs.filter(({ match }) => match === 'true'),
        left,
        right,
      );
      tell(name, score, `  review ${report.possible}`);
      expect(score.precision).toBeGreaterThanOrEqual(0.999);
      expect(score.f1).toBeGreaterThanOrEqual(floor);
    },
    10 * minutes,
  );

  // Nothing is gained by believing that everybody has a partner where most have none.
  test.skipIf(absent)(
    'FEBRL 4 where only half of each list stands in the other',
    () => {
      const half = (list: List, rest: number): List => {
        const keep = list.persons.map((person) => Number(person) % 4 === rest || Number(person) % 4 === 0);
        return {
          features: list.features.filter((_, at) => keep[at]),
          persons: list.persons.filter((_, at) => keep[at]),
        };
      };
      const left = half(readList(a, febrlPerson, onlyFew), 1);
      const right = half(readList(b, febrlPerson, onlyFew), 2);
      const { pairs } = linkFiles(left.features, right.features);
      const score = scoreOf(
        pairs.filter(({ match }) => match === 'true'),
        left,
        right,
      );
      tell('FEBRL 4, few columns, half of each in both', score);
      expect(score.precision).toBeGreaterThanOrEqual(0.998);
      expect(score.f1).toBeGreaterThanOrEqual(0.97);
    },
    10 * minutes,
  );
});

describe(`near-copies that are other people${why}`, () => {
  test.skipIf(absent)(
    'RecordLinker: match, possible match or no match of every case against the population',
    () => {
      const seed = parseTable(readFileSync(join(folder, 'cdc-recordlinker/nbs_seed.csv'), 'utf8'));
      const cases = parseTable(readFileSync(join(folder, 'cdc-recordlinker/nbs_test.csv'), 'utf8'));
      const featuresIn = ({ columns, rows }: typeof seed): Features[] => {
        const known = recogniseColumns(columns);
        return rows.map((row) => rowFeatures(row, known, 2026));
      };
      const { pairs } = linkFiles(featuresIn(cases), featuresIn(seed));
      const wantedAt = cases.columns.indexOf('Expected Result');
      const [caseAt, seedAt] = [cases.columns.indexOf('Match Id'), seed.columns.indexOf('Match Id')];
      const tally = { right: 0, review: 0, hits: 0, wrong: 0, missed: 0 };
      for (const [at, row] of cases.rows.entries()) {
        const mine = pairs.filter(({ left }) => left === at);
        const sure = mine.filter(({ match }) => match === 'true');
        const said = sure.length > 0 ? 'match' : mine.length > 0 ? 'possible_match' : 'no_match';
        if (said === row[wantedAt]) tally.right += 1;
        if (said === 'possible_match') tally.review += 1;
        const hit = sure.some(({ right }) => seed.rows[right]![seedAt] === row[caseAt]);
        if (row[wantedAt] !== 'match') tally.wrong += sure.length > 0 ? 1 : 0;
        else if (hit) tally.hits += 1;
        else tally.missed += 1;
      }
      const precision = tally.hits / (tally.hits + tally.wrong);
      const recall = tally.hits / (tally.hits + tally.missed);
      const f1 = (2 * precision * recall) / (precision + recall);
      const [accuracy, review] = [tally.right / cases.rows.length, tally.review / cases.rows.length];
      tell(
        'RecordLinker nbs_test',
        { precision, recall, f1 },
        `  three-way ${accuracy.toFixed(3)}  review ${(100 * review).toFixed(1)} %`,
      );
      expect(f1).toBeGreaterThanOrEqual(0.95);
      expect(accuracy).toBeGreaterThanOrEqual(0.83);
      expect(review).toBeLessThanOrEqual(0.15);
    },
    10 * minutes,
  );
});

describe(`the index's own way: keys, the shipped model, pair by pair${why}`, () => {
  test.skipIf(absent)(
    'FEBRL 4: keys miss almost nobody, and a match is right',
    () => {
      const left = readList(a, febrlPerson, all);
      const right = readList(b, febrlPerson, all);
      const blocks = new Map<string, number[]>();
      for (const [at, features] of right.features.entries())
        for (const key of blockingKeys(features)) blocks.set(key, [...(blocks.get(key) ?? []), at]);
      const model = withIndexSize(defaultModel, right.features.length);
      const found: { left: number; right: number }[] = [];
      let candidates = 0;
      let met = 0;
      for (const [at, features] of left.features.entries()) {
        const near = new Set(blockingKeys(features).flatMap((key) => blocks.get(key) ?? []));
        candidates += near.size;
        for (const other of near) {
          if (left.persons[at] === right.persons[other]) met += 1;
          if (compare(features, right.features[other]!, model).verdict === 'match')
            found.push({ left: at, right: other });
        }
      }
      const score = scoreOf(found, left, right);
      tell(
        'FEBRL 4, shipped model, pair by pair',
        score,
        `  ${(candidates / left.features.length).toFixed(1)} candidates a query`,
      );
      expect(met / left.features.length).toBeGreaterThanOrEqual(0.99);
      expect(score.precision).toBeGreaterThanOrEqual(0.999);
    },
    10 * minutes,
  );
});

describe(`the command${why}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'mix-link-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test.skipIf(absent)(
    'writes id_left,id_right,score,match and a report, and takes columns of other names',
    () => {
      const { columns, rows } = parseTable(readFileSync(join(folder, one), 'utf8'));
      const list = join(scratch, 'list.csv');
      const odd = columns.map((name) => (name === 'surname' ? 'nachname' : name));
      writeFileSync(list, [odd, ...rows.slice(0, 300)].map(writeRow).join(''));
      const out = join(scratch, 'pairs.csv');
      const told = execFileSync(
        process.execPath,
        [
          'adapters/cli/launch.js',
          'link',
          '--left',
          list,
          '--out',
          out,
          '--mapping',
          'nachname=family',
          '--train',
          '--json',
        ],
        { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
      );
      const report = JSON.parse(told) as { left: { rows: number; columns: Record<string, string[]> }; matches: number };
      expect(report.left).toMatchObject({ rows: 300, columns: { family: ['nachname'], id: ['rec_id'] } });
      const pairs = parseTable(readFileSync(out, 'utf8'));
      expect(pairs.columns).toEqual(['id_left', 'id_right', 'score', 'match']);
      expect(pairs.rows.filter((row) => row[3] === 'true')).toHaveLength(report.matches);
      for (const [left, right, score, match] of pairs.rows) {
        expect(Number(score) > 0 && Number(score) < 1).toBe(true);
        if (match === 'true') expect(left!.split('-')[1]).toBe(right!.split('-')[1]);
      }
      expect(existsSync(`${out}.model.json`)).toBe(true);
    },
    10 * minutes,
  );
});
