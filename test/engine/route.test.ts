import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { controlIdOf } from '../../engine/outbound/index.ts';
import { deliveriesFor, fits, type Route, type RouteEvent } from '../../engine/route.ts';

const now = Date.UTC(2026, 10, 23);
const event: RouteEvent = {
  messageId: '0193a000-0000-7000-8000-000000000001',
  source: 'adt',
  sourceFacility: 'VALLEY',
  type: 'ADT',
  event: 'A01',
  facility: 'EAST WING',
  patientClass: 'I',
  processing: 'P',
  controlId: 'MSG00001',
  personIds: ['0193a000-0000-7000-8000-0000000000aa'],
  patientNumbers: ['100^VALLEY'],
};
const tables = (...routes: Route[]) => ({ routes, node: 'valley' });

describe('a route', () => {
  it.for<[Partial<Route>, boolean]>([
    [{}, true],
    [{ source: 'adt' }, true],
    [{ source: 'lab' }, false],
    [{ type: 'ADT', event: 'A01' }, true],
    [{ type: 'ADT', event: 'A03' }, false],
    [{ type: 'ORU' }, false],
    [{ facility: 'EAST WING' }, true],
    [{ facility: 'VALLEY' }, true],
    [{ facility: 'HILL' }, false],
    [{ patientClass: 'I' }, true],
    [{ patientClass: 'O' }, false],
    [{ source: 'adt', type: 'ADT', event: 'A01', facility: 'VALLEY', patientClass: 'I' }, true],
    [{ source: 'adt', type: 'ADT', event: 'A01', facility: 'VALLEY', patientClass: 'O' }, false],
  ])('of %o takes the admission: %s', ([route, wanted]) => {
    expect(fits({ outlet: 'o', ...route }, event)).toBe(wanted);
  });

  it('takes what each of its columns takes, and nothing more', () => {
    const maybe = (...values: string[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
    fc.assert(
      fc.property(
        maybe('adt', 'lab'),
        maybe('ADT', 'ORU'),
        maybe('A01', 'A03'),
        maybe('VALLEY', 'HILL'),
        maybe('I', 'O'),
        (source, type, trigger, facility, patientClass) => {
          const given = { source, type, event: trigger, facility, patientClass };
          const route = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
          const each = Object.entries(route).every(([key, value]) => fits({ outlet: 'o', [key]: value }, event));
          expect(fits({ outlet: 'o', ...route }, event)).toBe(each);
        },
      ),
    );
  });
});

describe('the deliveries of a message', () => {
  it('are one an outlet, however many routes lead there', () => {
    const { deliveries, jobsNew } = deliveriesFor(
      event,
      tables({ outlet: 'lab' }, { outlet: 'lab', type: 'ADT' }, { outlet: 'archive' }, { outlet: 'none', type: 'ORU' }),
      now,
    );
    expect(deliveries.map(({ outlet, kind, thing, state }) => [outlet, kind, thing, state])).toEqual([
      ['lab', 'message', event.messageId, 'waiting'],
      ['archive', 'message', event.messageId, 'waiting'],
    ]);
    expect(jobsNew.map(({ kind, subject }) => [kind, subject])).toEqual([
      ['deliver/lab', deliveries[0]!.id],
      ['deliver/archive', deliveries[1]!.id],
    ]);
  });

  it('keep the order of every patient that the message names', () => {
    const personIds = [...event.personIds, '0193a000-0000-7000-8000-0000000000bb'];
    const { jobsNew } = deliveriesFor({ ...event, personIds }, tables({ outlet: 'lab' }), now);
    expect(jobsNew[0]!.keys).toEqual([
      `deliver|lab|${personIds[0]}`,
      `deliver|lab|${personIds[1]}`,
      'deliver|lab|number|100^VALLEY',
    ]);
  });

  it('keep the order of a number where nobody was identified, and of the message alone where there is none', () => {
    const unmapped = { ...event, personIds: [] };
    expect(deliveriesFor(unmapped, tables({ outlet: 'lab' }), now).jobsNew[0]!.keys).toEqual([
      'deliver|lab|number|100^VALLEY',
    ]);
    const nobody = { ...unmapped, patientNumbers: [] };
    expect(deliveriesFor(nobody, tables({ outlet: 'lab' }), now).jobsNew[0]!.keys).toEqual([
      `deliver|lab|${event.messageId}`,
    ]);
  });

  it.for(['T', 'D', ''])('are none for test traffic (MSH-11 "%s")', (processing) => {
    expect(deliveriesFor({ ...event, processing }, tables({ outlet: 'lab' }), now)).toEqual({
      deliveries: [],
      jobsNew: [],
    });
  });

  it('are none for what this node sent itself, and some for what another did', () => {
    const controlId = controlIdOf('0193a000-0000-7000-8000-000000000009', 'valley');
    expect(deliveriesFor({ ...event, controlId }, tables({ outlet: 'lab' }), now).deliveries).toEqual([]);
    const other = controlIdOf('0193a000-0000-7000-8000-000000000009', 'hill');
    expect(deliveriesFor({ ...event, controlId: other }, tables({ outlet: 'lab' }), now).deliveries).toHaveLength(1);
  });
});
