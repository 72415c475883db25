/** `mix-hie link`: which rows of two lists of patients (or of one) are one person, without labels and without a network. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import {
  type ColumnRole,
  columnRoles,
  compare,
  type Features,
  type LinkOptions,
  type LinkResult,
  linkFiles,
  type MatchModel,
  parseTable,
  readModel,
  recogniseColumns,
  rowFeatures,
  writeModel,
  writeRow,
} from '../../engine/mpi/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import { createProgress, type Progress } from './progress.ts';

interface LinkFlags {
  left: string;
  right?: string;
  out?: string;
  train?: boolean;
  model?: string;
  mapping?: string;
  match?: string;
  possible?: string;
  explain?: boolean;
  json?: boolean;
}

interface List {
  ids: string[];
  features: Features[];
  columns: Map<ColumnRole, string[]>;
}

const bytesMax = 1024 * 1024 * 1024;

export function linkCommand(program: Command): void {
  program
    .command('link')
    .description('find the rows of two lists of patients (CSV), or of one, that are one person; no labels needed')
    .requiredOption('--left <file>', 'list of patients; the first line names the columns')
    .option('--right <file>', 'second list; without it pairs are looked for within the first')
    .option('--out <file>', 'where the pairs go: id_left,id_right,score,match; standard output without it')
    .option(
      '--train',
      'keep the chances that were learned from the lists: in --model, or beside --out as OUT.model.json',
    )
    .option('--model <file>', 'chances learned before, used as they are; with --train where to keep them')
    .option(
      '--mapping <pairs>',
      `columns of other names, as column=role,...; roles: ${columnRoles.join(' ')}; 'ignore' leaves one out`,
    )
    .option(
      '--match <chance>',
      'chance from which a pair is linked without a person (0.97; 0.9 where a row can have one partner only)',
    )
    .option('--possible <chance>', 'chance from which a person should look at a pair (0.2)')
    .option('--explain', 'tell for every pair what each field added, in bits, and which rules spoke')
    .option('--json', 'the report as JSON on standard output (pairs only go to --out then)')
    .action((flags: LinkFlags, command: Command) => {
      const wrong = (sentence: string): never => command.error(`error: ${sentence}`, { exitCode: 2 });
      const limits = { match: chanceOf(flags.match), possible: chanceOf(flags.possible) };
      if (limits.match === null || limits.possible === null || (limits.possible ?? 0.2) > (limits.match ?? 0.9))
        return wrong('--match and --possible are chances between 0 and 1, the second not above the first');
      const mapping = mappingOf(flags.mapping ?? '');
      if (typeof mapping === 'string') return wrong(mapping);
      if (flags.train && flags.model === undefined && flags.out === undefined)
        return wrong('--train needs --model FILE or --out FILE, to know where to keep what it learned');
      try {
        const { match, possible } = limits;
        linkLists(
          flags,
          { ...(match === undefined ? {} : { match }), ...(possible === undefined ? {} : { possible }) },
          mapping,
        );
      } catch (cause) {
        // A list that is not there or not a list is wrong use.
        if (cause instanceof MixError && ['convert.unreadable', 'mpi.columns', 'mpi.model'].includes(cause.fault.code))
          return wrong(cause.message);
        throw cause;
      }
    });
}

/** Null where it is none. */
function chanceOf(text: string | undefined): number | undefined | null {
  if (text === undefined) return undefined;
  const chance = Number(text);
  return text.trim() !== '' && chance >= 0 && chance <= 1 ? chance : null;
}

type Mapping = Map<string, ColumnRole | 'ignore'>;

/** A sentence where it does not hold. */
function mappingOf(text: string): Mapping | string {
  const mapping: Mapping = new Map();
  for (const part of text.split(',').filter((one) => one.trim() !== '')) {
    const at = part.lastIndexOf('=');
    const [column, role] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (at < 1) return `--mapping wants column=role, not '${part.trim()}'`;
    if (role !== 'ignore' && !columnRoles.some((one) => one === role))
      return `there is no role '${role}'; there are ${columnRoles.join(', ')}, ignore`;
    mapping.set(column, role as ColumnRole | 'ignore');
  }
  return mapping;
}

function linkLists(flags: LinkFlags, limits: Pick<LinkOptions, 'match' | 'possible'>, mapping: Mapping): void {
  const yearNow = new Date().getFullYear();
  const left = readList(flags.left, mapping, yearNow);
  const right = flags.right === undefined ? undefined : readList(flags.right, mapping, yearNow);
  const kept = flags.model !== undefined && !flags.train ? readModel(readText(flags.model)) : undefined;
  let progress: { what: string; bar: Progress } | undefined;
  const result = linkFiles(left.features, right?.features, {
    ...limits,
    ...(kept === undefined ? {} : { model: kept }),
    progress: (what, share) => {
      if (progress?.what !== what) {
        progress?.bar.end();
        progress = { what, bar: createProgress(`% ${steps[what]}`, 100) };
      }
      progress.bar.at(Math.round(100 * share));
    },
  });
  progress?.bar.end();
  writePairs(flags, left, right ?? left, result);
  if (flags.train) writeFileSync(flags.model ?? `${flags.out}.model.json`, writeModel(result.model), { mode: 0o600 });
  tellReport(flags, left, right, result);
}

const steps = { compare: 'compared', learn: 'learned', decide: 'decided' } as const;

function readText(path: string): string {
  try {
    if (statSync(path).size > bytesMax) throw new MixError('mpi.columns', { detail: `more than ${bytesMax} bytes` });
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof MixError) throw cause;
    throw new MixError('convert.unreadable', { place: path });
  }
}

function readList(path: string, mapping: Mapping, yearNow: number): List {
  const { columns, rows } = parseTable(readText(path));
  for (const name of mapping.keys())
    if (!columns.includes(name)) throw new MixError('mpi.columns', { place: path, detail: `no column '${name}'` });
  const given = new Map([...mapping].filter((one): one is [string, ColumnRole] => one[1] !== 'ignore'));
  const named = columns.map((name) => (mapping.get(name) === 'ignore' ? '' : name));
  const known = recogniseColumns(named, given);
  if ([...known.keys()].every((role) => role === 'id'))
    throw new MixError('mpi.columns', { place: path, detail: 'no column of it is known' });
  const idAt = known.get('id')?.[0];
  return {
    ids: rows.map((row, at) => (idAt === undefined ? String(at + 1) : (row[idAt] ?? ''))),
    features: rows.map((row) => rowFeatures(row, known, yearNow)),
    columns: new Map([...known].map(([role, at]) => [role, at.map((one) => columns[one]!)])),
  };
}

function writePairs(flags: LinkFlags, left: List, right: List, { pairs, model }: LinkResult): void {
  const lines = [writeRow(['id_left', 'id_right', 'score', 'match'])];
  for (const pair of pairs) {
    lines.push(writeRow([left.ids[pair.left]!, right.ids[pair.right]!, scoreText(pair.score), pair.match]));
    if (flags.explain) process.stderr.write(explained(left, right, pair, model));
  }
  if (flags.out !== undefined) writeFileSync(flags.out, lines.join(''), { mode: 0o600 });
  else if (!flags.json) process.stdout.write(lines.join(''));
}

const scoreText = (score: number): string => Math.min(0.999999, score).toFixed(6);

/** Fields and bits only: the values stay in the lists. */
function explained(left: List, right: List, pair: LinkResult['pairs'][number], model: MatchModel): string {
  const { weight, parts, rules } = compare(left.features[pair.left]!, right.features[pair.right]!, model);
  const bits = parts.map((part) => `    ${part.field.padEnd(9)} ${part.level.padEnd(22)} ${signed(part.weight)}\n`);
  const spoken = rules.length === 0 ? '' : `    rules: ${rules.join(', ')}\n`;
  return `${left.ids[pair.left]} - ${right.ids[pair.right]}: ${pair.match}, ${scoreText(pair.score)}; alone ${signed(weight)} bits\n${bits.join('')}${spoken}`;
}

const signed = (bits: number): string => `${bits < 0 ? '' : '+'}${bits.toFixed(1)}`;

function tellReport(flags: LinkFlags, left: List, right: List | undefined, { report, model }: LinkResult): void {
  const used = (list: List): Record<string, string[]> => Object.fromEntries(list.columns);
  if (flags.json) {
    const told = {
      left: { file: flags.left, rows: left.ids.length, columns: used(left) },
      ...(right === undefined ? {} : { right: { file: flags.right, rows: right.ids.length, columns: used(right) } }),
      ...report,
      chances: model.fields,
    };
    process.stdout.write(`${JSON.stringify(told)}\n`);
    return;
  }
  const ways = {
    'one-to-one': 'each row has one partner at most',
    groups: 'rows gathered into persons',
    pairs: 'every pair by itself',
  };
  process.stderr.write(
    `${left.ids.length}${right === undefined ? '' : ` and ${right.ids.length}`} rows, ${report.candidates} of ${report.total} pairs compared (${ways[report.way]}): ` +
      `${report.matches} matches, ${report.possible} possible\n`,
  );
}
