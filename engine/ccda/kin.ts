/** Next of kin, guardians, guarantors and other contacts in the header. */
import type {
  Address,
  CodeableConcept,
  ContactPoint,
  HumanName,
  Patient,
  PatientContact,
  RelatedPerson,
} from '@medplum/fhirtypes';
import { address, addresses, personName, telecoms } from './people.ts';
import { extensionOf, type Scope } from './scope.ts';
import { code, fixedCode, identifierOf, text } from './write.ts';

/** Things of one kind for one person at most. */
const contactsMax = 20;

function relationCodes(concepts: readonly CodeableConcept[] | undefined): string[] {
  return (concepts ?? []).flatMap((concept) => (concept.coding ?? []).map((coding) => coding.code ?? ''));
}

/** Next of kin and other contacts, whether they stand in Patient.contact or as RelatedPerson. */
interface Kin {
  relationship: CodeableConcept[] | undefined;
  names: HumanName[];
  telecom: ContactPoint[] | undefined;
  addresses: Address[];
  identifiers: string;
  organization: string | undefined;
}

function kinOf(scope: Scope): Kin[] {
  const contacts = (scope.patient.contact ?? []).map((contact: PatientContact) => ({
    relationship: contact.relationship,
    names: contact.name ? [contact.name] : [],
    telecom: contact.telecom,
    addresses: contact.address ? [contact.address] : [],
    identifiers: '',
    organization: contact.organization?.display,
  }));
  const related = scope.of('RelatedPerson').map((one: RelatedPerson) => ({
    relationship: one.relationship,
    names: (one.name ?? []).slice(0, 4),
    telecom: one.telecom,
    addresses: one.address ?? [],
    identifiers: (one.identifier ?? [])
      .slice(0, contactsMax)
      .map((id) => identifierOf(id.system, id.value))
      .join(''),
    organization: undefined,
  }));
  return [...contacts, ...related].slice(0, 50);
}

function kinNames(kin: Kin): string {
  return kin.names.length === 0 ? personName(undefined) : kin.names.map(personName).join('');
}

/** RoleClass of a contact from its relationship (HL7 tables 0063 and 0131). */
function classOf(kin: Kin): string {
  const codes = relationCodes(kin.relationship);
  if (codes.some((one) => one === 'C' || one === 'ECON' || one === 'EMC')) return 'ECON';
  if (codes.some((one) => one === 'GUARD' || one === 'GRD')) return 'GUARD';
  if (codes.some((one) => one === 'GUAR' || one === 'GT')) return 'GUAR';
  if (codes.some((one) => one === 'E' || one === 'EMR')) return 'CON';
  return 'NOK';
}

export function guardians(scope: Scope): string {
  return kinOf(scope)
    .filter((kin) =>
      relationCodes(kin.relationship).some((one) => one === 'GUARD' || one === 'GRD' || one === 'HPOWATT'),
    )
    .slice(0, 4)
    .map(
      (kin) =>
        `<guardian>${kin.identifiers}${code('code', kin.relationship?.[0])}${addresses(kin.addresses)}${telecoms(kin.telecom)}` +
        `<guardianPerson>${personName(kin.names[0])}</guardianPerson></guardian>`,
    )
    .join('');
}

/** The mother by her maiden name: CDA has no place for it but a participant. */
function mother(patient: Patient): string {
  const name = extensionOf(patient, 'patient-mothersMaidenName')?.valueString;
  if (!name?.trim()) return '';
  return (
    `<participant typeCode="IND"><associatedEntity classCode="PRS">${fixedCode('code', ['MTH', '2.16.840.1.113883.5.111', 'mother'])}` +
    `<associatedPerson>${personName(name)}</associatedPerson></associatedEntity></participant>`
  );
}

export function participants(scope: Scope): string {
  let out = mother(scope.patient);
  for (const kin of kinOf(scope)) {
    const [first, ...more] = kin.relationship ?? [];
    const relation: CodeableConcept | undefined =
      first === undefined
        ? undefined
        : { ...first, coding: [...(first.coding ?? []), ...more.flatMap((concept) => concept.coding ?? [])] };
    const scoping = kin.organization
      ? `<scopingOrganization><name>${text(kin.organization)}</name></scopingOrganization>`
      : '';
    out +=
      `<participant typeCode="IND"><associatedEntity classCode="${classOf(kin)}">${kin.identifiers}` +
      `${relation === undefined ? '' : code('code', relation, { prefer: ['2.16.840.1.113883.5.111'] })}${addresses(kin.addresses)}${telecoms(kin.telecom)}` +
      `<associatedPerson>${kinNames(kin)}</associatedPerson>${scoping}</associatedEntity></participant>`;
  }
  for (const account of scope.of('Account')) {
    for (const guarantor of (account.guarantor ?? []).slice(0, 4)) {
      const found = scope.find(guarantor.party, account);
      // A RelatedPerson of the record stands among the kin already; one contained in the account does not.
      if (found?.resourceType !== 'RelatedPerson' || !guarantor.party.reference?.startsWith('#')) continue;
      out +=
        `<participant typeCode="IND"><associatedEntity classCode="GUAR">${address(found.address?.[0])}${telecoms(found.telecom)}` +
        `<associatedPerson>${personName(found.name?.[0])}</associatedPerson></associatedEntity></participant>`;
    }
  }
  return out;
}
