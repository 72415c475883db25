/**
 * Queries by parameter as IHE profiles them: QBP^Q23 (ITI-9), QBP^Q22 (ITI-21), QBP^ZV1 (ITI-22) and QCN^J01, the end of a query that is not read on
 * (HL7 v2.5 chapter 5.5). Pure; which authorities and patients are known is for the engine.
 */
import type { Fault } from '../../../schemas/errors/index.ts';
import type { Delimiters, Message, Segment } from '../../../schemas/hl7v2/message.ts';
import type { Authority } from '../../../schemas/pdq.ts';
import { decodeMessage } from '../charset.ts';
import { parseMessage } from '../parse.ts';
import { componentOf, fieldOf, repetitionsOf, segmentOf, subcomponentOf, textOf } from '../read.ts';

/** `Q23`: other numbers. `Q22`: demographics. `ZV1`: demographics and visit. `J01`: cancel. */
export type QueryEvent = 'Q23' | 'Q22' | 'ZV1' | 'J01';

/** One parameter of QPD-3: `@PID.5.1^SMITH`. */
export interface QueryParameter {
  segment: 'PID' | 'PV1' | 'PD1';
  field: number;
  component: number;
  /** 0 where none is named. */
  subcomponent: number;
  value: string;
  /** Where it stands: `QPD-3[2]`. */
  place: string;
}

/** A number in QPD-3 of an ITI-9 query. */
export interface QueryNumber {
  value: string;
  authority: Authority;
}

export interface ParameterQuery {
  event: QueryEvent;
  message: Message;
  /** QPD-2 (QID-1 of a cancel). */
  tag: string;
  /** Raw fields of QPD, for the answer. */
  qpd: string[];
  /** ITI-9: QPD-3. */
  number: QueryNumber;
  /** ITI-21 and 22: QPD-3. */
  parameters: QueryParameter[];
  /** Authorities whose numbers are wanted: QPD-4 of ITI-9, QPD-8 of ITI-21 and 22; empty for all. */
  domains: Authority[];
  /** Field that {@link ParameterQuery.domains} stand in. */
  domainsField: 4 | 8;
  /** RCP-2: patients of one answer; undefined where it does not say. */
  limit?: number;
  /** DSC-1: where an earlier answer goes on. */
  pointer: string;
  /** What keeps it from being answered. */
  faults: Fault[];
}

const parametersMax = 100;
const domainsMax = 100;
const textMax = 500;

const events: Record<string, QueryEvent> = { 'QBP^Q23': 'Q23', 'QBP^Q22': 'Q22', 'QBP^ZV1': 'ZV1', 'QCN^J01': 'J01' };

/** Is this (MSH-9.1 and 9.2) a query that {@link readQuery} reads? */
export const isQuery = (type: string): boolean => Object.hasOwn(events, type);

/** Reads a query; undefined when its header can not be read or it is none. Never throws: what is wrong stands in `faults`, with its place. */
export function readQuery(bytes: Buffer, defaultCharset: string): ParameterQuery | undefined {
  const decoded = decodeMessage(bytes, defaultCharset);
  const { message, faults } = parseMessage(decoded.text);
  const event = message && events[`${message.code}^${message.trigger}`];
  if (message === undefined || event === undefined) return undefined;
  const qpd = segmentOf(message, event === 'J01' ? 'QID' : 'QPD');
  const query: ParameterQuery = {
    event,
    message,
    tag: plainOf(message, fieldOf(qpd, event === 'J01' ? 1 : 2)),
    qpd: qpd === undefined || event === 'J01' ? [] : qpd.fields,
    number: { value: '', authority: { namespace: '', oid: '' } },
    parameters: [],
    domains: [],
    domainsField: event === 'Q23' ? 4 : 8,
    pointer: plainOf(message, fieldOf(segmentOf(message, 'DSC'), 1)),
    faults: [...decoded.faults, ...faults].filter(({ code }) => code !== 'hl7v2.segment-name'),
  };
  if (qpd === undefined) query.faults.push({ code: 'hl7v2.required-segment', place: event === 'J01' ? 'QID' : 'QPD' });
  else if (query.tag === '')
    query.faults.push({ code: 'hl7v2.required-field', place: event === 'J01' ? 'QID-1' : 'QPD-2' });
  if (qpd !== undefined && event !== 'J01') readParameters(query, qpd);
  return query;
}

function readParameters(query: ParameterQuery, qpd: Segment): void {
  const { message, event } = query;
  const { delimiters } = message;
  if (event === 'Q23') query.number = numberOf(repetitionsOf(fieldOf(qpd, 3), delimiters)[0] ?? '', message);
  else
    repetitionsOf(fieldOf(qpd, 3), delimiters)
      .slice(0, parametersMax + 1)
      .forEach((raw, at) => {
        if (raw !== '') readParameter(query, raw, `QPD-3[${at + 1}]`);
      });
  if (query.parameters.length > parametersMax)
    query.faults.push({ code: 'pdq.parameter', place: 'QPD-3', detail: `more than ${parametersMax}` });
  const domains = repetitionsOf(fieldOf(qpd, query.domainsField), delimiters);
  if (domains.length > domainsMax)
    query.faults.push({
      code: 'pdq.parameter',
      place: `QPD-${query.domainsField}`,
      detail: `more than ${domainsMax}`,
    });
  query.domains = domains.slice(0, domainsMax).map((raw) => authorityOf(componentOf(raw, 4, delimiters), message));
  if (domains.every((raw) => raw === '')) query.domains = [];
  const rcp = segmentOf(message, 'RCP');
  // Answers come at once and whole (tables 0091, 0394): nothing is put off, and there are no batches.
  if (!['', 'I'].includes(plainOf(message, fieldOf(rcp, 1))))
    query.faults.push({ code: 'pdq.parameter', place: 'RCP-1', detail: 'I is wanted' });
  if (!['', 'R', 'T'].includes(plainOf(message, componentOf(fieldOf(rcp, 3), 1, delimiters))))
    query.faults.push({ code: 'pdq.parameter', place: 'RCP-3', detail: 'R is wanted' });
  const limit = plainOf(message, componentOf(fieldOf(rcp, 2), 1, delimiters));
  if (/^[1-9]\d{0,8}$/.test(limit)) query.limit = Number(limit);
  else if (limit !== '')
    query.faults.push({ code: 'pdq.parameter', place: 'RCP-2.1', detail: 'a whole number is wanted' });
}

function readParameter(query: ParameterQuery, raw: string, place: string): void {
  const { message } = query;
  const name = plainOf(message, componentOf(raw, 1, message.delimiters));
  const value = plainOf(message, componentOf(raw, 2, message.delimiters));
  const path = /^@?(PID|PV1|PD1)\.(\d{1,2})(?:\.(\d{1,2}))?(?:\.(\d{1,2}))?$/.exec(name.trim().toUpperCase());
  if (path === null || value.length > textMax) {
    query.faults.push({
      code: 'pdq.parameter',
      place: `${place}.${path === null ? 1 : 2}`,
      detail: path === null ? 'a field such as @PID.5.1 is wanted' : `at most ${textMax} characters`,
    });
    return;
  }
  if (value === '') return;
  query.parameters.push({
    segment: path[1] as QueryParameter['segment'],
    field: Number(path[2]),
    component: Number(path[3] ?? 1),
    subcomponent: Number(path[4] ?? 0),
    value,
    place,
  });
}

/** A CX as far as queries need it. */
function numberOf(raw: string, message: Message): QueryNumber {
  return {
    value: plainOf(message, componentOf(raw, 1, message.delimiters)),
    authority: authorityOf(componentOf(raw, 4, message.delimiters), message),
  };
}

/** An HD within a component. */
function authorityOf(component: string, message: Message): Authority {
  const part = (n: number): string => plainOf(message, subcomponentOf(component, n, message.delimiters));
  return { namespace: part(1).slice(0, textMax), oid: part(2).slice(0, textMax) };
}

function plainOf({ delimiters }: { delimiters: Delimiters }, raw: string): string {
  return (textOf(raw, delimiters) ?? '').trim();
}
