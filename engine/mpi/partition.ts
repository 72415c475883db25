/**
 * Which local records are one person: a pure function of what links them and what people decided, so that the order in which it all came does not
 * matter.
 *
 * Records are called by their numbers (`system|value`), since those are the same whatever came first. A record that its hospital merged into another
 * stays beside it: what was known of it is known of both.
 */

/** Strongest first: a merge by whoever gave the numbers, what a person decided, a number that both have of one authority, what the matcher says. */
const kinds = ['merge', 'decision', 'number', 'match'] as const;
export type EdgeKind = (typeof kinds)[number];

export interface Edge {
  a: string;
  b: string;
  kind: EdgeKind;
  /** Among edges of a kind the greater goes first: bits of a match, time of a decision. */
  weight: number;
}

/** A local record as the partition sees it. */
export interface Member {
  /** `system|value`. */
  name: string;
  /** The person that was made for it; no other record has the same. */
  own?: string;
}

export interface Links {
  edges: readonly Edge[];
  /** Pairs that people decided to keep apart. */
  apart: readonly (readonly [string, string])[];
  /** May these two never be joined by themselves (twins, sex and birth date at odds)? Symmetric, of the facts alone. */
  conflict?(a: string, b: string): boolean;
}

/**
 * Groups of names, each in order and by their first name. A merge holds. Another edge joins two groups unless that would put together a pair that is
 * kept apart. What goes by itself must also put no pair in conflict together; whom people or hospitals joined is not asked about then, so that a decision
 * tears nobody else away.
 */
export function partition(names: readonly string[], links: Links): string[][] {
  const groups = new Groups(names);
  const byThemselves = new Groups(names);
  const apart = new Map<string, Set<string>>();
  for (const [a, b] of links.apart) {
    addTo(apart, a, b);
    addTo(apart, b, a);
  }
  const isApart = (a: string, b: string): boolean => apart.get(a)?.has(b) === true;
  const conflict = remember(links.conflict);
  for (const { a, b, kind } of links.edges.toSorted(byStrength)) {
    const [one, other] = [groups.of(a), groups.of(b)];
    if (one === undefined || other === undefined || one === other) continue;
    if (kind !== 'merge' && someAcross(one, other, isApart)) continue;
    if (kind === 'number' || kind === 'match') {
      const [ours, theirs] = [byThemselves.of(a)!, byThemselves.of(b)!];
      if (someAcross(ours, theirs, conflict)) continue;
      byThemselves.join(ours, theirs);
    }
    groups.join(one, other);
  }
  return groups.all();
}

/** By kind, strongest first; then by names, so that the order of what is given does not matter. */
function byStrength(one: Edge, other: Edge): number {
  return (
    kinds.indexOf(one.kind) - kinds.indexOf(other.kind) ||
    other.weight - one.weight ||
    compareTexts(pairName(one.a, one.b), pairName(other.a, other.b))
  );
}

const compareTexts = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** A pair by its names, whichever comes first. */
export const pairName = (a: string, b: string): string => (a < b ? `${a}\n${b}` : `${b}\n${a}`);

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function someAcross(one: ReadonlySet<string>, other: ReadonlySet<string>, test: (a: string, b: string) => boolean) {
  for (const a of one) for (const b of other) if (test(a, b)) return true;
  return false;
}

function remember(conflict: Links['conflict']): (a: string, b: string) => boolean {
  if (conflict === undefined) return () => false;
  const known = new Map<string, boolean>();
  return (a, b) => {
    const pair = pairName(a, b);
    let found = known.get(pair);
    if (found === undefined) {
      found = conflict(a, b);
      known.set(pair, found);
    }
    return found;
  };
}

class Groups {
  readonly #of = new Map<string, Set<string>>();

  constructor(names: readonly string[]) {
    for (const name of names) this.#of.set(name, new Set([name]));
  }

  of(name: string): Set<string> | undefined {
    return this.#of.get(name);
  }

  join(one: Set<string>, other: Set<string>): void {
    const [kept, gone] = one.size >= other.size ? [one, other] : [other, one];
    for (const name of gone) {
      kept.add(name);
      this.#of.set(name, kept);
    }
  }

  all(): string[][] {
    return [...new Set(this.#of.values())]
      .map((group) => [...group].sort(compareTexts))
      .sort((one, other) => compareTexts(one[0]!, other[0]!));
  }
}

/** A person after its records were sorted out. */
export interface Settled {
  personId: string;
  /** Names of its records, in order. */
  names: string[];
  /** The record for which the person was made just now, where it was. */
  madeFor?: string;
  /** Persons of its records that lead to it from now on. */
  retired: string[];
}

/**
 * The persons of these records. Of the persons that were made for its records a group keeps the first made (ids are in order of time); the others
 * lead to it, and come back when their records leave. So a join taken back leaves everybody as before, and what was given to a person (X-PID, MIX
 * number) names one person at any time. `newPerson`: an id that nobody has.
 */
export function settlePersons(
  members: readonly Member[],
  groups: readonly (readonly string[])[],
  newPerson: () => string,
): Settled[] {
  const byName = new Map(members.map((member) => [member.name, member]));
  return groups.map((names) => {
    const own = names.map((name) => byName.get(name)?.own).filter((id) => id !== undefined);
    const [first, ...retired] = own.toSorted(compareTexts);
    if (first !== undefined) return { personId: first, names: [...names], retired };
    return { personId: newPerson(), names: [...names], madeFor: names[0]!, retired: [] };
  });
}

/**
 * Everybody whose place may change when something about `start` changed: the records that can be reached by edges, decisions to link, and merges.
 * `neighboursOf` is asked for many at once. Undefined when there are more than `limit`.
 */
export async function reach(
  start: Iterable<string>,
  neighboursOf: (names: string[]) => Promise<Iterable<string>>,
  limit: number,
): Promise<Set<string> | undefined> {
  const reached = new Set(start);
  let edge = [...reached];
  while (edge.length > 0) {
    if (reached.size > limit) return undefined;
    const next: string[] = [];
    for (const name of await neighboursOf(edge))
      if (!reached.has(name)) {
        reached.add(name);
        next.push(name);
      }
    edge = next;
  }
  return reached;
}
