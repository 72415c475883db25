/** Invented people and messages for tests of the pages: nothing here was ever anybody's. */
import type {
  FactView,
  FieldView,
  MessageRow,
  MessageView,
  PatientRow,
  PatientView,
  SegmentView,
} from '../../schemas/portal.ts';

export const START = Date.UTC(2026, 10, 23, 9, 0, 0);
const MINUTE = 60_000;
const iso = (at: number): string => new Date(at).toISOString();

const SOURCES = ['meditech-adt', 'mckesson-orders', 'cpsi-lab', 'healthland-all'];
const TYPES = ['ADT^A01', 'ORU^R01', 'ADT^A08', 'RDE^O11', 'VXU^V04', 'MDM^T02', 'ORM^O01', 'ADT^A40'];
const FAMILIES = ['Okafor', 'Lindqvist', 'Marsh', 'Delacroix', 'Tanaka', 'Whitfield', 'Abara', 'Novak'];
const GIVEN = ['Ruth', 'Henrik', 'Imani', 'Claude', 'Yuki', 'Dorothy', 'Samuel', 'Petra'];
const fault = {
  code: 'record.no-patient-number',
  place: 'PID-3',
  sentence: 'the message has no patient number to file it under',
  fix: 'send PID-3 or name the position of the number in the vendor profile',
} as const;

export const patientRows: PatientRow[] = FAMILIES.map((family, at) => ({
  id: `person-${at + 1}`,
  name: `${family.toUpperCase()}, ${GIVEN[at]}`,
  birthDate: `19${40 + at * 6}-0${(at % 9) + 1}-1${at % 9}`,
  sex: at % 2 === 0 ? 'female' : 'male',
  numbers: [
    { type: 'MR', value: `M00${4100 + at * 37}`, facility: 'Invented General' },
    { type: 'AN', value: `V77${100 + at}`, facility: 'Invented General' },
  ],
  ...(at % 3 === 0 ? { mixNumber: `204-118-70${10 + at}` } : {}),
  updatedAt: iso(START - at * 47 * MINUTE),
  incomplete: at === 2,
}));

export function messageRow(index: number): MessageRow {
  const person = patientRows[index % patientRows.length]!;
  const parked = index % 17 === 5;
  const state = parked
    ? 'parked'
    : index % 23 === 7
      ? 'repeat'
      : index % 13 === 9
        ? 'unmapped'
        : index < 2
          ? 'kept'
          : 'done';
  return {
    id: `message-${index}`,
    receivedAt: iso(START - index * 3.4 * MINUTE),
    sourceId: SOURCES[index % SOURCES.length]!,
    state,
    type: TYPES[index % TYPES.length]!,
    processing: 'P',
    controlId: `MSG${40_000 - index}`,
    patientName: person.name,
    patientNumbers: parked ? [] : [person.numbers[0]!.value],
    ackCode: parked ? 'AE' : 'AA',
    ...(parked ? { fault } : {}),
    conflict: index % 29 === 11,
  };
}

const LINES = [
  'MSH|^~\\&|LAB|IGH|MIX|HIE|20261123085500||ORU^R01|MSG39999|P|2.5.1',
  'PID|1||M004100^^^IGH^MR||Okafor^Ruth^^^Mrs||19400110|F|||12 Larch Lane^^Springhill^KS^66083||||eng',
  'PV1|1|I|MED^204^1|||||||||||||||V77100',
  'OBR|1|P883|F220|24323-8^Comprehensive metabolic panel^LN|||20261123081000',
  'OBX|1|NM|2345-7^Glucose^LN||182|mg/dL|70-99|H|||F|||20261123081000',
  'OBX|2|NM|2951-2^Sodium^LN||139|mmol/L|135-145|N|||F|||20261123081000',
  'NTE|1|L|Sample slightly hemolyzed \\T\\ repeated',
  'ZLB|LOCAL|A7||',
];
const TITLES: Record<string, string> = {
  MSH: 'Message header',
  PID: 'Patient identification',
  PV1: 'Patient visit',
  OBR: 'Observation request',
  OBX: 'Observation/result',
  NTE: 'Notes and comments',
  ZLB: '',
};
const NAMES: Record<string, string> = {
  'MSH-3': 'Sending Application',
  'MSH-4': 'Sending Facility',
  'MSH-5': 'Receiving Application',
  'MSH-6': 'Receiving Facility',
  'MSH-7': 'Date/Time Of Message',
  'MSH-9': 'Message Type',
  'MSH-10': 'Message Control ID',
  'MSH-11': 'Processing ID',
  'MSH-12': 'Version ID',
  'PID-1': 'Set ID - PID',
  'PID-3': 'Patient Identifier List',
  'PID-5': 'Patient Name',
  'PID-7': 'Date/Time of Birth',
  'PID-8': 'Administrative Sex',
  'PID-11': 'Patient Address',
  'PID-15': 'Primary Language',
  'PV1-1': 'Set ID - PV1',
  'PV1-2': 'Patient Class',
  'PV1-3': 'Assigned Patient Location',
  'PV1-18': 'Patient Type',
  'OBR-2': 'Placer Order Number',
  'OBR-3': 'Filler Order Number',
  'OBR-4': 'Universal Service Identifier',
  'OBR-7': 'Observation Date/Time',
  'OBX-2': 'Value Type',
  'OBX-3': 'Observation Identifier',
  'OBX-5': 'Observation Value',
  'OBX-6': 'Units',
  'OBX-7': 'References Range',
  'OBX-8': 'Abnormal Flags',
  'OBX-11': 'Observation Result Status',
  'OBX-14': 'Date/Time of the Observation',
  'NTE-3': 'Comment',
};

function segmentsOf(text: string): SegmentView[] {
  let offset = 0;
  return text
    .split('\r')
    .filter((line) => line !== '')
    .map((line) => {
      const name = line.slice(0, 3);
      const raw = line.split('|');
      const shift = name === 'MSH' ? 1 : 0;
      const fields: FieldView[] = raw.slice(1).map((value, at) => fieldOf(name, at + 1 + shift, value));
      const wrote = name === 'OBX' ? [`entry-obx-${line.slice(4, 5)}`] : name === 'PID' ? ['person-1'] : [];
      const segment = { name, title: TITLES[name] ?? '', offset, length: line.length, fields, wrote };
      offset += line.length + 1;
      return segment;
    });
}

function fieldOf(segment: string, position: number, raw: string): FieldView {
  const path = `${segment}-${position}`;
  const values = raw.split('^');
  const lost = segment === 'ZLB' || path === 'PID-15';
  const sex = path === 'PID-8' ? { display: 'Female' } : {};
  return {
    position,
    path,
    name: NAMES[path] ?? '',
    dataType: values.length > 1 ? 'CWE' : 'ST',
    definition: NAMES[path] === undefined ? undefined : `The ${NAMES[path]!.toLowerCase()} as the sender knows it.`,
    raw,
    parts:
      raw === ''
        ? []
        : values.flatMap((value, at) =>
            value === ''
              ? []
              : [
                  {
                    path: values.length > 1 ? `${path}.${at + 1}` : path,
                    name: values.length > 1 ? `Component ${at + 1}` : '',
                    value: value.replace('\\T\\', '&'),
                    ...sex,
                  },
                ],
          ),
    fate: raw === '' ? 'empty' : lost ? 'not-carried' : segment === 'MSH' || position === 1 ? 'structural' : 'carried',
  };
}

export function messageView(row: MessageRow): MessageView {
  const text = `${LINES.join('\r')}\r`;
  const at = Date.parse(row.receivedAt);
  const parked = row.state === 'parked';
  const steps = [
    'received',
    'kept',
    'acknowledged',
    'parsed',
    ...(parked ? ['parked'] : ['mapped', 'identified', 'recorded', 'published']),
  ];
  return {
    row,
    version: '2.5.1',
    charset: 'utf8',
    facility: 'Invented General',
    profile: 'cpsi',
    text,
    size: text.length,
    segments: segmentsOf(text),
    ack: {
      code: row.ackCode,
      text: `MSH|^~\\&|MIX|HIE|LAB|IGH|20261123085501||ACK^R01|A1|P|2.5.1\rMSA|${row.ackCode}|${row.controlId}\r`,
    },
    faults: row.fault ? [row.fault] : [],
    steps: steps.map((step, index) => ({ at: iso(at + index * 140), step })),
    persons: parked ? [] : [{ id: 'person-1', name: 'OKAFOR, Ruth' }],
    wrote: parked
      ? []
      : [
          { id: 'person-1', type: 'Patient', version: 4, display: 'OKAFOR, Ruth', from: 'PID' },
          { id: 'entry-obx-1', type: 'Observation', version: 1, display: 'Glucose 182 mg/dL', from: 'OBX[1]' },
          { id: 'entry-obx-2', type: 'Observation', version: 1, display: 'Sodium 139 mmol/L', from: 'OBX[2]' },
        ],
    notCarried: [
      { field: 'PID-15', name: 'Primary Language' },
      { field: 'ZLB-1', name: '' },
      { field: 'ZLB-2', name: '' },
    ],
    documents: parked ? [] : [{ id: 'document-2', version: 2, createdAt: iso(at + 30_000) }],
    canRerun: true,
  };
}

const fact = (id: string, type: string, title: string, more: Partial<FactView> = {}): FactView => ({
  id,
  type,
  title,
  status: 'active',
  removed: false,
  from: `${type === 'Observation' ? 'OBX' : 'AL1'}[1]`,
  source: { sourceId: 'cpsi-lab', messageId: 'message-3' },
  ...more,
});
const DAY = 86_400_000;
const series = (title: string, code: string, unit: string, low: number, high: number, values: number[]): FactView[] =>
  values.map((numeric, at) =>
    fact(`${code}-${at}`, 'Observation', title, {
      code: `http://loinc.org|${code}`,
      value: String(numeric),
      numeric,
      unit,
      low,
      high,
      range: `${low}\u2013${high}`,
      status: 'final',
      isNew: at === 0,
      interpretation: numeric > high ? 'H' : numeric < low ? 'L' : 'N',
      at: iso(START - at * 21 * DAY - 3 * MINUTE),
    }),
  );

export function patientView(row: PatientRow): PatientView {
  const [family, given] = row.name.split(', ');
  return {
    row,
    patient: {
      resourceType: 'Patient',
      id: row.id,
      name: [{ given: [given!], family: family! }],
      birthDate: row.birthDate,
      gender: row.sex === 'female' ? 'female' : 'male',
      address: [{ line: ['12 Larch Lane'], city: 'Springhill', state: 'KS', postalCode: '66083' }],
      telecom: [{ system: 'phone', value: '555-0142' }],
    },
    allergies: [
      fact('al-1', 'AllergyIntolerance', 'Penicillin', { value: 'Hives', interpretation: 'moderate' }),
      fact('al-2', 'AllergyIntolerance', 'Latex'),
    ],
    problems: [
      fact('pr-1', 'Condition', 'Type 2 diabetes mellitus', { at: '2014-03-02', code: 'E11.9' }),
      fact('pr-2', 'Condition', 'Essential hypertension', { at: '2011-07-19', code: 'I10' }),
      fact('pr-3', 'Condition', 'Fracture of left wrist', {
        at: '2019-01-08',
        until: '2019-04-01',
        status: 'resolved',
      }),
    ],
    medications: [
      fact('me-1', 'MedicationRequest', 'Metformin 500 mg tablet', { value: '1 tablet twice a day', at: '2024-02-11' }),
      fact('me-2', 'MedicationRequest', 'Lisinopril 10 mg tablet', {
        value: '1 tablet in the morning',
        at: '2023-06-30',
      }),
      fact('me-3', 'MedicationRequest', 'Amoxicillin 500 mg capsule', {
        status: 'stopped',
        at: '2026-10-02',
        until: '2026-10-09',
      }),
    ],
    immunizations: [
      fact('im-1', 'Immunization', 'Influenza, seasonal', { at: '2026-10-14', status: 'completed' }),
      fact('im-2', 'Immunization', 'Pneumococcal', {
        at: '2025-01-20',
        status: 'not-done',
        value: 'refused by the patient',
      }),
    ],
    procedures: [fact('pc-1', 'Procedure', 'Colonoscopy', { at: '2022-05-17', status: 'completed' })],
    encounters: [
      fact('en-1', 'Encounter', 'Inpatient, Medicine 204', { at: iso(START - 2 * DAY), status: 'in-progress' }),
      fact('en-2', 'Encounter', 'Emergency', {
        at: iso(START - 160 * DAY),
        until: iso(START - 159 * DAY),
        status: 'finished',
      }),
      fact('en-3', 'Encounter', 'Outpatient, Diabetes clinic', {
        at: iso(START - 300 * DAY),
        until: iso(START - 300 * DAY + 3 * 3_600_000),
        status: 'finished',
      }),
    ],
    results: [
      ...series('Glucose', '2345-7', 'mg/dL', 70, 99, [182, 164, 171, 140, 122, 118]),
      ...series('Sodium', '2951-2', 'mmol/L', 135, 145, [139, 141, 140, 137]),
      ...series('Creatinine', '2160-0', 'mg/dL', 0.5, 1.1, [1.3, 1.1, 1.0, 0.9, 0.9]),
      ...series('Potassium', '2823-3', 'mmol/L', 3.5, 5.1, [3.3, 3.9]),
      fact('tx-1', 'Observation', 'Blood culture', {
        value: 'No growth after 48 hours',
        status: 'final',
        at: iso(START - DAY),
      }),
    ],
    others: [],
    documents: [
      { id: 'document-2', version: 2, state: 'current', createdAt: iso(START - 20 * MINUTE) },
      { id: 'document-1', version: 1, state: 'superseded', createdAt: iso(START - 2 * DAY) },
    ],
    messages: [3, 11, 19].map((index) => ({
      id: `message-${index}`,
      receivedAt: messageRow(index).receivedAt,
      type: messageRow(index).type,
      sourceId: messageRow(index).sourceId,
    })),
  };
}
