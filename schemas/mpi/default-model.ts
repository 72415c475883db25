/** Where the matcher begins: chances of every comparison level among records of one person (m) and of two people (u). Data only. */

export interface FieldModel {
  m: readonly number[];
  u: readonly number[];
}

/** How a field looks among relatives: like one person's records in a share of the cases and like strangers in the rest, or in its own way. */
export type RelativeField = { like: number } | { own: readonly number[] };

export interface RelativeModel {
  id: string;
  /** Pairs of this kind for one pair of records that are one person. */
  share: number;
  /** Fields not named look as among strangers. */
  fields: Readonly<Record<string, RelativeField>>;
}

export interface ModelData {
  version: 1;
  /** Chance that two records taken at random are one person. */
  prior: number;
  /** Chances from which a pair is a match, and from which a person should look at it. */
  thresholds: { match: number; possible: number };
  fields: Readonly<Record<string, FieldModel>>;
  relatives: readonly RelativeModel[];
  /** Share of records with a word, for fields in which common words say less; `rest` is for words not listed. */
  terms: Readonly<Record<string, { rest: number; of: Readonly<Record<string, number>> }>>;
}

export const fieldDefaults: ModelData['fields'] = {
  given: {
    m: [0.87, 0.035, 0.012, 0.035, 0.015, 0.003, 0.01, 0.02],
    u: [0.0035, 0.0015, 0.001, 0.003, 0.008, 0.006, 0.003, 0.975],
  },
  family: {
    m: [0.88, 0.015, 0.015, 0.035, 0.012, 0.003, 0.04],
    u: [0.0012, 0.0003, 0.0002, 0.0013, 0.004, 0.004, 0.989],
  },
  // Swapped names are told by their agreement, which has its own weight: strangers' names agree crosswise about as seldom as one person's are swapped.
  order: { m: [0.988, 0.012], u: [0.982, 0.018] },
  middle: { m: [0.82, 0.13, 0.05], u: [0.01, 0.07, 0.92] },
  maiden: { m: [0.92, 0.05, 0.03], u: [0.0015, 0.0035, 0.995] },
  suffix: { m: [0.97, 0.03], u: [0.3, 0.7] },
  birth: {
    m: [0.92, 0.01, 0.008, 0.03, 0.007, 0.009, 0.009, 0.007],
    u: [0.00004, 0.0006, 0.00004, 0.0007, 0.0015, 0.035, 0.19, 0.77212],
  },
  sex: { m: [0.985, 0.015, 0.985, 0.015], u: [0.5, 0.5, 0.96, 0.04] },
  house: { m: [0.78, 0.06, 0.16], u: [0.008, 0.03, 0.962] },
  street: { m: [0.72, 0.09, 0.04, 0.15], u: [0.001, 0.001, 0.01, 0.988] },
  unit: { m: [0.7, 0.12, 0.18], u: [0.006, 0.014, 0.98] },
  postcode: { m: [0.82, 0.04, 0.04, 0.1], u: [0.0005, 0.0015, 0.008, 0.99] },
  city: { m: [0.6, 0.1, 0.3, 0.93, 0.05, 0.02], u: [0.01, 0.004, 0.986, 0.85, 0.04, 0.11] },
  state: { m: [0.9, 0.1, 0.995, 0.005], u: [0.06, 0.94, 0.96, 0.04] },
  phone: { m: [0.7, 0.04, 0.26], u: [0.00002, 0.00008, 0.9999] },
  email: { m: [0.75, 0.05, 0.04, 0.03, 0.13], u: [0.00001, 0.00002, 0.0005, 0.0008, 0.99867] },
  national: { m: [0.95, 0.025, 0.002, 0.006, 0.017], u: [0.000001, 0.00001, 0.0001, 0.0005, 0.999389] },
  number: { m: [0.85, 0.04, 0.11], u: [0.00001, 0.00009, 0.9999] },
};

const home = {
  house: { like: 0.95 },
  street: { like: 0.95 },
  unit: { like: 0.95 },
  postcode: { like: 0.97 },
  city: { like: 0.97 },
  state: { like: 0.99 },
  phone: { like: 0.6 },
} as const;

/** People who are taken for one another: they share a home and more. */
export const relativeDefaults: readonly RelativeModel[] = [
  {
    id: 'household',
    share: 1.5,
    fields: {
      ...home,
      family: { like: 0.75 },
      email: { like: 0.15 },
      maiden: { like: 0.2 },
      birth: { own: [0.00006, 0.0006, 0.00006, 0.0012, 0.0015, 0.045, 0.42, 0.53158] },
    },
  },
  {
    id: 'twins',
    share: 0.03,
    fields: {
      ...home,
      family: { like: 0.97 },
      maiden: { like: 0.9 },
      email: { like: 0.4 },
      suffix: { like: 0.9 },
      birth: { like: 0.995 },
      // Twins are often named alike.
      given: { own: [0.0005, 0.002, 0.005, 0.015, 0.05, 0.01, 0.1, 0.8175] },
      sex: { own: [0.66, 0.34, 0.9, 0.1] },
      national: { own: [0.0005, 0.12, 0.0005, 0.1, 0.779] },
      number: { like: 0.1 },
    },
  },
  {
    id: 'namesake',
    share: 0.06,
    fields: {
      ...home,
      given: { like: 0.97 },
      family: { like: 0.99 },
      maiden: { like: 0.6 },
      sex: { like: 1 },
      email: { like: 0.1 },
      suffix: { own: [0.08, 0.92] },
      birth: { own: [0.0001, 0.0006, 0.0001, 0.002, 0.0005, 0.0017, 0.005, 0.99] },
    },
  },
];
