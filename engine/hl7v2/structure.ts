/**
 * Segments -> groups after the abstract message syntax (HL7 v2.8.2 chapter 2.13). Tolerant: what stands out of order, once too often
 * or where the structure has no place is kept where it stands and told.
 */
import type { Fault } from '../../schemas/errors/index.ts';
import {
  dictionaryVersions,
  messageDefinition,
  nearestVersion,
  type StructurePart,
} from '../../schemas/hl7v2/dictionary.ts';
import type { Group, Message, Segment } from '../../schemas/hl7v2/message.ts';
import { placeOf } from './read.ts';

const faultsMax = 50;
const structuresMax = 1000;

/** One place of a compiled structure. */
interface Slot {
  names: ReadonlySet<string>;
  group?: CompiledGroup;
  repeats: boolean;
  required: boolean;
}

/** A group of a message structure, ready for walking. */
export interface CompiledGroup {
  name: string;
  slots: Slot[];
  /** Segments that are its very first place. */
  leading: ReadonlySet<string>;
  /** Segments that may begin it when what is optional is left out. */
  starting: ReadonlySet<string>;
  /** Every segment in it. */
  all: ReadonlySet<string>;
}

const structures = new Map<string, CompiledGroup | null>();

/** Segments that say something of the one before them, so they stay in its group and the walk does not move. */
const followers: ReadonlySet<string> = new Set(['NTE', 'PRT']);

/** Misspelt names of the dictionary. */
const spelling: Record<string, string> = { TIIMING: 'TIMING' };

/** Structures for messages that name no trigger event. */
const usualTriggers: Record<string, string> = {
  ADT: 'A01',
  BAR: 'P01',
  DFT: 'P03',
  MDM: 'T02',
  OMG: 'O19',
  OML: 'O21',
  ORM: 'O01',
  ORU: 'R01',
  RAS: 'O17',
  RDE: 'O11',
  RDS: 'O13',
  SIU: 'S12',
  VXU: 'V04',
};

/** The structure of a message's type in its version or the nearest; `undefined` where the dictionary has none. */
export function structureOf(message: Message): CompiledGroup | undefined {
  const named = (message.segments[0]?.fields[9] ?? '').split(message.delimiters.component || '^')[2]?.trim() ?? '';
  const key = `${message.version}|${message.code}|${message.trigger}|${named}`;
  const known = structures.get(key);
  if (known !== undefined) return known ?? undefined;
  const trigger = message.trigger || usualTriggers[message.code] || '';
  const candidates = [trigger === '' ? message.code : `${message.code}_${trigger}`, named, message.code];
  let compiled: CompiledGroup | undefined;
  for (const name of candidates) {
    const definition = name === '' ? undefined : messageDefinition(message.version, name);
    if (definition === undefined) continue;
    compiled = compileGroup(definition.name, definition.segments.segments);
    break;
  }
  if (structures.size < structuresMax) structures.set(key, compiled ?? null);
  return compiled;
}

function compileGroup(name: string, parts: readonly StructurePart[]): CompiledGroup {
  const slots = parts.map((part): Slot => {
    if (part.children !== undefined) {
      const group = compileGroup(spelling[part.name] ?? part.name, part.children);
      return { names: new Set(), group, repeats: part.max === 0, required: part.min > 0 };
    }
    // A choice of segments is one place: the dictionary marks it as repeating, but in the standard its group does that.
    if (part.compounds !== undefined) {
      return { names: new Set(part.compounds.map((choice) => choice.name)), repeats: false, required: part.min > 0 };
    }
    return { names: new Set([part.name]), repeats: part.max === 0, required: part.min > 0 };
  });
  const all = new Set<string>();
  const starting = new Set<string>();
  let open = true;
  for (const slot of slots) {
    for (const segment of slot.group?.all ?? slot.names) all.add(segment);
    if (open) for (const segment of slot.group?.starting ?? slot.names) starting.add(segment);
    if (slot.required) open = false;
  }
  const lead = slots[0];
  return { name, slots, leading: new Set(lead?.group?.leading ?? lead?.names ?? []), starting, all };
}

/** An open group while walking: its place in the structure, what was gathered, and the slot that was used last. */
interface Level {
  definition: CompiledGroup;
  group: Group;
  at: number;
  used: boolean;
}

/** How far a group may be entered: at its first place, at what may begin it, or anywhere in it. */
type Entry = 'leading' | 'starting' | 'all';
const entries: readonly Entry[] = ['leading', 'starting', 'all'];

/**
 * The groups of a message. Every segment is in exactly one group, in its order; a message of unknown structure is one flat group. With
 * `faults` given, segments out of place are added to it as warnings (Z-segments never are: chapter 2.11 lets them stand anywhere).
 */
export function groupSegments(message: Message, faults?: Fault[]): Group {
  const structure = structureOf(message);
  if (structure === undefined) {
    const name = message.trigger === '' ? message.code : `${message.code}_${message.trigger}`;
    return { name, segments: message.segments.slice(), groups: [] };
  }
  const root: Group = { name: structure.name, segments: [], groups: [] };
  const levels: Level[] = [{ definition: structure, group: root, at: 0, used: false }];
  for (const segment of message.segments) {
    if (followers.has(segment.name) || !structure.all.has(segment.name)) {
      const inner = levels.at(-1)!;
      inner.group.segments.push(segment);
      if (faults !== undefined && isMisplaced(message, inner.definition, segment)) tell(message, segment, faults);
    } else if (!placeAhead(levels, segment)) {
      placeBack(levels, segment);
      tell(message, segment, faults);
    }
  }
  return root;
}

/** Allowed in every structure (2.14.12 SFT), or newer than the dictionary. */
const unplaced: ReadonlySet<string> = new Set(['SFT', 'UAC', 'PRT']);

/** Is a segment that the structure has no place for here to be told? Not where the message may know more than the dictionary does. */
function isMisplaced(message: Message, definition: CompiledGroup, segment: Segment): boolean {
  if (segment.name === '' || segment.name.startsWith('Z') || unplaced.has(segment.name)) return false;
  if (definition.slots.some((slot) => slot.names.has(segment.name))) return false;
  return (
    message.version === nearestVersion(message.version) || nearestVersion(message.version) !== dictionaryVersions.at(-1)
  );
}

function tell(message: Message, segment: Segment, faults: Fault[] | undefined): void {
  if (faults === undefined || faults.length >= faultsMax) return;
  faults.push({ code: 'hl7v2.segment-place', place: placeOf(message, segment) });
}

/** Places a segment at or after where the walk stands: in the innermost open group that has room for it, else further out. */
function placeAhead(levels: Level[], segment: Segment): boolean {
  for (const entry of entries) {
    for (let depth = levels.length - 1; depth >= 0; depth -= 1) {
      const level = levels[depth]!;
      const slot = findSlot(level.definition, level.used ? level.at : -1, level.at, segment.name, entry);
      if (slot === -1) continue;
      levels.length = depth + 1;
      putAt(levels, level, slot, segment);
      return true;
    }
  }
  return false;
}

/** Places a segment that comes too late or too often: the walk goes back to its place in the innermost open group that has one. */
function placeBack(levels: Level[], segment: Segment): void {
  for (let depth = levels.length - 1; depth >= 0; depth -= 1) {
    const level = levels[depth]!;
    const slot = findSlot(level.definition, -1, 0, segment.name, 'all');
    if (slot === -1) continue;
    levels.length = depth + 1;
    putAt(levels, level, slot, segment);
    return;
  }
}

/** First slot from `from` on that takes the segment; the slot `usedUp` only when it repeats. */
function findSlot(definition: CompiledGroup, usedUp: number, from: number, name: string, entry: Entry): number {
  const { slots } = definition;
  for (let at = from; at < slots.length; at += 1) {
    const slot = slots[at]!;
    if (at === usedUp && !slot.repeats) continue;
    if (slot.group === undefined ? slot.names.has(name) : slot.group[entry].has(name)) return at;
  }
  return -1;
}

function putAt(levels: Level[], level: Level, slot: number, segment: Segment): void {
  let here = level;
  let at = slot;
  for (;;) {
    here.at = at;
    here.used = true;
    const definition = here.definition.slots[at]!.group;
    if (definition === undefined) {
      here.group.segments.push(segment);
      return;
    }
    const group: Group = { name: definition.name, segments: [], groups: [] };
    here.group.groups.push(group);
    here = { definition, group, at: 0, used: false };
    levels.push(here);
    at = -1;
    for (const entry of entries) {
      at = findSlot(definition, -1, 0, segment.name, entry);
      if (at !== -1) break;
    }
    // Every entry set is made of the slots' own, so a slot is always found; the guard keeps the walk bounded all the same.
    if (at === -1) {
      group.segments.push(segment);
      return;
    }
  }
}

/** Required segments that are missing in the groups that are there, as `[group, segment]` pairs. */
export function missingSegments(structure: CompiledGroup, group: Group): { group: Group; name: string }[] {
  const missing: { group: Group; name: string }[] = [];
  const walk = (definition: CompiledGroup, instance: Group): void => {
    for (const slot of definition.slots) {
      if (slot.group !== undefined) {
        for (const inner of instance.groups) if (inner.name === slot.group.name) walk(slot.group, inner);
      } else if (slot.required && !instance.segments.some((segment) => slot.names.has(segment.name))) {
        missing.push({ group: instance, name: [...slot.names].join(' or ') });
      }
    }
  };
  walk(structure, group);
  return missing;
}
