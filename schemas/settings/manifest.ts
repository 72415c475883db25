/** What the manifest of settings is made of: a setting, a group of them, a list of groups. */
import { z } from 'zod';

/** Where a secret stands; the settings themselves never hold one. */
export type SecretReference = { file: string } | { env: string };

/** One setting. */
export interface Setting<T> {
  is: 'setting';
  /** What docs and faults call its kind: `text`, `whole number`, `file`. */
  type: string;
  check: z.ZodType<T>;
  /** One sentence for people; no final stop. */
  sentence: string;
  /** Used where it is not given. Files and folders are relative to the settings file; `{dataDir}` stands for `node.dataDir`. */
  default?: T;
  /** May be left out, and then is not there. */
  optional?: boolean;
  unit?: string;
  /** The value is a path, or holds one under `file`. */
  path?: boolean;
}

/** Settings that stand together under one key. */
export interface Group<M extends Members> {
  is: 'group';
  sentence: string;
  members: M;
  optional?: boolean;
}

export interface List<M extends Members> {
  is: 'list';
  sentence: string;
  members: M;
  max: number;
}

export type Node = Setting<unknown> | Group<Members> | List<Members>;
export interface Members {
  [key: string]: Node;
}

type ValueOf<N> =
  N extends Setting<infer T>
    ? T
    : N extends Group<infer M>
      ? ValuesOf<M>
      : N extends List<infer M>
        ? readonly ValuesOf<M>[]
        : never;
type OptionalKeys<M extends Members> = { [K in keyof M]: M[K] extends { optional: true } ? K : never }[keyof M];

/** The shape of the values that a manifest describes. */
export type ValuesOf<M extends Members> = {
  readonly [K in Exclude<keyof M, OptionalKeys<M>>]: ValueOf<M[K]>;
} & { readonly [K in OptionalKeys<M>]?: ValueOf<M[K]> };

interface SettingOptions<T> {
  default?: T;
  unit?: string;
}

type Needed<T> = Setting<T> & { optional?: false };
type Left<T> = Setting<T> & { optional: true };

/** Marks a setting that may be left out. */
export function maybe<T>(setting: Setting<T>): Left<T> {
  return { ...setting, optional: true };
}

export function text(sentence: string, options: SettingOptions<string> & { max?: number } = {}): Needed<string> {
  const { max = 200, ...rest } = options;
  return { is: 'setting', type: 'text', check: z.string().trim().min(1).max(max), sentence, ...rest, optional: false };
}

/** A text of a pattern; `type` names it and `example` shows one. */
export function pattern(
  type: string,
  form: RegExp,
  sentence: string,
  options: SettingOptions<string> = {},
): Needed<string> {
  return {
    is: 'setting',
    type,
    check: z.string().regex(form, `is not ${type}`),
    sentence,
    ...options,
    optional: false,
  };
}

/** A text that a function knows. */
export function known(
  type: string,
  isKnown: (value: string) => boolean,
  sentence: string,
  options: SettingOptions<string> = {},
): Needed<string> {
  return {
    is: 'setting',
    type,
    check: z.string().refine(isKnown, `is not ${type}`),
    sentence,
    ...options,
    optional: false,
  };
}

export function whole(
  range: [min: number, max: number],
  sentence: string,
  options: SettingOptions<number> = {},
): Needed<number> {
  const type = `whole number, ${range[0]} to ${range[1]}`;
  return { is: 'setting', type, check: z.int().min(range[0]).max(range[1]), sentence, ...options, optional: false };
}

export function flag(sentence: string, options: SettingOptions<boolean> = {}): Needed<boolean> {
  return { is: 'setting', type: 'true or false', check: z.boolean(), sentence, ...options, optional: false };
}

export function oneOf<const T extends string>(
  values: readonly [T, ...T[]],
  sentence: string,
  options: SettingOptions<NoInfer<T>> = {},
): Needed<T> {
  return {
    is: 'setting',
    type: values.map((value) => `\`${value}\``).join(', '),
    check: z.enum(values),
    sentence,
    ...options,
    optional: false,
  };
}

export function path(type: 'file' | 'folder', sentence: string, options: SettingOptions<string> = {}): Needed<string> {
  return { is: 'setting', type, check: z.string().min(1).max(4000), sentence, path: true, ...options, optional: false };
}

export function paths(sentence: string): Needed<readonly string[]> {
  return {
    is: 'setting',
    type: 'list of files',
    check: z.array(z.string().min(1).max(4000)).min(1).max(100),
    sentence,
    path: true,
    optional: false,
  };
}

/** A secret by reference: `{file: PATH}` or `{env: NAME}`. Has no default, by rule. */
export function secret(sentence: string): Needed<SecretReference> {
  const check = z.union(
    [
      z.strictObject({ file: z.string().min(1).max(4000) }),
      z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }),
    ],
    {
      error: 'is not {file: PATH} or {env: NAME}; a secret itself never stands in the settings',
    },
  );
  return { is: 'setting', type: '`{file: PATH}` or `{env: NAME}`', check, sentence, path: true, optional: false };
}

export function group<M extends Members>(sentence: string, members: M): Group<M> & { optional?: false } {
  return { is: 'group', sentence, members, optional: false };
}

export function maybeGroup<M extends Members>(sentence: string, members: M): Group<M> & { optional: true } {
  return { is: 'group', sentence, members, optional: true };
}

export function list<M extends Members>(sentence: string, max: number, members: M): List<M> {
  return { is: 'list', sentence, max, members };
}

export const oid = (sentence: string) =>
  pattern('an OID such as 2.16.840.1.113883.3.9', /^[0-2](\.(0|[1-9]\d*)){1,30}$/, sentence);
export const address = (standard: string, sentence: string) => text(sentence, { default: standard });
export const port = (sentence: string, standard?: number) =>
  whole([0, 65_535], sentence, standard === undefined ? {} : { default: standard });
