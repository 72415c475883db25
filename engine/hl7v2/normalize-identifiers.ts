/** Brings patient, account and social security numbers to where the standard has them, with type and assigning authority. */
import type { Delimiters } from '../../schemas/hl7v2/message.ts';
import { patternTest, type VendorProfile } from '../../schemas/vendors/profile.ts';
import { placeOf, splitAt, withoutTail } from './normalize-draft.ts';
import type { Step } from './normalize-rules.ts';

type Identifiers = VendorProfile['identifiers'];

const oidForm = /^[0-2](\.(0|[1-9]\d*))+$/;

/** The steps for a profile's identifiers; none when it says nothing of them. */
export function identifierSteps(identifiers: Identifiers): Step[] {
  const steps: Step[] = [];
  const carry = (from: string | undefined, to: string): void => {
    if (from !== undefined && from !== to) steps.push(appendStep(from, to, true));
  };
  carry(identifiers.mrn, 'PID-3');
  carry(identifiers.account, 'PID-18');
  carry(identifiers.ssn, 'PID-19');
  const edited = new Set([
    'PID-3',
    'PID-18',
    'MRG-1',
    ...Object.keys(identifiers.defaultTypes ?? {}),
    ...(identifiers.alsoFrom ?? []),
  ]);
  const says = Object.entries(identifiers).some(
    ([key, value]) =>
      !['mrn', 'account', 'ssn'].includes(key) && (typeof value !== 'object' || Object.keys(value).length > 0),
  );
  if (says) for (const field of edited) steps.push(editStep(field, identifiers));
  for (const field of identifiers.alsoFrom ?? []) if (field !== 'PID-3') steps.push(appendStep(field, 'PID-3', true));
  return steps;
}

function editStep(field: string, identifiers: Identifiers): Step {
  const place = placeOf(field);
  const rules: NumberRules = {
    identifiers,
    defaultType: identifiers.defaultTypes?.[field] ?? '',
    isIgnored: patternTest(identifiers.ignore ?? []),
  };
  return (draft) => {
    for (let at = 0; at < draft.segments.length; at += 1) {
      const segment = draft.segments[at]!;
      const raw = segment.name === place.segment ? segment.fields[place.field] : undefined;
      if (!raw || raw === '""') continue;
      const d = draft.delimiters;
      const sender = splitAt(draft.source.segments[0]?.fields[4] ?? '', d.component)[0]!.trim();
      const kept = splitAt(raw, d.repetition).map((one) => editNumber(one, d, rules, sender));
      const written = kept.some((one) => one !== '') ? kept.filter((one) => one !== '').join(d.repetition) : '';
      if (written === raw) continue;
      draft.put(at, place.field, written);
      draft.note(`identifiers at ${field}`);
    }
  };
}

interface NumberRules {
  identifiers: Identifiers;
  defaultType: string;
  isIgnored: (id: string) => boolean;
}

/** One CX (HL7 v2.8.2 chapter 2A.3.14); '' when it is nobody's number. `sender` is MSH-4. */
function editNumber(repetition: string, d: Delimiters, rules: NumberRules, sender: string): string {
  const { identifiers } = rules;
  const parts = splitAt(repetition, d.component).slice();
  const id = (parts[0] ?? '').trim();
  if (id === '' || id === '""' || rules.isIgnored(id)) return '';
  while (parts.length < 6) parts.push('');
  const typeIn = identifiers.typeIn ?? 5;
  const facilityIn = identifiers.facilityIn ?? 6;
  if (typeIn !== 5 && parts[4] === '') [parts[4], parts[typeIn - 1]] = [parts[typeIn - 1] ?? '', ''];
  if (facilityIn !== 6 && parts[5] === '') [parts[5], parts[facilityIn - 1]] = [parts[facilityIn - 1] ?? '', ''];
  if (identifiers.authorityFromFacility && parts[3] === '' && parts[5]!.trim() !== sender) parts[3] = parts[5]!;
  parts[3] = isOwn(parts[3]!, d, identifiers.ownAuthorities) ? '' : authorityOf(parts[3]!, d, identifiers.authorities);
  const type = parts[4]!.trim();
  parts[4] = (Object.hasOwn(identifiers.types ?? {}, type) ? identifiers.types?.[type] : type) || rules.defaultType;
  return withoutTail(parts).join(d.component);
}

/** Does an HD name the hospital itself? */
function isOwn(hd: string, d: Delimiters, own: readonly string[] | undefined): boolean {
  return (
    own !== undefined &&
    hd !== '' &&
    splitAt(hd, d.subcomponent)
      .slice(0, 2)
      .some((part) => own.includes(part.trim()))
  );
}

/** An HD: a known local name gets its OID, a bare OID gets its place. */
function authorityOf(hd: string, d: Delimiters, authorities: Record<string, string> | undefined): string {
  const [namespace = '', universal = ''] = splitAt(hd, d.subcomponent);
  if (universal !== '' || namespace === '' || d.subcomponent === '') return hd;
  const name = namespace.trim();
  if (oidForm.test(name)) return ['', name, 'ISO'].join(d.subcomponent);
  const oid = authorities && Object.hasOwn(authorities, name) ? authorities[name] : undefined;
  return oid === undefined ? hd : [name, oid, 'ISO'].join(d.subcomponent);
}

/** Adds the numbers of one field to another, the same number once; the first field is then empty. */
function appendStep(from: string, to: string, clear: boolean): Step {
  const source = placeOf(from);
  const target = placeOf(to);
  return (draft) => {
    const at = draft.indexOf(source.segment);
    const targetAt = draft.indexOf(target.segment);
    if (at < 0 || targetAt < 0) return;
    const raw = draft.get(at, source);
    if (raw === '' || raw === '""') return;
    const d = draft.delimiters;
    const present = draft.get(targetAt, target);
    const kept = present === '' || present === '""' ? [] : splitAt(present, d.repetition);
    for (const number of splitAt(raw, d.repetition))
      if (number !== '' && !kept.some((one) => sameNumber(one, number, d))) kept.push(number);
    draft.put(targetAt, target.field, kept.join(d.repetition));
    if (clear) draft.put(at, source.field, '');
    draft.note(`identifiers: ${from} into ${to}`);
  };
}

/** Same id, and nothing that says they are of different authorities or types. */
function sameNumber(a: string, b: string, d: Delimiters): boolean {
  const left = splitAt(a, d.component);
  const right = splitAt(b, d.component);
  const agrees = (n: number): boolean => !left[n] || !right[n] || left[n] === right[n];
  return left[0]!.trim() === right[0]!.trim() && agrees(3) && agrees(4);
}
