/** Synthetic traffic for the bench: deterministic, one message in five about a new patient, one in three an ORU. */

import { chance, pick } from './random.ts';

/** Share of messages that name a patient never seen before. */
const NEW_PATIENTS = 0.2;
const FAMILY = [
  'Almond',
  'Birch',
  'Cedar',
  'Dogwood',
  'Elder',
  'Fir',
  'Ginkgo',
  'Hazel',
  'Ivy',
  'Juniper',
  'Laurel',
  'Maple',
];
const GIVEN = ['Ada', 'Ben', 'Cora', 'Dan', 'Eve', 'Finn', 'Gus', 'Hope', 'Ian', 'Joy', 'Kit', 'Lea'];
const TESTS = [
  ['718-7', 'Hemoglobin', 'g/dL', '12.0-16.0'],
  ['2951-2', 'Sodium', 'mmol/L', '135-145'],
  ['2823-3', 'Potassium', 'mmol/L', '3.5-5.1'],
  ['2345-7', 'Glucose', 'mg/dL', '70-99'],
] as const;

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0');
}

/** `count` messages of HL7 2.5.1, about 700 to 1,000 bytes each; the same seed gives the same bytes. `newPatients`: share that names a new patient. */
export function benchMessages(count: number, seed: number, newPatients = NEW_PATIENTS): Buffer[] {
  const random = chance(seed);
  const messages: Buffer[] = [];
  let patients = 0;
  for (let index = 0; index < count; index += 1) {
    if (patients === 0 || random() < newPatients) patients += 1;
    const patient = Math.floor(random() * patients);
    const last = patients - 1;
    // A new patient's first message is about that patient.
    messages.push(messageOf(index, patients > patient + 1 && random() < newPatients ? last : patient, seed, random));
  }
  return messages;
}

function messageOf(index: number, patient: number, seed: number, random: () => number): Buffer {
  const isResult = index % 3 === 2;
  const minute = `202601${digits(1 + (Math.floor(index / 1440) % 28), 2)}${digits(Math.floor(index / 60) % 24, 2)}${digits(index % 60, 2)}`;
  const type = isResult ? 'ORU^R01^ORU_R01' : index % 2 === 0 ? 'ADT^A01^ADT_A01' : 'ADT^A08^ADT_A01';
  const id = `${seed.toString(36)}${digits(index, 8)}`;
  const lines = [`MSH|^~\\&|BENCH|NORTH|MIX|NORTH|${minute}00||${type}|${id}|P|2.5.1|||AL|NE`];
  if (!isResult) lines.push(`EVN|${type.slice(4, 7)}|${minute}00|||CLERK^Desk^One`);
  lines.push(pidOf(patient, seed));
  lines.push(
    `PV1|1|I|W${digits(patient % 30, 2)}^${digits(patient % 400, 3)}^A^NORTH||||1234567893^Oak^Olive^^^Dr||||MED||||7||||||V${digits(patient, 8)}^^^NORTH&2.16.840.1.113883.19.4.6&ISO^VN|||||||||||||||||||||||||${minute}00`,
  );
  if (isResult) {
    lines.push(
      `ORC|RE|P${id}|F${id}|||||||||1234567893^Oak^Olive`,
      `OBR|1|P${id}|F${id}|24323-8^Metabolic panel^LN|||${minute}00|||||||||1234567893^Oak^Olive||||||${minute}00||LAB|F`,
    );
    TESTS.forEach(([code, name, unit, range], at) => {
      lines.push(
        `OBX|${at + 1}|NM|${code}^${name}^LN||${(random() * 140 + 1).toFixed(1)}|${unit}|${range}|N|||F|||${minute}00`,
      );
    });
  } else {
    lines.push(
      `NK1|1|${FAMILY[patient % FAMILY.length]}^Rowan|SPO^Spouse^HL70063|12 Elm Way^^Springfield^IL^62701|^PRN^PH^^1^555^${digits(patient % 10_000_000, 7)}`,
    );
    lines.push(`AL1|1|DA^Drug allergy^HL70127|7980^Penicillin^RXNORM|MO^Moderate^HL70128|Hives`);
    lines.push(`DG1|1||I10^Essential hypertension^I10|||A`);
    lines.push(
      `IN1|1|PLAN${patient % 9}|PAYER${patient % 5}|Prairie Mutual|1 Plain Road^^Peoria^IL^61601||||||||||||SEL`,
    );
  }
  return Buffer.from(`${lines.join('\r')}\r`, 'latin1');
}

function pidOf(patient: number, seed: number): string {
  const own = chance(seed ^ Math.imul(patient + 1, 0x9e3779b1));
  const name = `${pick(own, FAMILY)}${digits(patient, 5)}^${pick(own, GIVEN)}^${String.fromCharCode(65 + Math.floor(own() * 26))}`;
  const born = `${1930 + Math.floor(own() * 90)}${digits(1 + Math.floor(own() * 12), 2)}${digits(1 + Math.floor(own() * 28), 2)}`;
  const street = `${1 + Math.floor(own() * 999)} ${pick(own, FAMILY)} Street`;
  return `PID|1||${digits(patient, 8)}^^^NORTH&2.16.840.1.113883.19.4.6&ISO^MR||${name}||${born}|${own() < 0.5 ? 'F' : 'M'}||2106-3^White^HL70005|${street}^^Springfield^IL^6270${patient % 10}^USA^H||^PRN^PH^^1^555^${digits(Math.floor(own() * 1e7), 7)}|||M|||A${digits(patient, 8)}`;
}
