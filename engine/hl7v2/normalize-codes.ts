/** Local codes to standard ones, and Z-segments to where their content belongs: by the tables of a vendor profile. */
import type { CodeTable, ZField } from '../../schemas/vendors/profile.ts';
import { type NormalizeDraft, placeOf, splitAt, withoutTail } from './normalize-draft.ts';
import { conditionFor, type Step } from './normalize-rules.ts';

/**
 * A step that puts the standard code first and keeps the local one as the alternate (CWE.4 to CWE.6, chapter 2A.3.13). Tables of plain
 * values change component 1 alone.
 */
export function codeStep(table: CodeTable): Step {
  const codes = new Map(
    Object.entries(table.codes).map(([local, to]) => [
      local.toUpperCase(),
      typeof to === 'string' ? ([to, ''] as const) : to,
    ]),
  );
  const places = table.places.map(placeOf);
  const holds = conditionFor(table.when);
  return (draft) => {
    if (holds && !holds(draft)) return;
    const d = draft.delimiters;
    for (let at = 0; at < draft.segments.length; at += 1) {
      for (const place of places) {
        const raw = draft.segments[at]!.name === place.segment ? draft.segments[at]!.fields[place.field] : undefined;
        if (!raw || raw === '""') continue;
        const edited = splitAt(raw, d.repetition)
          .map((repetition) => withStandardCode(repetition, table, codes, draft))
          .join(d.repetition);
        if (edited === raw) continue;
        draft.put(at, place.field, edited);
        draft.note(`${table.name} at ${place.segment}-${place.field}`);
      }
    }
  };
}

function withStandardCode(
  repetition: string,
  table: CodeTable,
  codes: Map<string, readonly [string, string]>,
  draft: NormalizeDraft,
): string {
  const d = draft.delimiters;
  const parts = splitAt(repetition, d.component).slice();
  const local = (parts[0] ?? '').trim();
  const found = codes.get(local.toUpperCase());
  if (!found) return repetition;
  const [code, name] = found;
  if (table.toSystem === undefined) {
    parts[0] = draft.encode(code);
    return parts.join(d.component);
  }
  while (parts.length < 12) parts.push('');
  const system = parts[2]!.trim();
  if (!table.fromSystems.includes(system) || parts[5] === table.toSystem) return repetition;
  const alternate = [local, parts[1]!, system || 'L'];
  const free = hasAny(parts.slice(3, 6)) ? 9 : 3;
  if (free === 9 && hasAny(parts.slice(9, 12))) return repetition;
  parts.splice(free, 3, ...alternate);
  parts.splice(0, 3, draft.encode(code), name === '' ? parts[free + 1]! : draft.encode(name), table.toSystem);
  return withoutTail(parts).join(d.component);
}

function hasAny(parts: string[]): boolean {
  return parts.some((part) => part !== '');
}

/** A step for the fields of Z-segments: to their place when that is empty, else (or when told so) into an NTE behind the segment. */
export function zSegmentStep(fields: readonly ZField[]): Step {
  const bySegment = new Map<
    string,
    { from: ReturnType<typeof placeOf>; to: ReturnType<typeof placeOf> | 'note'; field: ZField }[]
  >();
  for (const field of fields) {
    const from = placeOf(field.from);
    const to = field.to === 'note' ? ('note' as const) : placeOf(field.to);
    bySegment.set(from.segment, [...(bySegment.get(from.segment) ?? []), { from, to, field }]);
  }
  return (draft) => {
    for (let at = draft.segments.length - 1; at > 0; at -= 1) {
      const rows = bySegment.get(draft.segments[at]!.name);
      if (!rows) continue;
      const notes: string[] = [];
      for (const { from, to, field } of rows) {
        const value = draft.get(at, from);
        if (value === '' || value === '""') continue;
        if (to === 'note') notes.push(noteText(value, field, draft));
        else if (!carry(draft, value, to)) continue;
        draft.set(at, from, '');
        draft.note(`${field.from} to ${field.to}`);
      }
      if (notes.length > 0) draft.insertBehind(at, ['NTE', '1', 'P', notes.join(draft.delimiters.repetition)]);
    }
  };
}

function carry(draft: NormalizeDraft, value: string, to: ReturnType<typeof placeOf>): boolean {
  const at = draft.indexOf(to.segment);
  if (at < 0 || draft.get(at, to) !== '') return false;
  draft.set(at, to, value);
  return true;
}

function noteText(value: string, field: ZField, draft: NormalizeDraft): string {
  const d = draft.delimiters;
  const parts = splitAt(value, d.component).filter((part) => part !== '' && part !== '""');
  const plain = parts.flatMap((part) => splitAt(part, d.subcomponent)).join(' ');
  const text = splitAt(plain, d.repetition).join(', ');
  return field.heading === undefined ? text : `${draft.encode(field.heading)}: ${text}`;
}
