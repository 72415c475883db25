/** A model as text, and read back with its checks. */
import { MixError } from '../../schemas/errors/index.ts';
import { fieldLevels, fieldNames } from './levels.ts';
import { defaultModel, type MatchModel } from './model.ts';

/** JSON of a model, as `readModel` reads it. Holds words of the files it was learned from, with their shares: as confidential as they are. */
export function writeModel(model: MatchModel): string {
  return `${JSON.stringify(model, undefined, 1)}\n`;
}

/** A model from JSON. Throws `mpi.model` with the place of what does not fit. */
export function readModel(text: string): MatchModel {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (cause) {
    throw new MixError('mpi.model', { detail: 'not JSON', cause });
  }
  const model = asRecord(read, 'model');
  const fail = (place: string): never => {
    throw new MixError('mpi.model', { place });
  };
  if (model.version !== 1) fail('version');
  const prior = chanceAt(model.prior, 'prior');
  if (prior === 0 || prior === 1) fail('prior');
  const limits = asRecord(model.thresholds, 'thresholds');
  const fields = asRecord(model.fields, 'fields');
  const terms = asRecord(model.terms, 'terms');
  return {
    version: 1,
    prior,
    thresholds: {
      match: chanceAt(limits.match, 'thresholds.match'),
      possible: chanceAt(limits.possible, 'thresholds.possible'),
    },
    fields: Object.fromEntries(
      fieldNames.map((name) => {
        const field = asRecord(fields[name], `fields.${name}`);
        return [name, { m: levelsAt(field.m, name, 'm'), u: levelsAt(field.u, name, 'u') }];
      }),
    ),
    relatives: relativesAt(model.relatives),
    terms: Object.fromEntries(
      Object.entries(terms).map(([name, value]) => {
        const term = asRecord(value, `terms.${name}`);
        const of = asRecord(term.of, `terms.${name}.of`);
        for (const share of Object.values(of)) chanceAt(share, `terms.${name}.of`);
        return [name, { rest: chanceAt(term.rest, `terms.${name}.rest`), of: of as Record<string, number> }];
      }),
    ),
  };
}

function asRecord(value: unknown, place: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new MixError('mpi.model', { place });
  return value as Record<string, unknown>;
}

function chanceAt(value: unknown, place: string): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw new MixError('mpi.model', { place });
  return value;
}

function levelsAt(value: unknown, name: (typeof fieldNames)[number], which: string): number[] {
  const place = `fields.${name}.${which}`;
  if (!Array.isArray(value) || value.length !== fieldLevels[name].length) throw new MixError('mpi.model', { place });
  return value.map((chance) => chanceAt(chance, place));
}

/** Kinds of relatives are the shipped ones; a model says only how often they come. */
function relativesAt(value: unknown): MatchModel['relatives'] {
  if (!Array.isArray(value)) throw new MixError('mpi.model', { place: 'relatives' });
  return defaultModel.relatives.map((relative) => {
    const told = value.map((one) => asRecord(one, 'relatives')).find(({ id }) => id === relative.id);
    const share = told?.share;
    if (typeof share !== 'number' || !(share >= 0 && share < 1e6))
      throw new MixError('mpi.model', { place: `relatives.${relative.id}` });
    return { ...relative, share };
  });
}
