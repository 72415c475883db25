/** A FHIR Patient as PID (HL7 v2.5 chapter 3.4.2), and the notification that its numbers changed (ITI-10, ADT^A31). */
import type { Address, ContactPoint, HumanName, Patient } from '@medplum/fhirtypes';
import type { Delimiters } from '../../../schemas/hl7v2/message.ts';
import { timeText } from '../ack.ts';
import { completeDelimiters, encodingCharacters, standardDelimiters } from '../delimiters.ts';
import { escapeText } from '../escape.ts';
import { transcodeField, transcodingOf } from '../transcode.ts';

/** A number with the authority as HL7 v2 writes it. */
export interface WrittenNumber {
  value: string;
  namespace: string;
  oid: string;
  /** Table 0203. */
  type: string;
}

/** Repetitions of one field: names, addresses, telephone numbers of one patient that are told. */
const repetitionsMax = 20;
const mothersMaidenName = 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName';

/** Numbers as PID-3 (CX). */
export function writeNumbers(numbers: readonly WrittenNumber[], given: Delimiters): string {
  const delimiters = completeDelimiters(given);
  const write = (text: string): string => escapeText(text, delimiters);
  return numbers
    .map(({ value, namespace, oid, type }) => {
      const authority = [write(namespace), write(oid), oid === '' ? '' : 'ISO'];
      while (authority.at(-1) === '') authority.pop();
      return [write(value), '', '', authority.join(delimiters.subcomponent), write(type)].join(delimiters.component);
    })
    .join(delimiters.repetition);
}

/**
 * PID of an ITI-9 answer: numbers only. PID-5 must not be empty, and no name is told: the first repetition is empty and the second a pseudonym without
 * one (ITI TF-2 3.9.4.2.2.6).
 */
export function writeNumbersOnly(numbers: readonly WrittenNumber[], given: Delimiters): string[] {
  const d = completeDelimiters(given);
  return ['PID', '1', '', writeNumbers(numbers, d), '', `${d.repetition}${d.component.repeat(6)}S`];
}

/** PID of a demographics answer: raw fields, escaped in these delimiters. `nth` is PID-1. */
export function writePid(
  patient: Patient,
  numbers: readonly WrittenNumber[],
  given: Delimiters,
  nth: number,
): string[] {
  const d = completeDelimiters(given);
  const write = (text: string | undefined): string => escapeText(text ?? '', d);
  const repeat = <T>(list: readonly T[] | undefined, one: (item: T) => string[]): string =>
    (list ?? [])
      .slice(0, repetitionsMax)
      .map((item) => trimmed(one(item)).join(d.component))
      .filter((text) => text !== '')
      .join(d.repetition);
  const fields: string[] = [];
  const put = (n: number, text: string): void => {
    while (fields.length <= n) fields.push('');
    fields[n] = text;
  };
  put(0, 'PID');
  put(1, String(nth));
  put(3, writeNumbers(numbers, d));
  put(
    5,
    repeat(patient.name, (name) => nameParts(name).map(write)),
  );
  const maiden = patient.extension?.find(({ url }) => url === mothersMaidenName)?.valueString;
  if (maiden) put(6, [write(maiden), '', '', '', '', '', 'M'].join(d.component));
  put(7, (patient.birthDate ?? '').replaceAll('-', ''));
  put(8, genders[patient.gender ?? ''] ?? '');
  put(
    11,
    repeat(patient.address, (address) => addressParts(address).map(write)),
  );
  const telecom = patient.telecom ?? [];
  put(
    13,
    repeat(
      telecom.filter(({ use }) => use !== 'work'),
      (point) => telecomParts(point, 'PRN').map(write),
    ),
  );
  put(
    14,
    repeat(
      telecom.filter(({ use }) => use === 'work'),
      (point) => telecomParts(point, 'WPN').map(write),
    ),
  );
  putRest(patient, put, write);
  return trimmed(fields);
}

function putRest(
  patient: Patient,
  put: (n: number, text: string) => void,
  write: (text: string | undefined) => string,
): void {
  const language = patient.communication?.find(({ preferred }) => preferred) ?? patient.communication?.[0];
  const said = language?.language.coding?.[0]?.code;
  if (said) put(15, write(said));
  const marital = patient.maritalStatus?.coding?.[0]?.code;
  if (marital) put(16, write(marital));
  if (patient.multipleBirthInteger !== undefined) put(25, String(patient.multipleBirthInteger));
  if (patient.multipleBirthBoolean === true || patient.multipleBirthInteger !== undefined) put(24, 'Y');
  else if (patient.multipleBirthBoolean === false) put(24, 'N');
  if (patient.deceasedDateTime !== undefined) put(29, patient.deceasedDateTime.replace(/[^0-9].*$/, ''));
  if (patient.deceasedBoolean === true || patient.deceasedDateTime !== undefined) put(30, 'Y');
}

const genders: Record<string, string> = { male: 'M', female: 'F', other: 'O', unknown: 'U' };

/** Table 0200. */
const nameTypes: Record<string, string> = {
  official: 'L',
  usual: 'D',
  nickname: 'N',
  anonymous: 'S',
  maiden: 'M',
  old: 'A',
  temp: 'T',
};

function nameParts({ family, given, suffix, prefix, use }: HumanName): string[] {
  if (!family && !given?.length) return [];
  const [first = '', ...rest] = given ?? [];
  return [
    family ?? '',
    first,
    rest.join(' '),
    suffix?.[0] ?? '',
    prefix?.[0] ?? '',
    '',
    nameTypes[use ?? 'official'] ?? 'L',
  ];
}

/** Table 0190. */
const addressTypes: Record<string, string> = { home: 'H', work: 'B', temp: 'C', old: 'BA' };

function addressParts({ line, city, state, postalCode, country, use }: Address): string[] {
  const [street = '', ...other] = line ?? [];
  const parts = [street, other.join(' '), city ?? '', state ?? '', postalCode ?? '', country ?? ''];
  return parts.every((part) => part === '') ? [] : [...parts, addressTypes[use ?? ''] ?? ''];
}

/** Table 0202. */
const phoneTypes: Record<string, string> = { phone: 'PH', fax: 'FX', pager: 'BP' };

function telecomParts({ system, value, use }: ContactPoint, place: string): string[] {
  if (!value) return [];
  if (system === 'email') return ['', 'NET', 'Internet', value];
  return [value, place, use === 'mobile' ? 'CP' : (phoneTypes[system ?? 'phone'] ?? 'PH')];
}

function trimmed(parts: string[]): string[] {
  const kept = [...parts];
  while (kept.length > 0 && kept.at(-1) === '') kept.pop();
  return kept;
}

/** A visit that is kept in standard delimiters, in these. */
export function writeVisit(fields: readonly string[], given: Delimiters): string[] {
  return recoded(fields, standardDelimiters, completeDelimiters(given));
}

/** PV1 as it is kept: its raw fields in standard delimiters. */
export function keepVisit(fields: readonly string[], given: Delimiters): string {
  return recoded(fields, given, standardDelimiters).join(standardDelimiters.field);
}

function recoded(fields: readonly string[], from: Delimiters, to: Delimiters): string[] {
  const coding = transcodingOf(from, to, { from: 'utf-8', to: 'utf-8' });
  return fields.map((raw) =>
    transcodeField(raw, coding)
      .map((repetition) => repetition.join(to.component))
      .join(to.repetition),
  );
}

export interface NotificationOrder {
  numbers: readonly WrittenNumber[];
  sender: { application: string; facility: string };
  receiver: { application: string; facility: string };
  /** MSH-10, at most 20 characters. */
  controlId: string;
  /** ms since the epoch. */
  now: number;
}

/** ITI-10: every number of the patient in the domains that the receiver wants to hear of, and nothing else (ITI TF-2 3.10.4.1.2). */
export function buildNotification(order: NotificationOrder): Buffer {
  const d = standardDelimiters;
  const write = (text: string): string => escapeText(text, d);
  const at = timeText(order.now, '2.5');
  const { sender, receiver } = order;
  const header = [
    `MSH${d.field}${encodingCharacters(d)}`,
    write(sender.application),
    write(sender.facility),
    write(receiver.application),
    write(receiver.facility),
    at,
    '',
    'ADT^A31^ADT_A05',
    write(order.controlId),
    'P',
    '2.5',
  ];
  const lines = [
    header,
    ['EVN', '', at],
    // PID-5 must be there and says nothing: a single blank.
    ['PID', '1', '', writeNumbers(order.numbers, d), '', ' '],
    ['PV1', '1', 'N'],
  ];
  return Buffer.from(lines.map((line) => `${line.join(d.field)}\r`).join(''), 'utf8');
}
