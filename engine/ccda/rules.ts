/** What a CCD must have: parts of the header, sections, parts of a section (C-CDA R2.1 volume 2: 1.1 US Realm Header, 1.1.3 CCD). */
import { documentTemplates, sectionTemplates } from '../../schemas/ccda/templates.ts';

/** Paths below ClinicalDocument that the US Realm Header and the CCD demand. */
export const headerPaths = [
  'realmCode',
  'typeId',
  'id',
  'code',
  'title',
  'effectiveTime',
  'confidentialityCode',
  'languageCode',
  'recordTarget/patientRole/id',
  'recordTarget/patientRole/addr',
  'recordTarget/patientRole/telecom',
  'recordTarget/patientRole/patient/name',
  'recordTarget/patientRole/patient/administrativeGenderCode',
  'recordTarget/patientRole/patient/birthTime',
  'recordTarget/patientRole/patient/raceCode',
  'recordTarget/patientRole/patient/ethnicGroupCode',
  'author/time',
  'author/assignedAuthor/id',
  'author/assignedAuthor/addr',
  'author/assignedAuthor/telecom',
  'custodian/assignedCustodian/representedCustodianOrganization/id',
  'custodian/assignedCustodian/representedCustodianOrganization/name',
  'documentationOf/serviceEvent/effectiveTime/low',
  'documentationOf/serviceEvent/effectiveTime/high',
  'component/structuredBody/component/section',
] as const;

/** Parts that every section has. */
export const sectionParts = ['code', 'title', 'text'] as const;

/** Template id as one word. */
export function templateKey(root: string, extension: string): string {
  return `${root}|${extension}`;
}

const { root, extension } = documentTemplates.continuityOfCareDocument;
/** The template id that makes a document a CCD. */
export const ccdTemplate = { root, key: templateKey(root, extension ?? '') };

/** Sections that stand in every CCD, once each. */
export const requiredSections: readonly { title: string; root: string; key: string }[] = Object.values(sectionTemplates)
  .filter((section) => section.required)
  .map(({ title, templates: [{ root, extension }] }) => ({
    title,
    root,
    key: templateKey(root, extension ?? ''),
  }));

/** Levels of elements at most. */
export const depthMax = 200;
