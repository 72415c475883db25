/** Parameters of QPD-3 (ITI-21 table 3.21-3, ITI-22 table 3.22-3) as what is asked for. */
import { tableCode } from '../../../schemas/codes.ts';
import type { Fault } from '../../../schemas/errors/index.ts';
import {
  type AddressPart,
  type Authority,
  noCriteria,
  type PatientCriteria,
  type TextCriterion,
} from '../../../schemas/pdq.ts';
import type { QueryParameter } from './read.ts';

const addressParts: Record<number, AddressPart> = {
  1: 'line',
  2: 'line',
  3: 'city',
  4: 'state',
  5: 'postalCode',
  6: 'country',
};

/** PV1 fields that ITI-22 lets a query name: class, location, doctors, service, visit number, times. */
const visitFields = new Set([2, 3, 4, 6, 7, 8, 9, 10, 17, 18, 19, 36, 39, 44, 45]);

/**
 * The criteria of a query, with the place of every parameter that is not understood: one that were passed over would find more than was asked for.
 * A `*` at the end of a name, address or visit text asks for its beginning; elsewhere it is refused. `systemOf` gives the URI of an authority.
 */
export function criteriaOf(
  parameters: readonly QueryParameter[],
  systemOf: (authority: Authority) => string | undefined,
): { criteria: PatientCriteria; faults: Fault[] } {
  const criteria = noCriteria();
  const faults: Fault[] = [];
  const refuse = (one: QueryParameter, detail: string): void => {
    faults.push({ code: 'pdq.parameter', place: `${one.place}.2`, detail });
  };
  for (const one of parameters) {
    if (one.segment === 'PID' && (one.field === 3 || one.field === 18)) continue;
    if (one.segment === 'PV1') {
      const text = textOf(one);
      if (!visitFields.has(one.field)) faults.push({ code: 'pdq.parameter', place: `${one.place}.1` });
      else if (text === undefined) refuse(one, 'a * may stand at the end only');
      else criteria.visit.push({ ...text, field: one.field, component: one.component });
    } else if (one.segment === 'PID') addPid(criteria, one, faults, refuse);
    else faults.push({ code: 'pdq.parameter', place: `${one.place}.1`, detail: 'not a field that can be asked for' });
  }
  for (const field of [3, 18]) addNumbers(criteria, parameters, field, systemOf, faults);
  return { criteria, faults };
}

function addPid(
  criteria: PatientCriteria,
  one: QueryParameter,
  faults: Fault[],
  refuse: (one: QueryParameter, detail: string) => void,
): void {
  const text = textOf(one);
  if (text === undefined) {
    refuse(one, 'a * may stand at the end only, after a letter or more');
    return;
  }
  switch (`${one.field}.${one.component}`) {
    case '5.1':
      criteria.family.push([text]);
      return;
    case '5.2':
    case '5.3':
      criteria.given.push([text]);
      return;
    case '6.1':
      criteria.mothersMaidenName.push([text]);
      return;
    case '7.1': {
      const date = dateOf(one.value);
      if (date === undefined) refuse(one, 'a date such as YYYYMMDD is wanted');
      else criteria.birth.push({ date, how: 'eq' });
      return;
    }
    case '8.1': {
      const gender = tableCode('sex', one.value.toUpperCase());
      if (gender === undefined) refuse(one, 'a code of table 0001 is wanted');
      else criteria.gender.push([gender]);
      return;
    }
    case '13.1':
    case '13.4':
    case '13.7':
    case '13.12':
    case '14.1':
      criteria.telecom.push([one.value]);
      return;
    case '13.6':
    case '14.6':
      // The area code alone says nothing; the number that comes with it is compared by its last digits.
      return;
  }
  const part = one.field === 11 ? addressParts[one.component] : undefined;
  if (part !== undefined) criteria.address.push({ part, any: [text] });
  else faults.push({ code: 'pdq.parameter', place: `${one.place}.1`, detail: 'not a field that can be asked for' });
}

/** `SMI*` asks for the beginning; a `*` elsewhere, or alone, is refused. */
function textOf({ value }: QueryParameter): TextCriterion | undefined {
  const begins = value.endsWith('*');
  const text = begins ? value.slice(0, -1) : value;
  if (text.includes('*') || text.trim() === '') return undefined;
  return { text, how: begins ? 'begins' : 'equal' };
}

/** YYYY, YYYYMM or YYYYMMDD, with or without a time after it. */
function dateOf(value: string): string | undefined {
  const parts = /^(\d{4})(?:(\d{2})(?:(\d{2})(?:\d{2,6})?)?)?$/.exec(value);
  if (parts === null) return undefined;
  return [parts[1], parts[2], parts[3]].filter((part) => part !== undefined).join('-');
}

/** PID-3 and PID-18: the number is one parameter, its authority another (component 4, subcomponents 1 and 2). */
function addNumbers(
  criteria: PatientCriteria,
  parameters: readonly QueryParameter[],
  field: number,
  systemOf: (authority: Authority) => string | undefined,
  faults: Fault[],
): void {
  const own = parameters.filter((one) => one.segment === 'PID' && one.field === field);
  const authority: Authority = { namespace: '', oid: '' };
  let value = '';
  let place = '';
  let authorityPlace = '';
  for (const one of own) {
    if (one.component === 1) [value, place] = [one.value, one.place];
    else if (one.component === 4) {
      authorityPlace = one.place;
      if (one.subcomponent === 2) authority.oid = one.value;
      else if (one.subcomponent <= 1) authority.namespace = one.value;
    } else if (one.component !== 5) faults.push({ code: 'pdq.parameter', place: `${one.place}.1` });
  }
  if (own.length === 0) return;
  const system = authorityPlace === '' ? undefined : systemOf(authority);
  if (authorityPlace !== '' && system === undefined)
    faults.push({ code: 'pix.unknown-domain', place: `${authorityPlace}.2` });
  else if (value === '')
    faults.push({ code: 'pdq.parameter', place: authorityPlace || 'QPD-3', detail: 'a number is wanted too' });
  else if (value.includes('*')) faults.push({ code: 'pdq.parameter', place: `${place}.2`, detail: 'a whole number' });
  else criteria.numbers.push([system === undefined ? { value } : { system, value }]);
}
