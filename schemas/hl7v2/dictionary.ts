/**
 * What the standard says of segments, fields, data types, message structures and tables, by version. The data are those of the package
 * `hl7-dictionary` (2.1 to 2.7.1); a version is loaded when it is first asked for.
 */
import { createRequire } from 'node:module';

/** Versions that the dictionary has, oldest first. */
export const dictionaryVersions = ['2.1', '2.2', '2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6', '2.7', '2.7.1'] as const;
export type DictionaryVersion = (typeof dictionaryVersions)[number];

/** Every version that HL7 has published (table 0104). */
export const publishedVersions: ReadonlySet<string> = new Set([
  '2.0',
  '2.0D',
  '2.1',
  '2.2',
  '2.3',
  '2.3.1',
  '2.3.2',
  '2.4',
  '2.5',
  '2.5.1',
  '2.6',
  '2.7',
  '2.7.1',
  '2.8',
  '2.8.1',
  '2.8.2',
  '2.9',
  '2.9.1',
]);

/** A field of a segment or a component of a data type. */
export interface ElementDefinition {
  datatype: string;
  desc: string;
  /** 1 optional, 2 required, 3 and 4 conditional. */
  opt: number;
  /** 0 any number of times, else the most. */
  rep: number;
  len: number;
  /** Number of its HL7 table. */
  table?: number;
}

export interface SegmentDefinition {
  desc: string;
  fields: ElementDefinition[];
}

export interface DataTypeDefinition {
  desc: string;
  subfields: ElementDefinition[];
}

/** A place in a message structure: a segment, a group (`children`) or a choice of segments (`compounds`). */
export interface StructurePart {
  name: string;
  desc: string;
  /** 0 optional, 1 required. */
  min: number;
  /** 0 repeats, 1 does not. */
  max: number;
  children?: StructurePart[];
  compounds?: StructurePart[];
}

export interface MessageDefinition {
  desc: string;
  name: string;
  segments: { desc: string; segments: StructurePart[] };
}

export interface VersionDefinition {
  fields: Record<string, DataTypeDefinition>;
  segments: Record<string, SegmentDefinition>;
  messages: Record<string, MessageDefinition>;
}

interface Table {
  desc: string;
  values: Record<string, string>;
}

const load = createRequire(import.meta.url);
const loaded = new Map<DictionaryVersion, VersionDefinition>();
let tables: Record<string, Table> | undefined;

/** The definitions of one version. */
export function definitionOf(version: DictionaryVersion): VersionDefinition {
  let definition = loaded.get(version);
  if (definition === undefined) {
    definition = load(`hl7-dictionary/lib/${version}/index.js`) as VersionDefinition;
    loaded.set(version, definition);
  }
  return definition;
}

/** The dictionary's version for a text of MSH-12: the same, else the newest before it, else the oldest; 2.5.1 for what is no version. */
export function nearestVersion(version: string): DictionaryVersion {
  const asked = version.trim();
  const same = dictionaryVersions.find((known) => known === asked);
  if (same !== undefined) return same;
  if (!/^\d+(?:\.\d+)*/.test(asked)) return '2.5.1';
  return dictionaryVersions.findLast((known) => isNotAfter(known, asked)) ?? dictionaryVersions[0];
}

function isNotAfter(version: string, other: string): boolean {
  const parts = version.split('.').map(Number);
  const others = other.split('.').map((part) => Number.parseInt(part, 10));
  for (let at = 0; at < 3; at += 1) {
    const difference = (parts[at] ?? 0) - (others[at] || 0);
    if (difference !== 0) return difference < 0;
  }
  return true;
}

/** Dictionary versions in the order in which to look for what `version` may not have: itself, older ones downwards, newer ones upwards. */
export function versionsAround(version: string): DictionaryVersion[] {
  const at = dictionaryVersions.indexOf(nearestVersion(version));
  return [...dictionaryVersions.slice(0, at + 1).reverse(), ...dictionaryVersions.slice(at + 1)];
}

/** The segment's definition in the nearest version that has it. */
export function segmentDefinition(version: string, name: string): SegmentDefinition | undefined {
  for (const known of versionsAround(version)) {
    const { segments } = definitionOf(known);
    if (Object.hasOwn(segments, name)) return segments[name];
  }
  return undefined;
}

/** The data type's definition in the nearest version that has it. */
export function dataTypeDefinition(version: string, name: string): DataTypeDefinition | undefined {
  for (const known of versionsAround(version)) {
    const { fields } = definitionOf(known);
    if (Object.hasOwn(fields, name)) return fields[name];
  }
  return undefined;
}

/**
 * The message structure of this name (`ORU_R01`) in the nearest version that has it.
 *
 * The package's structures of 2.6 have lost the repetition and optionality of many groups (an OML_O21 of one OBX), so for 2.6 those of
 * 2.7.1 come first: they hold the same groups, and later versions may only add what is optional (chapter 2.8.2).
 */
export function messageDefinition(version: string, name: string): MessageDefinition | undefined {
  const around = versionsAround(version);
  for (const known of around[0] === '2.6' ? (['2.7.1', ...around] as const) : around) {
    const { messages } = definitionOf(known);
    if (Object.hasOwn(messages, name)) return messages[name];
  }
  return undefined;
}

function tableOf(table: string | number): Table | undefined {
  tables ??= load('hl7-dictionary/lib/tables.js') as Record<string, Table>;
  const key = String(Number.parseInt(String(table).replace(/^HL7/, ''), 10));
  return Object.hasOwn(tables, key) ? tables[key] : undefined;
}

/** The text of a code in an HL7 table (`0001`, `1` or `HL70001`); `undefined` where the table or the code is not known. */
export function tableDisplay(table: string | number, code: string): string | undefined {
  const values = tableOf(table)?.values;
  return values !== undefined && Object.hasOwn(values, code) ? values[code] : undefined;
}

/** Every code of an HL7 table; `undefined` where the table is not known. */
export function tableCodes(table: string | number): readonly string[] | undefined {
  const known = tableOf(table);
  return known === undefined ? undefined : Object.keys(known.values);
}

/** The name of an HL7 table, `Administrative Sex`. */
export function tableTitle(table: string | number): string | undefined {
  return tableOf(table)?.desc;
}
