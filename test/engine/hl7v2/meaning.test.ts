import { describe, expect, it } from 'vitest';
import {
  checkMessage,
  componentName,
  fieldName,
  groupSegments,
  parseMessage,
  segmentTitle,
  tableDisplay,
} from '../../../engine/hl7v2/index.ts';
import { catalogue, type Fault, type FaultKind } from '../../../schemas/errors/index.ts';
import { nearestVersion, versionsAround } from '../../../schemas/hl7v2/dictionary.ts';
import type { Group, Message } from '../../../schemas/hl7v2/message.ts';

function message(type: string, version: string, ...segments: string[]): Message {
  return parseMessage(
    [`MSH|^~\\&|A|B|C|D|20260101||${type}|1|P|${version}`, ...segments].map((text) => `${text}\r`).join(''),
  ).message!;
}

/** `ORU_R01(MSH PATIENT_RESULT(...))`: names in the order of the message. */
function shape(group: Group): string {
  const first = (one: Group): number =>
    Math.min(...one.segments.map((segment) => segment.index), ...one.groups.map(first));
  const parts = [
    ...group.segments.map((segment) => ({ at: segment.index, text: segment.name })),
    ...group.groups.map((inner) => ({ at: first(inner), text: shape(inner) })),
  ];
  return `${group.name}(${parts
    .sort((one, other) => one.at - other.at)
    .map((part) => part.text)
    .join(' ')})`;
}

describe('groupSegments', () => {
  it.each([
    [
      'ORU^R01',
      '2.5.1',
      'PID PV1 ORC OBR NTE OBX NTE OBX OBR OBX SPM OBX',
      'ORU_R01(MSH PATIENT_RESULT(PATIENT(PID VISIT(PV1)) ORDER_OBSERVATION(ORC OBR NTE OBSERVATION(OBX NTE) OBSERVATION(OBX)) ORDER_OBSERVATION(OBR OBSERVATION(OBX) SPECIMEN(SPM OBX))))',
    ],
    [
      'ORU^R01',
      '2.5.1',
      'PID OBR OBX PID OBR OBX',
      'ORU_R01(MSH PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBR OBSERVATION(OBX))) PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBR OBSERVATION(OBX))))',
    ],
    [
      'ORM^O01',
      '2.3',
      'PID PV1 ORC OBR OBX ORC OBR OBR',
      'ORM_O01(MSH PATIENT(PID PATIENT_VISIT(PV1)) ORDER(ORC ORDER_DETAIL(OBR OBSERVATION(OBX))) ORDER(ORC ORDER_DETAIL(OBR)) ORDER(ORDER_DETAIL(OBR)))',
    ],
    [
      'OML^O21',
      '2.5.1',
      'PID ORC OBR OBX ORC OBR',
      'OML_O21(MSH PATIENT(PID) ORDER(ORC OBSERVATION_REQUEST(OBR OBSERVATION(OBX))) ORDER(ORC OBSERVATION_REQUEST(OBR)))',
    ],
    [
      'OML^O21',
      '2.6',
      'PID ORC TQ1 OBR OBX OBX',
      'OML_O21(MSH PATIENT(PID) ORDER(ORC TIMING(TQ1) OBSERVATION_REQUEST(OBR OBSERVATION(OBX) OBSERVATION(OBX))))',
    ],
    [
      'VXU^V04',
      '2.5.1',
      'PID NK1 ORC RXA RXR OBX ORC RXA OBX OBX',
      'VXU_V04(MSH PID NK1 ORDER(ORC RXA RXR OBSERVATION(OBX)) ORDER(ORC RXA OBSERVATION(OBX) OBSERVATION(OBX)))',
    ],
    [
      'RDE^O11',
      '2.5',
      'PID ORC RXO RXR RXE RXR RXC ORC RXE',
      'RDE_O11(MSH PATIENT(PID) ORDER(ORC ORDER_DETAIL(RXO RXR) RXE RXR RXC) ORDER(ORC RXE))',
    ],
    ['RDE', '2.3', 'PID ORC RXE', 'RDE_O11(MSH PATIENT(PID) ORDER(ORC RXE))'],
    ['ADT^A40', '2.5', 'EVN PID MRG PID MRG', 'ADT_A40(MSH EVN PATIENT_ID(PID MRG) PATIENT_ID(PID MRG))'],
    [
      'ADT^A01',
      '2.5.1',
      'EVN PID ZPI NK1 NK1 PV1 AL1 DG1 PR1 ROL IN1 IN2 IN1 ZIN',
      'ADT_A01(MSH EVN PID ZPI NK1 NK1 PV1 AL1 DG1 PROCEDURE(PR1 ROL) INSURANCE(IN1 IN2) INSURANCE(IN1 ZIN))',
    ],
    ['XYZ^Q99', '2.5', 'PID ZZZ', 'XYZ_Q99(MSH PID ZZZ)'],
  ])('%s of %s with %s', (type, version, names, wanted) => {
    const faults: Fault[] = [];
    expect(shape(groupSegments(message(type, version, ...names.split(' ')), faults))).toBe(wanted);
    expect(faults).toEqual([]);
  });

  it.each([
    ['EVN PID PV1 AL1 PID', 'ADT_A01(MSH EVN PID PV1 AL1 PID)', ['PID[2]']],
    ['EVN PV1 PID AL1', 'ADT_A01(MSH EVN PV1 PID AL1)', ['PID']],
    ['EVN PID IN1 DG1 GT1 IN1', 'ADT_A01(MSH EVN PID INSURANCE(IN1) DG1 GT1 INSURANCE(IN1))', ['DG1']],
    ['EVN PID PV1 RXE', 'ADT_A01(MSH EVN PID PV1 RXE)', ['RXE']],
    ['EVN PID NTE PV1', 'ADT_A01(MSH EVN PID NTE PV1)', ['NTE']],
  ])('keeps and tells what is out of place in %s', (names, wanted, places) => {
    const faults: Fault[] = [];
    expect(shape(groupSegments(message('ADT^A01', '2.5.1', ...names.split(' ')), faults))).toBe(wanted);
    expect(faults.map((fault) => fault.place)).toEqual(places);
  });

  it('keeps a note after ORC from opening the order detail', () => {
    expect(shape(groupSegments(message('ORM^O01', '2.5', 'PID', 'ORC', 'NTE', 'OBR', 'NTE', 'OBX')))).toBe(
      'ORM_O01(MSH PATIENT(PID) ORDER(ORC NTE ORDER_DETAIL(OBR NTE OBSERVATION(OBX))))',
    );
  });
});

describe('checkMessage', () => {
  const good = ['EVN|A01|20260101', 'PID|1||5^^^X^MR||Doe^John||19800229|M', 'PV1|1|I'];
  const faultsOf = (m: Message) =>
    checkMessage(m).map(
      (fault) => `${(catalogue[fault.code] as FaultKind).warning ? 'W' : 'E'} ${fault.code} ${fault.place}`,
    );

  it('finds nothing wrong in a good message', () => expect(faultsOf(message('ADT^A01', '2.5', ...good))).toEqual([]));

  const withPid = (pid: string) => message('ADT^A01', '2.5', good[0]!, pid, good[2]!);
  it.each([
    [withPid('PID|1||||Doe^John'), ['E hl7v2.required-field PID-3']],
    [withPid('PID|1||""||Doe^John'), ['E hl7v2.required-field PID-3']],
    [withPid('PID|1||^^^X^MR||Doe^John'), ['E hl7v2.required-field PID-3']],
    [withPid('PID|1|9|||Doe^John'), ['W hl7v2.expected-field PID-3']],
    [withPid('PID|1||5'), ['W hl7v2.expected-field PID-5']],
    [withPid('PID|1||5||Doe||19800230'), ['W hl7v2.birth-date PID-7']],
    [withPid('PID|1||5||Doe||unknown'), ['W hl7v2.birth-date PID-7']],
    [withPid('PID|1||5||Doe||1980-02-28'), ['W hl7v2.date-format PID-7']],
    [withPid('PID|1||5||Doe||198002280000|""'), []],
    [withPid('PID|1||5||Doe||1980|Q'), ['W hl7v2.table-value PID-8']],
    [message('ADT^A01', '2.5', ...good.slice(0, 1), ...good.slice(2)), ['E hl7v2.required-segment PID']],
    [message('ADT^A01', '2.5', 'EVN|A08|20260101', ...good.slice(1)), ['W hl7v2.event-differs EVN-1']],
    [message('ADT^A01', '3.0', ...good), ['E hl7v2.version MSH-12']],
    [message('ADT^A01', 'V2.3', ...good), ['W hl7v2.table-value MSH-12']],
    [message('ADT^A01', '2.5.2', ...good), ['W hl7v2.table-value MSH-12']],
    [withPid('PID|1||5||Doe||00000000'), ['W hl7v2.date-format PID-7']],
    [message('ADT^A01', '', ...good), ['W hl7v2.expected-field MSH-12']],
    [message('', '2.5', 'PID|1'), ['E hl7v2.required-field MSH-9']],
    [message('ADT^A40', '2.5', 'EVN|A40|20260101', 'PID|1||5||Doe'), ['E hl7v2.required-segment MRG']],
    [message('ADT^A40', '2.5', 'EVN|A40|20260101', 'PID|1||5||Doe', 'MRG|'), ['E hl7v2.required-field MRG-1']],
    [
      message(
        'ORU^R01',
        '2.5',
        'PID|1||5||Doe',
        'OBR|1|||X',
        'OBX|1|NM|A||high||||||F',
        'OBX|2|NM|A||-7.25||||||F',
        'OBX|3|TS|A||2026-13||||||F',
        'OBX|4|ST|A||x||||||8',
      ),
      ['W hl7v2.number-format OBX[1]-5', 'W hl7v2.date-format OBX[3]-5', 'W hl7v2.table-value OBX[4]-11'],
    ],
    [message('SIU^S12', '2.5', 'SCH|1'), ['W hl7v2.expected-field SCH-6']],
    [message('ADT^A01', '2.5', ...good, 'ZPI|x', 'AL1|1||PEN'), []],
  ])('%# tells its faults in the order of the message', (m, wanted) => {
    const found = faultsOf(m);
    for (const one of wanted) expect(found).toContain(one);
    expect(found.filter((one) => one.startsWith('E')).length).toBe(wanted.filter((one) => one.startsWith('E')).length);
    if (wanted.length === 0) expect(found).toEqual([]);
  });

  it('tells a missing control id and an odd processing id', () => {
    const { message: m } = parseMessage('MSH|^~\\&|A|B|C|D|2026||ACK||X|2.5\rMSA|AA|1\r');
    expect(faultsOf(m!)).toEqual(['W hl7v2.expected-field MSH-10', 'W hl7v2.processing-id MSH-11']);
  });

  it('tells no more than its limit, errors first', () => {
    const many = message('ORU^R01', '2.5', ...Array.from({ length: 50 }, () => 'OBX|1|NM|A||high||||||F'));
    const faults = checkMessage(many, { faultsMax: 5 });
    expect(faults.length).toBe(5);
    expect(faults[0]).toEqual({ code: 'hl7v2.required-segment', place: 'PID' });
  });
});

describe('names of the standard', () => {
  it('tells fields, components, segments and codes', () => {
    expect(fieldName('2.5.1', 'PID', 5)).toMatchObject({
      name: 'Patient Name',
      dataType: 'XPN',
      required: true,
      repeats: true,
    });
    expect(fieldName('2.5.1', 'PID', 8)).toMatchObject({ dataType: 'IS', table: '0001' });
    expect(fieldName('2.8.2', 'PV1', 2).name).toBe('Patient Class');
    expect(fieldName('2.5', 'ZZZ', 1)).toEqual({ name: '', dataType: '', required: false, repeats: false });
    expect(fieldName('2.5', 'constructor', 1).name).toBe('');
    expect(componentName('2.5', 'XPN', 2)).toMatch(/Given/);
    expect(segmentTitle('2.3', 'PID')).toMatch(/Patient/i);
    expect(tableDisplay('0001', 'F')).toBe('Female');
    expect(tableDisplay('HL70001', 'constructor')).toBeUndefined();
    expect(tableDisplay('9999', 'F')).toBeUndefined();
  });

  it.each([
    ['2.1', '2.1'],
    ['2.3.2', '2.3.1'],
    ['2.5.1', '2.5.1'],
    ['2.8', '2.7.1'],
    ['2.9.1', '2.7.1'],
    ['', '2.5.1'],
    ['x', '2.5.1'],
    ['1.0', '2.1'],
  ])('takes %j for the nearest version %s', (version, nearest) => {
    expect(nearestVersion(version)).toBe(nearest);
    expect(versionsAround(version)[0]).toBe(nearest);
    expect(new Set(versionsAround(version)).size).toBe(10);
  });
});
