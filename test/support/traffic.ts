/**
 * Endless synthetic HL7 v2 traffic for benches and crash tests: the same seed gives the same bytes. Invented people only
 * (555 telephone numbers, SSNs that begin with 9).
 */

export type TrafficVendor = 'plain' | 'meditech' | 'mckesson' | 'cpsi' | 'healthland';

export interface TrafficOptions {
  /** Share of messages that bring a patient never seen before. */
  newPatientShare?: number;
  /** Share of messages that are ORU^R01. */
  oruShare?: number;
  /** Share of messages that are ADT^A40 (two known patients become one). */
  mergeShare?: number;
  vendor?: TrafficVendor;
  /** How many patients are remembered at most (older ones are forgotten). */
  patientsMax?: number;
  /** Put before every record number and control id, so that several streams do not meet. */
  prefix?: string;
}

export interface TrafficMessage {
  /** One message, CR segment ends, without the MLLP frame. */
  bytes: Buffer;
  /** `ADT^A01` */
  type: string;
  mrn: string;
  controlId: string;
  /** 0-based place in the stream. */
  seq: number;
  /** The number that an A40 retired. */
  retired?: string;
  /** Filler number of the order that an ORU answers. */
  order?: string;
}

interface TrafficPatient {
  mrn: string;
  account: string;
  family: string;
  given: string;
  sex: 'M' | 'F';
  born: string;
  street: string;
  phone: string;
  ssn: string;
}

const surnames = [
  'Abernethy',
  'Brandvold',
  'Castellano',
  'Dufresne',
  'Eikenberry',
  'Fairweather',
  'Gruenwald',
  'Hollister',
  'Ivarson',
  'Jessup',
  'Kowalczyk',
  'Lindqvist',
  'Mabry',
  'Nakagawa',
  'Oyelaran',
  'Pruitt',
  'Quintero',
  'Rasmussen',
  'Stavros',
  'Thibodeaux',
  'Umstead',
  'Vandermeer',
  'Whitehorse',
  'Yarbrough',
  'Zielinski',
];
const givenF = ['Adele', 'Bettina', 'Corinne', 'Dolores', 'Esther', 'Fern', 'Greta', 'Harriet', 'Ilse', 'Joanna'];
const givenM = ['Alvin', 'Bertram', 'Clement', 'Desmond', 'Edgar', 'Floyd', 'Gilbert', 'Homer', 'Ignacio', 'Julian'];
const streets = [
  'Cottonwood Lane',
  'Quarry Road',
  'Old Mill Street',
  'Prairie Avenue',
  'Sycamore Court',
  'Depot Street',
];
const towns = ['Harlan Ferry^KS^67001', 'Medicine Bend^WY^82001', 'Cold Spring Mills^OH^45001', 'Pine Hollow^AL^36001'];
const senders: Record<TrafficVendor, { application: string; facility: string; version: string }> = {
  plain: { application: 'EMR', facility: 'TESTHOSP', version: '2.5.1' },
  meditech: { application: 'MEDITECH', facility: 'HFC', version: '2.4' },
  mckesson: { application: 'PARAGON', facility: 'CSM', version: '2.5' },
  cpsi: { application: 'CPSI LAB', facility: 'PHH', version: '2.5.1' },
  healthland: { application: 'CENTRIQ', facility: 'MBH', version: '2.3.1' },
};
const analytes = [
  ['2345-7', 'Glucose', 'mg/dL', 70, 180],
  ['2160-0', 'Creatinine', 'mg/dL', 1, 3],
  ['2823-3', 'Potassium', 'mmol/L', 3, 6],
  ['2951-2', 'Sodium', 'mmol/L', 130, 148],
  ['718-7', 'Hemoglobin', 'g/dL', 9, 17],
  ['6690-2', 'Leukocytes', '10*3/uL', 3, 15],
] as const;
/** 2026-04-01T06:00:00Z */
const startMs = Date.UTC(2026, 3, 1, 6);
const stepMs = 1500;

/** An endless stream of messages. Shares default to 20 % new patients and one ORU in three. */
export function* makeTraffic(seed: number, options: TrafficOptions = {}): Generator<TrafficMessage, never, undefined> {
  const {
    newPatientShare = 0.2,
    oruShare = 1 / 3,
    mergeShare = 0,
    vendor = 'plain',
    patientsMax = 5000,
    prefix = '',
  } = options;
  const random = randomFrom(seed);
  const patients: TrafficPatient[] = [];
  let admitted = 0;
  for (let seq = 0; ; seq += 1) {
    const controlId = `${prefix}${seed.toString(36).toUpperCase()}${String(seq).padStart(7, '0')}`;
    const line = { controlId, at: stamp(startMs + seq * stepMs, vendor), vendor, seq };
    const roll = random();
    if (patients.length === 0 || roll < newPatientShare) {
      admitted += 1;
      const patient = newPatient(random, `${prefix}${100000 + admitted}`, admitted);
      if (patients.length >= patientsMax) patients.splice(Math.floor(random() * patients.length), 1);
      patients.push(patient);
      yield adt(line, random() < 0.5 ? 'A01' : 'A04', patient, random);
      continue;
    }
    const at = Math.floor(random() * patients.length);
    const patient = patients[at]!;
    if (roll < newPatientShare + mergeShare && patients.length > 1) {
      patients.splice(at, 1);
      yield merge(line, patients[Math.floor(random() * patients.length)]!, patient);
    } else if (roll < newPatientShare + mergeShare + oruShare) yield oru(line, patient, random);
    else yield adt(line, pick(['A08', 'A08', 'A03', 'A02', 'A01'], random), patient, random);
  }
}

interface Line {
  controlId: string;
  at: string;
  vendor: TrafficVendor;
  seq: number;
}

function adt(line: Line, event: string, patient: TrafficPatient, random: () => number): TrafficMessage {
  const room = 100 + Math.floor(random() * 60);
  const segments = [
    header(line, `ADT^${event}`),
    `EVN|${event}|${line.at}`,
    pid(line, patient),
    `NK1|1|${patient.family}^Marlene|SPO^Spouse^HL70063|${patient.street}|(555)555-0${String(room).padStart(3, '0')}||EC`,
    `PV1|1|I|MED^${room}^A^${senders[line.vendor].facility}|R|||8${room}^Okonjo^Ruth^A^^^MD|9${room}^Bergstrom^Lars^^^^MD||MED||||1|||8${room}^Okonjo^Ruth^A^^^MD|IN|${patient.account}^^^^VN|||||||||||||||||||||||||${line.at}`,
    'AL1|1|DA|7980^penicillin G^RXNORM|MO|Hives',
    'DG1|1||I10^Essential (primary) hypertension^I10||20260301|A',
    `IN1|1|PPO^Preferred|7001|Prairie Mutual|PO Box 17^^Harlan Ferry^KS^67001||(555)555-0170|G${room}|||||||PPO|${patient.family}^${patient.given}|SEL^Self^HL70063`,
  ];
  if (event === 'A03') segments[4] += `|${line.at}`;
  // A02 and A03 of 2.3 and 2.4 have no room for NK1, AL1 and IN1.
  if (event === 'A02' || event === 'A03') {
    const kept = segments.filter((one) => /^(MSH|EVN|PID|PV1)/.test(one) || (event === 'A03' && one.startsWith('DG1')));
    return message(line, `ADT^${event}`, patient.mrn, kept);
  }
  return message(line, `ADT^${event}`, patient.mrn, segments);
}

function oru(line: Line, patient: TrafficPatient, random: () => number): TrafficMessage {
  const order = `F${line.controlId}`;
  const segments = [
    header(line, 'ORU^R01'),
    pid(line, patient),
    `PV1|1|O|LAB^^^${senders[line.vendor].facility}||||8201^Okonjo^Ruth^A^^^MD|||||||||||${patient.account}^^^^VN`,
    `ORC|RE|P${line.controlId}|${order}||CM||||${line.at}|||8201^Okonjo^Ruth^A^^^MD`,
    `OBR|1|P${line.controlId}|${order}|24323-8^Comprehensive metabolic 2000 panel - Serum or Plasma^LN|||${line.at}|||||||||8201^Okonjo^Ruth^A^^^MD||||||${line.at}||CH|F`,
  ];
  const first = Math.floor(random() * analytes.length);
  for (let n = 0; n < 4; n += 1) {
    const [code, name, unit, low, high] = analytes[(first + n) % analytes.length]!;
    const value = (low + random() * (high - low)).toFixed(1);
    segments.push(`OBX|${n + 1}|NM|${code}^${name}^LN||${value}|${unit}|${low}-${high}||||F|||${line.at}`);
  }
  return { ...message(line, 'ORU^R01', patient.mrn, segments), order };
}

function merge(line: Line, survivor: TrafficPatient, gone: TrafficPatient): TrafficMessage {
  const segments = [
    header(line, 'ADT^A40'),
    `EVN|A40|${line.at}`,
    pid(line, survivor),
    `MRG|${numberOf(line.vendor, gone.mrn)}||${gone.account}`,
  ];
  return { ...message(line, 'ADT^A40', survivor.mrn, segments), retired: gone.mrn };
}

function message(line: Line, type: string, mrn: string, segments: string[]): TrafficMessage {
  return {
    bytes: Buffer.from(`${segments.join('\r')}\r`, 'latin1'),
    type,
    mrn,
    controlId: line.controlId,
    seq: line.seq,
  };
}

function header({ vendor, at, controlId }: Line, type: string): string {
  const { application, facility, version } = senders[vendor];
  return `MSH|^~\\&|${application}|${facility}|MIX|${facility}|${at}||${type}|${controlId}|P|${version}`;
}

/** A record number as the vendor writes it, the same in PID-3 and MRG-1. */
function numberOf(vendor: TrafficVendor, mrn: string): string {
  return vendor === 'healthland' ? mrn : `${mrn}^^^${senders[vendor].facility}^MR`;
}

function pid({ vendor }: Line, p: TrafficPatient): string {
  const number = numberOf(vendor, p.mrn);
  const born = vendor === 'mckesson' ? `${p.born}0000` : p.born;
  return `PID|1||${number}||${p.family}^${p.given}||${born}|${p.sex}||2106-3^White^HL70005|${p.street}||${p.phone}|||M|||${p.ssn}`;
}

function newPatient(random: () => number, mrn: string, ordinal: number): TrafficPatient {
  const sex = random() < 0.5 ? 'F' : 'M';
  const two = (n: number): string => String(n).padStart(2, '0');
  return {
    mrn,
    account: `A${mrn}`,
    family: pick(surnames, random),
    given: pick(sex === 'F' ? givenF : givenM, random),
    sex,
    born: `${1930 + Math.floor(random() * 95)}${two(1 + Math.floor(random() * 12))}${two(1 + Math.floor(random() * 28))}`,
    street: `${100 + Math.floor(random() * 9000)} ${pick(streets, random)}^^${pick(towns, random)}`,
    phone: `(555)555-0${String(Math.floor(random() * 1000)).padStart(3, '0')}`,
    ssn: `9${two(ordinal % 100)}-${two(Math.floor(ordinal / 100) % 100)}-${String(Math.floor(random() * 10000)).padStart(4, '0')}`,
  };
}

/** MEDITECH writes minutes, the others seconds; no zone. */
function stamp(ms: number, vendor: TrafficVendor): string {
  return new Date(ms)
    .toISOString()
    .replace(/[-:T]/g, '')
    .slice(0, vendor === 'meditech' ? 12 : 14);
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)]!;
}

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
