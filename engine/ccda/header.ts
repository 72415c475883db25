/** The CDA header after the US Realm Header (C-CDA R2.1 volume 2, 1.1) as a CCD has it (1.1.3). */
import type { Reference, Resource } from '@medplum/fhirtypes';
import { documentTemplates } from '../../schemas/ccda/templates.ts';
import { participants } from './kin.ts';
import { actorOf, address, readableLocation, telecoms } from './people.ts';
import { recordTarget } from './record-target.ts';
import type { Actor, CcdHeader, Scope } from './scope.ts';
import { attribute, code, fixedCode, idOf, interval, isUuid, templateIds, text, time, timeOf } from './write.ts';

const actorsMax = 20;

const formatters = new Map<string, Intl.DateTimeFormat>();
/** Offsets by zone and quarter of an hour: no zone changes its offset within one. */
const offsets = new Map<string, number>();
const quarterHourMs = 900_000;

/** Minutes east of UTC of a zone (`+02:00`, `Z`, an IANA name) at a time; 0 for a zone that nobody knows. */
function offsetOf(zone: string, ms: number): number {
  const fixed = /^([+-])([0-9]{2}):?([0-9]{2})$/.exec(zone);
  if (fixed !== null) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3]));
  if (zone === '' || zone === 'Z' || zone === 'UTC') return 0;
  const key = `${zone}|${Math.floor(ms / quarterHourMs)}`;
  const before = offsets.get(key);
  if (before !== undefined) return before;
  if (offsets.size >= 1_000) offsets.clear();
  const offset = readOffset(zone, ms);
  offsets.set(key, offset);
  return offset;
}

function readOffset(zone: string, ms: number): number {
  let formatter = formatters.get(zone);
  if (formatter === undefined) {
    try {
      formatter = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    } catch {
      return 0;
    }
    if (formatters.size < 100) formatters.set(zone, formatter);
  }
  const name = formatter.formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value ?? '';
  const parts = /GMT([+-])([0-9]{2}):([0-9]{2})/.exec(name);
  return parts === null ? 0 : (parts[1] === '-' ? -1 : 1) * (Number(parts[2]) * 60 + Number(parts[3]));
}

/** Milliseconds as FHIR instant, to the second, in a zone. */
function instantOf(ms: number, zone: string): string {
  const minutes = offsetOf(zone, ms);
  const shifted = new Date(ms + minutes * 60_000).toISOString().slice(0, 19);
  const absolute = Math.abs(minutes);
  return `${shifted}${minutes < 0 ? '-' : '+'}${String(Math.floor(absolute / 60)).padStart(2, '0')}:${String(absolute % 60).padStart(2, '0')}`;
}

function documentId(id: string, header: CcdHeader): string {
  return isUuid(id) ? idOf(id) : idOf(header.organization.oid, id);
}

/** Everything of ClinicalDocument before its body. */
export function writeHeader(scope: Scope): string {
  const { header } = scope;
  const created = instantOf(header.createdAt, header.zone ?? 'UTC');
  const confidentiality = header.confidentiality ?? 'N';
  const names = { N: 'normal', R: 'restricted', V: 'very restricted' };
  return (
    '<realmCode code="US"></realmCode><typeId extension="POCD_HD000040" root="2.16.840.1.113883.1.3"></typeId>' +
    templateIds(documentTemplates.usRealmHeader) +
    templateIds(documentTemplates.continuityOfCareDocument) +
    documentId(header.documentId, header) +
    '<code code="34133-9" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="Summarization of Episode Note"></code>' +
    '<title>Continuity of Care Document</title>' +
    time('effectiveTime', created) +
    fixedCode('confidentialityCode', [confidentiality, '2.16.840.1.113883.5.25', names[confidentiality]]) +
    `<languageCode code="${attribute(header.language ?? 'en-US')}"></languageCode>` +
    documentId(header.setId, header)
      .replace(/^<id/, '<setId')
      .replace(/<\/id>$/, '</setId>') +
    `<versionNumber value="${header.version}"></versionNumber>` +
    recordTarget(scope) +
    author(header, created) +
    custodian(header) +
    participants(scope) +
    documentationOf(scope, created) +
    relatedDocument(header) +
    componentOf(scope)
  );
}

function author(header: CcdHeader, created: string): string {
  const { organization: org } = header;
  const device = header.device ?? { model: 'MIX-HIE', software: 'MIX-HIE 0.1' };
  return (
    `<author>${time('time', created)}<assignedAuthor>${idOf(org.oid)}${address(org.address)}${telecoms(org.telecom)}` +
    `<assignedAuthoringDevice><manufacturerModelName>${text(device.model)}</manufacturerModelName><softwareName>${text(device.software)}</softwareName></assignedAuthoringDevice>` +
    `<representedOrganization>${idOf(org.oid)}<name>${text(org.name)}</name>${telecoms(org.telecom)}${address(org.address)}</representedOrganization>` +
    '</assignedAuthor></author>'
  );
}

function custodian({ organization: org }: CcdHeader): string {
  return (
    `<custodian><assignedCustodian><representedCustodianOrganization>${idOf(org.oid)}<name>${text(org.name)}</name>` +
    `${telecoms(org.telecom?.slice(0, 1))}${address(org.address)}</representedCustodianOrganization></assignedCustodian></custodian>`
  );
}

function providersOf(scope: Scope): Actor[] {
  const seen = new Map<string, Actor>();
  const add = (reference: Reference | undefined, owner: Resource): void => {
    const actor = actorOf(reference, scope, owner);
    if (actor !== undefined && seen.size < actorsMax && !seen.has(actor.key)) seen.set(actor.key, actor);
  };
  for (const encounter of scope.of('Encounter'))
    for (const one of encounter.participant ?? []) add(one.individual, encounter);
  for (const one of scope.patient.generalPractitioner ?? []) add(one, scope.patient);
  return [...seen.values()];
}

function documentationOf(scope: Scope, created: string): string {
  const starts = scope.of('Encounter').map((encounter) => encounter.period?.start ?? '');
  const first = starts.filter((start) => timeOf(start) !== undefined).sort()[0] ?? scope.patient.birthDate;
  let performers = '';
  for (const actor of providersOf(scope))
    performers += `<performer typeCode="PRF"><assignedEntity>${actor.entity}</assignedEntity></performer>`;
  return `<documentationOf><serviceEvent classCode="PCPR">${interval('effectiveTime', first, created)}${performers}</serviceEvent></documentationOf>`;
}

function relatedDocument(header: CcdHeader): string {
  if (header.replaces === undefined) return '';
  const set = documentId(header.setId, header)
    .replace(/^<id/, '<setId')
    .replace(/<\/id>$/, '</setId>');
  return (
    `<relatedDocument typeCode="RPLC"><parentDocument>${documentId(header.replaces, header)}${set}` +
    `<versionNumber value="${Math.max(1, header.version - 1)}"></versionNumber></parentDocument></relatedDocument>`
  );
}

/** The encounter that the patient is in now, if any (newest that is under way). */
function componentOf(scope: Scope): string {
  const encounter = scope
    .of('Encounter')
    .find((one) => one.status === 'in-progress' || one.status === 'arrived' || one.status === 'onleave');
  if (encounter === undefined) return '';
  const where = encounter.location?.[0]?.location;
  const place = readableLocation(where, scope, encounter);
  const coded = encounter.class?.code
    ? code('code', { coding: [encounter.class] }, { prefer: ['2.16.840.1.113883.5.4'] })
    : '';
  const location = place
    ? `<location><healthCareFacility><location><name>${text(place)}</name></location></healthCareFacility></location>`
    : '';
  return (
    `<componentOf><encompassingEncounter>${scope.ids(encounter)}${coded}${interval('effectiveTime', encounter.period?.start, encounter.period?.end, 'UNK', 'NI')}` +
    `${location}</encompassingEncounter></componentOf>`
  );
}
