/**
 * A Continuity of Care Document (C-CDA R2.1, 2.16.840.1.113883.10.20.22.1.2) from a person's record, written as text.
 *
 * The text is canonical by construction: it equals its own exclusive canonicalization (xml-exc-c14n), so its bytes can be hashed and
 * signed as they stand.
 */
import type { Observation } from '@medplum/fhirtypes';
import { type SectionName, type SectionTemplate, sectionTemplates } from '../../schemas/ccda/templates.ts';
import { MixError } from '../../schemas/errors/index.ts';
import { writeHeader } from './header.ts';
import { table } from './narrative.ts';
import { type CcdHeader, type CcdRecord, openScope, type Scope } from './scope.ts';
import { writeAllergies } from './sections/allergies.ts';
import type { Body } from './sections/body.ts';
import { writeEncounters } from './sections/encounters.ts';
import { writeFamilyHistory } from './sections/family-history.ts';
import { writeImmunizations } from './sections/immunizations.ts';
import { writeMedicalEquipment } from './sections/medical-equipment.ts';
import { writeMedications } from './sections/medications.ts';
import { writeNotes } from './sections/notes.ts';
import { type Finding, findingsOf, sectionOf } from './sections/observation.ts';
import { writePayers } from './sections/payers.ts';
import { writePlanOfTreatment } from './sections/plan-of-treatment.ts';
import { writeProblems } from './sections/problems.ts';
import { writeProcedures } from './sections/procedures.ts';
import { writeResults } from './sections/results.ts';
import {
  writeAdvanceDirectives,
  writeFunctionalStatus,
  writeMentalStatus,
  writeSocialHistory,
} from './sections/status.ts';
import { writeVitalSigns } from './sections/vital-signs.ts';
import { isOid, templateIds } from './write.ts';

type Sorted = Partial<Record<SectionName, Finding[]>>;

/** Findings by the section that they belong to, and the observations that stand outside Results. */
function sortFindings(scope: Scope): { sorted: Sorted; classified: Set<Observation> } {
  const sorted: Sorted = {};
  const classified = new Set<Observation>();
  for (const observation of scope.of('Observation')) {
    for (const finding of findingsOf(observation)) {
      const name = sectionOf(finding);
      if (name !== 'results') classified.add(observation);
      const list = sorted[name];
      if (list === undefined) sorted[name] = [finding];
      else list.push(finding);
    }
  }
  return { sorted, classified };
}

function writeBodies(scope: Scope): Record<SectionName, Body> {
  const { sorted, classified } = sortFindings(scope);
  return {
    allergies: writeAllergies(scope),
    medications: writeMedications(scope),
    problems: writeProblems(scope),
    procedures: writeProcedures(scope),
    results: writeResults(scope, sorted.results ?? [], classified),
    socialHistory: writeSocialHistory(scope, sorted.socialHistory ?? []),
    vitalSigns: writeVitalSigns(scope, sorted.vitalSigns ?? []),
    immunizations: writeImmunizations(scope),
    encounters: writeEncounters(scope),
    functionalStatus: writeFunctionalStatus(scope, sorted.functionalStatus ?? []),
    mentalStatus: writeMentalStatus(scope, sorted.mentalStatus ?? []),
    payers: writePayers(scope),
    advanceDirectives: writeAdvanceDirectives(scope, sorted.advanceDirectives ?? []),
    familyHistory: writeFamilyHistory(scope, sorted.familyHistory ?? []),
    planOfTreatment: writePlanOfTreatment(scope),
    medicalEquipment: writeMedicalEquipment(scope, sorted.medicalEquipment ?? []),
    notes: writeNotes(scope),
  };
}

function writeSection(template: SectionTemplate, body: Body): string {
  const empty = body.entries === '';
  if (empty && body.rows.length === 0 && !template.required) return '';
  const narrative =
    body.rows.length === 0 ? '<paragraph>No information.</paragraph>' : table(template.columns, body.rows);
  return (
    `<component><section${empty && template.required ? ' nullFlavor="NI"' : ''}>${template.templates.map(templateIds).join('')}` +
    `<code code="${template.code}" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="${template.display}"></code>` +
    `<title>${template.title}</title><text>${narrative}</text>${body.entries}</section></component>`
  );
}

/**
 * Builds the CCD of a record as exclusive canonical XML without an XML declaration (UTF-8).
 *
 * Entries that are removed or entered in error are left out. Sections that a CCD requires stand with nullFlavor NI where the record
 * has nothing for them.
 *
 * @throws MixError `ccda.oid-invalid` when the organisation's OID is none.
 */
export function buildCcd(record: CcdRecord, header: CcdHeader): string {
  if (!isOid(header.organization.oid)) throw new MixError('ccda.oid-invalid', { place: 'organization.oid' });
  const scope = openScope(record, header);
  let out = `<ClinicalDocument xmlns="urn:hl7-org:v3">${writeHeader(scope)}<component><structuredBody>`;
  const bodies = writeBodies(scope);
  for (const name of Object.keys(sectionTemplates) as SectionName[])
    out += writeSection(sectionTemplates[name], bodies[name]);
  return `${out}</structuredBody></component></ClinicalDocument>`;
}
