/** Reads settings: every fault with its place, then the frozen values. */
import { isAbsolute, join } from 'node:path';
import { type Fault, MixError, sentenceOf } from '../errors/index.ts';
import { contradictions } from './contradictions.ts';
import type { Members, Node, Setting } from './manifest.ts';
import { manifest, type Settings } from './rooms.ts';
import { checkRoutes } from './route-check.ts';

/** What became of reading: the settings, or every fault in the order of the manifest. */
export interface SettingsVerdict {
  settings?: Settings;
  faults: Fault[];
}

/**
 * The settings that a parsed file gives, deep-frozen, with defaults filled in and paths made absolute from `baseDir`.
 * Throws `settings.invalid`, whose text has a line for each fault (place, reason, fix).
 */
export function readSettings(input: unknown, options: { baseDir: string }): Settings {
  const { settings, faults } = checkSettings(input, options);
  if (settings) return settings;
  const lines = faults.map((fault) => `\n  ${sentenceOf(fault)}`).join('');
  throw new MixError('settings.invalid', {
    detail: `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}:${lines}\n`,
  });
}

/** As {@link readSettings}, but gives the faults instead of throwing. */
export function checkSettings(input: unknown, options: { baseDir: string }): SettingsVerdict {
  const reading: Reading = { baseDir: options.baseDir, dataDir: join(options.baseDir, 'data'), faults: [] };
  reading.dataDir = dataDirOf(input, reading);
  const values = readMembers(manifest, input ?? {}, '', reading);
  if (reading.faults.length > 0) return { faults: reading.faults };
  // Every member was read by the manifest that the type is made of.
  const settings = values as unknown as Settings;
  reading.faults.push(...contradictions(settings), ...checkRoutes(settings));
  return reading.faults.length > 0 ? { faults: reading.faults } : { settings: freeze(settings), faults: [] };
}

interface Reading {
  baseDir: string;
  dataDir: string;
  faults: Fault[];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Needed before all else, since other defaults stand in it. */
function dataDirOf(input: unknown, reading: Reading): string {
  const node = isObject(input) ? input['node'] : undefined;
  const given = isObject(node) ? node['dataDir'] : undefined;
  return typeof given === 'string' && given !== '' ? absolute(given, reading) : reading.dataDir;
}

function readMembers(members: Members, input: unknown, place: string, reading: Reading): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  if (!isObject(input)) {
    reading.faults.push({ code: 'settings.bad-value', place: place || '/', detail: 'is not a group of settings' });
    return values;
  }
  for (const [key, node] of Object.entries(members)) {
    const value = readNode(node, input[key], `${place}/${key}`, reading);
    if (value !== undefined) values[key] = value;
  }
  for (const key of Object.keys(input)) {
    if (Object.hasOwn(members, key)) continue;
    const near = nearest(key, Object.keys(members));
    reading.faults.push({
      code: 'settings.unknown-key',
      place: `${place}/${key}`,
      ...(near && { detail: `did you mean ${near}?` }),
    });
  }
  return values;
}

function readNode(node: Node, input: unknown, place: string, reading: Reading): unknown {
  if (node.is === 'setting') return readSetting(node, input, place, reading);
  if (node.is === 'group') {
    // Null is what YAML gives for a key with nothing under it.
    if ((input === undefined || input === null) && node.optional) return undefined;
    return readMembers(node.members, input ?? {}, place, reading);
  }
  if (input === undefined || input === null) return [];
  if (!Array.isArray(input) || input.length > node.max) {
    reading.faults.push({ code: 'settings.bad-value', place, detail: `is not a list of at most ${node.max}` });
    return [];
  }
  return input.map((one: unknown, index) => readMembers(node.members, one, `${place}/${index}`, reading));
}

function readSetting(setting: Setting<unknown>, input: unknown, place: string, reading: Reading): unknown {
  const value = input === null || input === undefined ? setting.default : input;
  if (value === undefined) {
    if (!setting.optional) reading.faults.push({ code: 'settings.missing', place, detail: setting.type });
    return undefined;
  }
  const checked = setting.check.safeParse(value);
  if (!checked.success) {
    // The value itself is not told: people put secrets in wrong places.
    const why = checked.error.issues[0]?.message ?? 'is not allowed';
    reading.faults.push({ code: 'settings.bad-value', place, detail: `${why}; wanted: ${setting.type}` });
    return undefined;
  }
  return setting.path ? absolutePaths(checked.data, reading) : checked.data;
}

function absolutePaths(value: unknown, reading: Reading): unknown {
  if (typeof value === 'string') return absolute(value, reading);
  if (Array.isArray(value)) return value.map((one) => absolutePaths(one, reading));
  if (isObject(value) && typeof value['file'] === 'string') return { file: absolute(value['file'], reading) };
  return value;
}

function absolute(path: string, reading: Reading): string {
  const filled = path.startsWith('{dataDir}') ? join(reading.dataDir, path.slice('{dataDir}'.length)) : path;
  return isAbsolute(filled) ? filled : join(reading.baseDir, filled);
}

/** The name that differs least, where it differs by no more than a third or two letters. */
function nearest(key: string, names: string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(key.length / 3)) + 1;
  for (const name of names) {
    const steps = distance(key.toLowerCase().slice(0, 64), name.toLowerCase());
    if (steps < least) {
      least = steps;
      best = name;
    }
  }
  return best;
}

/** Levenshtein distance, row by row. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const one of Object.values(value)) freeze(one);
    Object.freeze(value);
  }
  return value;
}
