/** The operations that a vendor profile may name (`schemas/vendors/shape.ts`), each made once into a step over a draft. */

import type { Delimiters } from '../../schemas/hl7v2/message.ts';
import type { Rule, RuleWhen } from '../../schemas/vendors/profile.ts';
import { patternTest } from '../../schemas/vendors/profile.ts';
import { type NormalizeDraft, placeOf, splitAt, withoutTail } from './normalize-draft.ts';
import { joinNameSuffix } from './normalize-names.ts';

export type Step = (draft: NormalizeDraft) => void;
type RuleOf<Op extends Rule['op']> = Extract<Rule, { op: Op }>;

/** One rule as a step that notes what it did. */
export function stepFor(rule: Rule): Step {
  const step = bareStep(rule);
  const holds = conditionFor(rule.when);
  return holds ? (draft) => void (holds(draft) && step(draft)) : step;
}

/** Whether a message is one that `when` speaks of; undefined when it speaks of all. */
export function conditionFor(when: RuleWhen | undefined): ((draft: NormalizeDraft) => boolean) | undefined {
  if (!when) return undefined;
  const fits = when.senders === undefined ? undefined : patternTest(when.senders);
  return ({ source, code, trigger }) =>
    (when.versionFrom === undefined || compareVersions(source.version, when.versionFrom) >= 0) &&
    (when.versionBefore === undefined || compareVersions(source.version, when.versionBefore) < 0) &&
    (when.types === undefined || when.types.includes(code)) &&
    (when.events === undefined || when.events.includes(trigger)) &&
    (fits === undefined || fits(senderOf(source.segments[0]?.fields[3] ?? '', source.delimiters)));
}

function senderOf(field: string, d: Delimiters): string {
  return splitAt(field, d.component)[0]!.trim();
}

/** Compares `2.3` with `2.5.1`; an absent version is older than all. */
export function compareVersions(a: string, b: string): number {
  const left = a.split(/[.^]/).map(Number);
  const right = b.split('.').map(Number);
  for (let at = 0; at < 3; at += 1) {
    const difference = (left[at] || 0) - (right[at] || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function bareStep(rule: Rule): Step {
  switch (rule.op) {
    case 'move':
    case 'copy':
    case 'translate':
      return carryStep(rule);
    case 'set':
      return setStep(rule);
    case 'clear':
      return clearStep(rule);
    case 'prefix':
      return prefixStep(rule);
    case 'drop-segment':
      return dropSegmentStep(rule);
    case 'empty-repetitions':
      return fieldStep(rule, (raw, d) => withoutEmptyRepetitions(raw, d, rule.needs));
    case 'drop-literals':
      return literalsStep(rule);
    case 'explicit-nulls':
      return fieldStep(rule, withoutInnerNulls, '""');
    case 'trim':
      return componentStep(rule, ' ', (component) => component.trim());
    case 'date-format':
      return fieldStep(rule, withoutDateFormat, '^');
    case 'date-only':
      return componentStep(rule, undefined, (component) => component.replace(/^(\d{8})0000(00(\.0+)?)?$/, '$1'));
    case 'milliseconds':
      return componentStep(rule, undefined, (component) =>
        component.replace(/^(\d{14})(\d{1,4})(?=$|[+-]\d{4}$)/, '$1.$2'),
      );
    case 'name-suffix':
      return fieldStep(rule, (raw, d) => joinNameSuffix(raw, d, rule));
  }
}

/** Runs `edit` over the raw text of each field that the rule names. `hint`: texts without it are left alone (`^` is the message's own component separator). */
function fieldStep(
  rule: { name: string; places: string[] },
  edit: (raw: string, d: Delimiters) => string,
  hint?: string,
): Step {
  const bySegment = new Map<string, number[] | 'all'>();
  for (const place of rule.places) {
    const [segment = '', field = '*'] = place.split('-');
    const known = bySegment.get(segment);
    if (field === '*' || known === 'all') bySegment.set(segment, 'all');
    else bySegment.set(segment, [...(known ?? []), Number(field)]);
  }
  const everywhere = bySegment.has('*');
  return (draft) => {
    const wanted = hint === '^' ? draft.delimiters.component : hint;
    for (let at = 0; at < draft.segments.length; at += 1) {
      const segment = draft.segments[at]!;
      const fields = everywhere ? 'all' : bySegment.get(segment.name);
      if (fields === undefined) continue;
      const positions = fields === 'all' ? segment.fields.length - 1 : fields.length;
      for (let n = 0; n < positions; n += 1) {
        const field = fields === 'all' ? n + 1 : fields[n]!;
        if (segment.name === 'MSH' && field < 3) continue;
        const raw = draft.segments[at]!.fields[field];
        if (!raw || (wanted !== undefined && !raw.includes(wanted))) continue;
        const edited = edit(raw, draft.delimiters);
        if (edited === raw) continue;
        draft.put(at, field, edited);
        draft.note(`${rule.name} at ${segment.name}-${field}`);
      }
    }
  };
}

function componentStep(
  rule: { name: string; places: string[] },
  hint: string | undefined,
  edit: (part: string) => string,
): Step {
  const inComponent = (component: string, d: Delimiters): string => mapParts(component, d.subcomponent, edit);
  const inRepetition = (repetition: string, d: Delimiters): string =>
    mapParts(repetition, d.component, (component) => inComponent(component, d));
  return fieldStep(rule, (raw, d) => mapParts(raw, d.repetition, (repetition) => inRepetition(repetition, d)), hint);
}

function mapParts(text: string, delimiter: string, edit: (part: string) => string): string {
  return delimiter === '' || !text.includes(delimiter) ? edit(text) : text.split(delimiter).map(edit).join(delimiter);
}

function carryStep(rule: RuleOf<'move'> | RuleOf<'copy'> | RuleOf<'translate'>): Step {
  const from = placeOf(rule.from);
  const to = placeOf(rule.to);
  const carry = (draft: NormalizeDraft, at: number, target: number): void => {
    let value = draft.get(at, from);
    if (value === '' || (!rule.overwrite && draft.get(target, to) !== '')) return;
    if (rule.op === 'translate') {
      const listed = Object.hasOwn(rule.values, value.trim()) ? rule.values[value.trim()] : undefined;
      if (listed === undefined) return;
      value = draft.encode(listed);
    }
    draft.set(target, to, value);
    if (rule.op === 'move') draft.set(at, from, '');
    draft.note(`${rule.name}: ${rule.from} to ${rule.to}`);
  };
  return (draft) => {
    if (from.segment === to.segment) {
      for (let at = 0; at < draft.segments.length; at += 1)
        if (draft.segments[at]!.name === from.segment) carry(draft, at, at);
      return;
    }
    const at = draft.indexOf(from.segment);
    const target = draft.indexOf(to.segment);
    if (at >= 0 && target >= 0) carry(draft, at, target);
  };
}

function setStep(rule: RuleOf<'set'>): Step {
  const place = placeOf(rule.place);
  return (draft) => {
    for (let at = 0; at < draft.segments.length; at += 1) {
      if (draft.segments[at]!.name !== place.segment || (!rule.overwrite && draft.get(at, place) !== '')) continue;
      // A component of a field that was not sent is not invented: a coding system without its code says nothing.
      if (place.component > 1 && (draft.segments[at]!.fields[place.field] ?? '') === '') continue;
      draft.set(at, place, draft.encode(rule.value));
      draft.note(`${rule.name}: ${rule.place} set`);
    }
  };
}

function clearStep(rule: RuleOf<'clear'>): Step {
  const clear = (wanted?: string): Step =>
    fieldStep(rule, (raw) => (wanted === undefined || raw === wanted ? '' : raw));
  if (rule.equalTo === undefined) return clear();
  const other = placeOf(rule.equalTo);
  const places = rule.places.map((place) => placeOf(place.replace('*', '0')));
  return (draft) => {
    const at = draft.indexOf(other.segment);
    const wanted = at < 0 ? '' : draft.get(at, other);
    if (wanted === '') return;
    // Most messages have nothing equal: look before making the step.
    const mayHold = draft.segments.some(({ name, fields }) =>
      places.some(
        (place) =>
          place.segment === '*' || (place.segment === name && (place.field === 0 || fields[place.field] === wanted)),
      ),
    );
    if (mayHold) clear(wanted)(draft);
  };
}

function literalsStep(rule: RuleOf<'drop-literals'>): Step {
  const fits = patternTest(rule.values);
  const drop = (part: string): string => (part !== '' && fits(part.trim()) ? '' : part);
  const inField = (raw: string, d: Delimiters): string =>
    mapParts(raw, d.repetition, (repetition) =>
      mapParts(repetition, d.component, (component) => mapParts(component, d.subcomponent, drop)),
    );
  if (rule.values.some((value) => value.includes('*'))) return fieldStep(rule, inField);
  // A part can only equal a literal where the field has it somewhere.
  const anywhere = new RegExp(rule.values.map((value) => value.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('|'), 'i');
  return fieldStep(rule, (raw, d) => (anywhere.test(raw) ? inField(raw, d) : raw));
}

function prefixStep(rule: RuleOf<'prefix'>): Step {
  const from = placeOf(rule.from);
  const to = placeOf(rule.to);
  return (draft) => {
    for (let at = 0; at < draft.segments.length; at += 1) {
      if (draft.segments[at]!.name !== from.segment) continue;
      const heading = splitAt(draft.get(at, from), draft.delimiters.component).filter((part) => part !== '')[0] ?? '';
      if (heading === '' || heading === '""') continue;
      const text = draft.get(at, to);
      draft.set(at, to, text === '' ? heading : `${heading}${draft.encode(rule.separator)}${text}`);
      draft.set(at, from, '');
      draft.note(`${rule.name}: ${rule.from} before ${rule.to}`);
    }
  };
}

function dropSegmentStep(rule: RuleOf<'drop-segment'>): Step {
  const { needs, segment: name } = rule;
  return (draft) => {
    for (let at = draft.segments.length - 1; at > 0; at -= 1) {
      const segment = draft.segments[at]!;
      if (segment.name !== name || needs?.some((field) => hasContent(segment.fields[field] ?? '', draft.delimiters)))
        continue;
      draft.drop(at);
      draft.note(`${rule.name}: ${name} left out`);
    }
  };
}

function hasContent(raw: string, d: Delimiters): boolean {
  for (const character of raw)
    if (character !== d.component && character !== d.repetition && character !== d.subcomponent && character !== ' ')
      return true;
  return false;
}

function withoutEmptyRepetitions(raw: string, d: Delimiters, needs: number[] | undefined): string {
  if (raw === '""') return raw;
  const kept = splitAt(raw, d.repetition).filter((repetition) => {
    if (!hasContent(repetition, d)) return false;
    if (!needs) return true;
    const components = splitAt(repetition, d.component);
    return needs.some((n) => hasContent(components[n - 1] ?? '', d) && components[n - 1] !== '""');
  });
  return kept.join(d.repetition);
}

function withoutInnerNulls(raw: string, d: Delimiters): string {
  return splitAt(raw, d.repetition)
    .map((repetition) => {
      const components = splitAt(repetition, d.component);
      if (components.length === 1) return repetition;
      const emptied = components.map((component) =>
        splitAt(component, d.subcomponent)
          .map((part) => (part === '""' ? '' : part))
          .join(d.subcomponent),
      );
      return hasContent(emptied.join(''), d) ? withoutTail(emptied).join(d.component) : '""';
    })
    .join(d.repetition);
}

function withoutDateFormat(raw: string, d: Delimiters): string {
  return splitAt(raw, d.repetition)
    .map((repetition) => {
      const components = splitAt(repetition, d.component);
      if (!/^[YMDHS]{4,}[YMDHSZ.+\-[\]/]*$/i.test(components[1] ?? '')) return repetition;
      return withoutTail([components[0]!, '', ...components.slice(2)]).join(d.component);
    })
    .join(d.repetition);
}
