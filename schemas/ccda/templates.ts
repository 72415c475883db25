/**
 * C-CDA R2.1 templates by their names in the guide (HL7 CDA R2 IG: C-CDA Templates for Clinical Notes R2.1, volume 2).
 *
 * `[root, extension, plain]`: an extension is the version; `plain` says that the template existed in R1.1, so that an R2.1 document
 * names it a second time without extension (volume 1, 4.1.3 design considerations).
 */

export interface Template {
  readonly root: string;
  readonly extension?: string;
  /** Named without its extension too. */
  readonly plain: boolean;
}

const ccda = '2.16.840.1.113883.10.20.22.';

function template(root: string, extension?: string, plain = true): Template {
  return extension === undefined ? { root: ccda + root, plain: true } : { root: ccda + root, extension, plain };
}

export const documentTemplates = {
  usRealmHeader: template('1.1', '2015-08-01'),
  continuityOfCareDocument: template('1.2', '2015-08-01'),
} as const satisfies Record<string, Template>;

export const entryTemplates = {
  resultOrganizer: template('4.1', '2015-08-01'),
  resultObservation: template('4.2', '2015-08-01'),
  problemConcernAct: template('4.3', '2015-08-01'),
  problemObservation: template('4.4', '2015-08-01'),
  problemStatus: template('4.6', '2019-06-20'),
  allergyObservation: template('4.7', '2014-06-09'),
  severityObservation: template('4.8', '2014-06-09'),
  reactionObservation: template('4.9', '2014-06-09'),
  procedureActivityAct: template('4.12', '2014-06-09'),
  procedureActivityProcedure: template('4.14', '2014-06-09'),
  medicationActivity: template('4.16', '2014-06-09'),
  medicationSupplyOrder: template('4.17', '2014-06-09'),
  medicationDispense: template('4.18', '2014-06-09'),
  indication: template('4.19', '2014-06-09'),
  medicationInformation: template('4.23', '2014-06-09'),
  vitalSignsOrganizer: template('4.26', '2015-08-01'),
  vitalSignObservation: template('4.27', '2014-06-09'),
  allergyConcernAct: template('4.30', '2015-08-01'),
  ageObservation: template('4.31'),
  serviceDeliveryLocation: template('4.32'),
  productInstance: template('4.37'),
  socialHistoryObservation: template('4.38', '2015-08-01'),
  plannedAct: template('4.39', '2014-06-09'),
  plannedEncounter: template('4.40', '2014-06-09'),
  plannedProcedure: template('4.41', '2014-06-09'),
  plannedObservation: template('4.44', '2014-06-09'),
  familyHistoryOrganizer: template('4.45', '2015-08-01'),
  familyHistoryObservation: template('4.46', '2015-08-01'),
  familyHistoryDeath: template('4.47'),
  advanceDirectiveObservation: template('4.48', '2015-08-01'),
  encounterActivity: template('4.49', '2015-08-01'),
  nonMedicinalSupply: template('4.50', '2014-06-09'),
  immunizationActivity: template('4.52', '2015-08-01'),
  immunizationRefusalReason: template('4.53'),
  immunizationMedicationInformation: template('4.54', '2014-06-09'),
  coverageActivity: template('4.60', '2015-08-01'),
  policyActivity: template('4.61', '2015-08-01'),
  functionalStatusObservation: template('4.67', '2014-06-09'),
  mentalStatusObservation: template('4.74', '2015-08-01'),
  smokingStatus: template('4.78', '2014-06-09'),
  encounterDiagnosis: template('4.80', '2015-08-01'),
  tobaccoUse: template('4.85', '2014-06-09'),
  payerPerformer: template('4.87'),
  guarantorPerformer: template('4.88'),
  coveredPartyParticipant: template('4.89'),
  policyHolderParticipant: template('4.90'),
  authorParticipation: template('4.119'),
  goalObservation: template('4.121'),
  criticalityObservation: template('4.145'),
  noteActivity: template('4.202', '2016-11-01', false),
} as const satisfies Record<string, Template>;

/** What a section is called and coded; the order of this table is the order in the document. */
export interface SectionTemplate {
  readonly title: string;
  /** LOINC code and name. */
  readonly code: string;
  readonly display: string;
  /** Most specific first; an entries-required variant where the CCD wants it. */
  readonly templates: readonly Template[];
  /** A CCD SHALL have it (CONF:1198-8446 and following), with nullFlavor NI where nothing is known. */
  readonly required: boolean;
  /** Column heads of its narrative table. */
  readonly columns: readonly string[];
}

export const sectionTemplates = {
  allergies: {
    title: 'Allergies and Intolerances',
    code: '48765-2',
    display: 'Allergies and adverse reactions Document',
    templates: [template('2.6.1', '2015-08-01')],
    required: true,
    columns: ['Substance', 'Kind', 'Reaction', 'Severity', 'Status', 'Since'],
  },
  medications: {
    title: 'Medications',
    code: '10160-0',
    display: 'History of Medication use Narrative',
    templates: [template('2.1.1', '2014-06-09')],
    required: true,
    columns: ['Medication', 'Directions', 'Dose', 'Route', 'Time', 'Status', 'Reason', 'Notes'],
  },
  problems: {
    title: 'Problems',
    code: '11450-4',
    display: 'Problem list - Reported',
    templates: [template('2.5.1', '2015-08-01')],
    required: true,
    columns: ['Problem', 'Kind', 'Status', 'From', 'To', 'Notes'],
  },
  procedures: {
    title: 'Procedures',
    code: '47519-4',
    display: 'History of Procedures Document',
    templates: [template('2.7.1', '2014-06-09')],
    required: true,
    columns: ['Procedure', 'Time', 'Status', 'Performer', 'Site', 'Notes'],
  },
  results: {
    title: 'Results',
    code: '30954-2',
    display: 'Relevant diagnostic tests/laboratory data Narrative',
    templates: [template('2.3.1', '2015-08-01')],
    required: true,
    columns: ['Test', 'Value', 'Reference range', 'Interpretation', 'Time', 'Status', 'Notes'],
  },
  socialHistory: {
    title: 'Social History',
    code: '29762-2',
    display: 'Social history Narrative',
    templates: [template('2.17', '2015-08-01')],
    required: true,
    columns: ['Fact', 'Value', 'Time', 'Notes'],
  },
  vitalSigns: {
    title: 'Vital Signs',
    code: '8716-3',
    display: 'Vital signs',
    templates: [template('2.4.1', '2015-08-01')],
    required: true,
    columns: ['Vital sign', 'Value', 'Interpretation', 'Time', 'Notes'],
  },
  immunizations: {
    title: 'Immunizations',
    code: '11369-6',
    display: 'History of Immunization Narrative',
    templates: [template('2.2.1', '2015-08-01')],
    required: false,
    columns: ['Vaccine', 'Time', 'Status', 'Dose', 'Route and site', 'Lot', 'Manufacturer', 'Notes'],
  },
  encounters: {
    title: 'Encounters',
    code: '46240-8',
    display: 'History of Hospitalizations+Outpatient visits Narrative',
    templates: [template('2.22.1', '2015-08-01')],
    required: false,
    columns: ['Encounter', 'From', 'To', 'Location', 'Providers', 'Diagnoses and reasons', 'Status'],
  },
  functionalStatus: {
    title: 'Functional Status',
    code: '47420-5',
    display: 'Functional status assessment note',
    templates: [template('2.14', '2014-06-09')],
    required: false,
    columns: ['Fact', 'Value', 'Time', 'Notes'],
  },
  mentalStatus: {
    title: 'Mental Status',
    code: '10190-7',
    display: 'Mental status Narrative',
    templates: [template('2.56', '2015-08-01', false)],
    required: false,
    columns: ['Fact', 'Value', 'Time', 'Notes'],
  },
  payers: {
    title: 'Payers',
    code: '48768-6',
    display: 'Payment sources Document',
    templates: [template('2.18', '2015-08-01')],
    required: false,
    columns: ['Payer', 'Plan', 'Member', 'Subscriber', 'Period', 'Status'],
  },
  advanceDirectives: {
    title: 'Advance Directives',
    code: '42348-3',
    display: 'Advance directives',
    templates: [template('2.21.1', '2015-08-01')],
    required: false,
    columns: ['Directive', 'Value', 'Time', 'Notes'],
  },
  familyHistory: {
    title: 'Family History',
    code: '10157-6',
    display: 'History of family member diseases Narrative',
    templates: [template('2.15', '2015-08-01')],
    required: false,
    columns: ['Relation', 'Condition', 'Age at onset', 'Notes'],
  },
  planOfTreatment: {
    title: 'Plan of Treatment',
    code: '18776-5',
    display: 'Plan of care note',
    templates: [template('2.10', '2014-06-09')],
    required: false,
    columns: ['Planned', 'Kind', 'Time', 'Status', 'Ordered by', 'Notes'],
  },
  medicalEquipment: {
    title: 'Medical Equipment',
    code: '46264-8',
    display: 'History of medical device use',
    templates: [template('2.23', '2014-06-09')],
    required: false,
    columns: ['Device', 'Time', 'Status', 'Identifier'],
  },
  notes: {
    title: 'Notes',
    code: '34109-9',
    display: 'Note',
    templates: [template('2.65', '2016-11-01', false)],
    required: false,
    columns: ['Note', 'Time', 'Author', 'Text'],
  },
} as const satisfies Record<string, SectionTemplate>;

export type SectionName = keyof typeof sectionTemplates;
