/** Small pure steps over FHIR resources as plain trees. */

type Tree = Record<string, unknown>;

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Do two values say the same? Absent and undefined are the same; the order of keys does not matter. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]));
  }
  if (!isTree(a) || !isTree(b)) return false;
  for (const key of Object.keys(a)) if (!same(a[key], b[key])) return false;
  for (const key of Object.keys(b)) if (a[key] === undefined && b[key] !== undefined) return false;
  return true;
}

/**
 * The tree with every `reference: 'key:...'` replaced by what `resolve` gives; a reference that resolves to nothing goes, and what
 * then says nothing goes with it. Parts without such references are shared with the given tree, never changed.
 */
export function resolveReferences<T>(value: T, resolve: (key: string) => string | undefined): T {
  return walk(value, resolve) as T;
}

function walk(value: unknown, resolve: (key: string) => string | undefined): unknown {
  if (Array.isArray(value)) {
    let copy: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const item = walk(value[i], resolve);
      if (item === value[i]) continue;
      copy ??= value.slice();
      copy[i] = item;
    }
    if (!copy) return value;
    const kept = copy.filter((item) => item !== undefined);
    return kept.length > 0 ? kept : undefined;
  }
  if (!isTree(value)) return value;
  let copy: Tree | undefined;
  for (const key in value) {
    const item = value[key];
    if (key === 'reference' && typeof item === 'string' && item.startsWith('key:')) {
      copy ??= { ...value };
      const found = resolve(item.slice(4));
      if (found === undefined) delete copy['reference'];
      else copy['reference'] = found;
    } else if (typeof item === 'object' && item !== null) {
      const next = walk(item, resolve);
      if (next !== item) {
        copy ??= { ...value };
        if (next === undefined) delete copy[key];
        else copy[key] = next;
      }
    }
  }
  if (copy && Object.keys(copy).every((key) => key === 'type')) return undefined;
  return copy ?? value;
}

/** Every natural key that the tree refers to. */
export function collectKeys(value: unknown, into: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) collectKeys(item, into);
  } else if (isTree(value)) {
    for (const key in value) {
      const item = value[key];
      if (key === 'reference' && typeof item === 'string') {
        if (item.startsWith('key:')) into.add(item.slice(4));
      } else if (typeof item === 'object' && item !== null) collectKeys(item, into);
    }
  }
}

/** Elements that are joined part by part in a patch; every other one is replaced whole. */
const joined = new Set(['period', 'hospitalization', 'collection', 'dispenseRequest']);

/** What lists are keyed by when both sides have them, so that a part does not wipe out the rest. */
function unionOf(known: unknown[], given: unknown[], keyOf: (item: Tree) => string): unknown[] {
  const keys = new Set(given.map((item) => (isTree(item) ? keyOf(item) : '')));
  return [...known.filter((item) => !(isTree(item) && keys.has(keyOf(item)))), ...given];
}

export const extensionKey = (item: Tree): string => String(item['url']);
const identifierKey = (item: Tree): string => `${item['system'] ?? ''}|${item['value'] ?? ''}`;

/** Lists that grow: a later part of a report names only its own results. */
const unions = new Map<string, (item: Tree) => string>([
  ['result', (item) => String(item['reference'])],
  ['contained', (item) => String(item['id'])],
]);

/**
 * `known` brought up to date by `given`: given elements win, except the `weak` ones, which only fill gaps. With `fillOnly` all are
 * weak (the given one is older than what is known).
 */
export function patchTree(known: Tree, given: Tree, weak: readonly string[], fillOnly: boolean): Tree {
  const result: Tree = { ...known };
  for (const key of Object.keys(given)) {
    const value = given[key];
    if (value === undefined || key === 'resourceType' || key === 'id') continue;
    const isWeak = fillOnly || weak.includes(key);
    const before = result[key];
    if (before === undefined || (key === 'status' && before === 'unknown')) result[key] = value;
    else if (key === 'extension' && Array.isArray(before) && Array.isArray(value))
      result[key] = isWeak ? unionOf(value, before, extensionKey) : unionOf(before, value, extensionKey);
    else if (key === 'identifier' && Array.isArray(before) && Array.isArray(value))
      result[key] = isWeak ? unionOf(value, before, identifierKey) : unionOf(before, value, identifierKey);
    else if (unions.has(key) && Array.isArray(before) && Array.isArray(value))
      result[key] = unionOf(before, value, unions.get(key)!);
    else if (joined.has(key) && isTree(before) && isTree(value))
      result[key] = isWeak ? { ...value, ...before } : { ...before, ...value };
    else if (!isWeak) result[key] = value;
  }
  return result;
}

/** `known` without the element at a path such as `period.end`. */
export function dropPath(known: Tree, path: string): Tree {
  const dot = path.indexOf('.');
  const key = dot < 0 ? path : path.slice(0, dot);
  if (known[key] === undefined) return known;
  const result: Tree = { ...known };
  const inner = result[key];
  if (dot < 0) delete result[key];
  else if (isTree(inner)) {
    const rest = dropPath(inner, path.slice(dot + 1));
    if (Object.keys(rest).length > 0) result[key] = rest;
    else delete result[key];
  }
  return result;
}
