/** The matcher's numbers in the form they are used in, worked out once for a model. */
import { fieldDefaults, type ModelData, relativeDefaults } from '../../schemas/mpi/default-model.ts';
import { nameFrequencies } from '../../schemas/mpi/name-frequencies.ts';
import { type FieldName, fieldLevels, fieldNames, levelGroups } from './levels.ts';

/** Chances of every comparison level, as `mix-hie link --train` writes them and nodes read them. Plain data. */
export type MatchModel = ModelData;

/** What the matcher starts from: an index of half a million records, common names of the United States. */
export const defaultModel: MatchModel = {
  version: 1,
  prior: 1 / 500_000,
  thresholds: { match: 0.98, possible: 0.2 },
  fields: fieldDefaults,
  relatives: relativeDefaults,
  terms: nameFrequencies,
};

/** The model for an index of this many records, where a person is expected in it about once. */
export function withIndexSize(model: MatchModel, records: number): MatchModel {
  return { ...model, prior: Math.min(0.5, 1 / Math.max(100, records)) };
}

export interface CompiledRelative {
  id: string;
  share: number;
  /** By field: share of the cases that look like one person's records; -1 where the field has chances of its own. */
  like: Float64Array;
  /** By field and level: own chance over the strangers'. */
  own: (Float64Array | undefined)[];
}

export interface Compiled {
  /** By field and level: m over u. */
  ratio: Float64Array[];
  u: Float64Array[];
  relatives: CompiledRelative[];
  terms: Map<FieldName, { rest: number; of: Map<string, number> }>;
}

const compiledModels = new WeakMap<MatchModel, Compiled>();
const least = 1e-9;

/** The model ready to use. Fields that it lacks or that have another number of levels count as not told. */
export function compileModel(model: MatchModel): Compiled {
  const known = compiledModels.get(model);
  if (known !== undefined) return known;
  const ratio: Float64Array[] = [];
  const u: Float64Array[] = [];
  for (const name of fieldNames) {
    const levels = fieldLevels[name].length;
    const field = model.fields[name];
    const fits = field !== undefined && field.m.length === levels && field.u.length === levels;
    u.push(Float64Array.from({ length: levels }, (_, at) => (fits ? Math.max(least, field.u[at]!) : 1)));
    ratio.push(
      Float64Array.from({ length: levels }, (_, at) => (fits ? Math.max(least, field.m[at]!) / u.at(-1)![at]! : 1)),
    );
  }
  const relatives = model.relatives.map(({ id, share, fields }) => ({
    id,
    share,
    like: Float64Array.from(fieldNames, (name) => {
      const field = fields[name];
      return field === undefined ? 0 : 'like' in field ? field.like : -1;
    }),
    own: fieldNames.map((name, at) => {
      const field = fields[name];
      if (field === undefined || !('own' in field)) return undefined;
      return Float64Array.from(u[at]!, (chance, level) => Math.max(least, field.own[level] ?? chance) / chance);
    }),
  }));
  const terms = new Map(
    (Object.keys(model.terms) as FieldName[]).map((name) => {
      const { rest, of } = model.terms[name]!;
      return [name, { rest, of: new Map(Object.entries(of)) }];
    }),
  );
  const compiled = { ratio, u, relatives, terms };
  compiledModels.set(model, compiled);
  return compiled;
}

/** Levels that share one group of chances, as ranges `[from, to)`. */
export function groupsOf(name: FieldName): [number, number][] {
  const levels = fieldLevels[name].length;
  const size = levelGroups[name] === undefined ? levels : levelGroups[name];
  return Array.from({ length: levels / size }, (_, at) => [at * size, (at + 1) * size]);
}
