import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeAnswer, judgeFault, retryAfterOf } from '../../../engine/outbound/index.ts';
import type { PeerAnswer } from '../../../schemas/exchange.ts';

const now = Date.UTC(2026, 10, 23);

function answer(status: number, issue?: object, headers: Record<string, string> = {}): PeerAnswer {
  const body = issue === undefined ? '' : JSON.stringify({ resourceType: 'OperationOutcome', issue: [issue] });
  return { status, headers, body: Buffer.from(body) };
}
const issue = (code: string, expression?: string) => ({
  severity: 'error',
  code: 'invalid',
  details: { coding: [{ system: 'urn:mix-hie:fault', code }], text: 'of Ermintrude Quackenbush' },
  ...(expression === undefined ? {} : { expression: [expression] }),
});

describe('an answer', () => {
  it.for<[string, PeerAnswer, object]>([
    ['200', answer(200), { is: 'sent' }],
    [
      '201 with a place',
      answer(201, undefined, { location: 'https://r:1/fhir/R4/DocumentReference/0193-a' }),
      { is: 'sent', receipt: '/fhir/R4/DocumentReference/0193-a' },
    ],
    [
      '201 with the number of a patient as its place',
      answer(201, undefined, { location: 'https://r:1/fhir/R4/Patient/0193-a' }),
      { is: 'sent', receipt: 'Patient' },
    ],
    [
      '201 with a place that names somebody',
      answer(201, undefined, { location: '/Patient?name=Quackenbush Ermintrude' }),
      { is: 'sent' },
    ],
    [
      '404 unknown patient',
      answer(404, issue('exchange.unknown-patient', 'DocumentReference.subject')),
      {
        is: 'feed-first',
        fault: { code: 'exchange.refused', detail: '404 exchange.unknown-patient', place: 'DocumentReference.subject' },
      },
    ],
    ['404 of something else', answer(404), { is: 'parked', fault: { code: 'exchange.refused', detail: '404' } }],
    [
      '422',
      answer(422, issue('exchange.profile', 'Bundle.entry[0].resource')),
      {
        is: 'parked',
        fault: { code: 'exchange.refused', detail: '422 exchange.profile', place: 'Bundle.entry[0].resource' },
      },
    ],
    [
      '413',
      answer(413, issue('exchange.document-too-large')),
      { is: 'parked', fault: { code: 'exchange.refused', detail: '413 exchange.document-too-large' } },
    ],
    ['409 that may pass', answer(409, issue('store.busy')), { is: 'later', ofOutlet: false }],
    ['500', answer(500), { is: 'later', ofOutlet: false, fault: { code: 'exchange.failed', detail: '500' } }],
    ['502', answer(502), { is: 'later', ofOutlet: true }],
    ['504', answer(504), { is: 'later', ofOutlet: true }],
    ['408', answer(408), { is: 'later', ofOutlet: false }],
    ['503', answer(503), { is: 'later', ofOutlet: true, fault: { code: 'exchange.busy', detail: '503' } }],
    [
      '503 that says when',
      answer(503, undefined, { 'retry-after': '120' }),
      { is: 'later', ofOutlet: true, restMs: 120_000 },
    ],
    ['429 that says when', answer(429, undefined, { 'retry-after': '7' }), { is: 'later', restMs: 7_000 }],
    ['401', answer(401), { is: 'later', ofOutlet: true }],
    ['403 of admission', answer(403, issue('admit.revoked')), { is: 'later', ofOutlet: true }],
    [
      '403 of a policy',
      answer(403, issue('policy.denied')),
      { is: 'parked', fault: { code: 'exchange.refused', detail: '403 policy.denied' } },
    ],
    ['302', answer(302), { is: 'parked', fault: { code: 'exchange.answer', detail: '302' } }],
  ])('of %s means what to do', ([, given, wanted]) => {
    expect(judgeAnswer(given, now)).toMatchObject(wanted);
  });

  it('gives nothing of the receiver\u2019s own words away', () => {
    const words = fc.string({ minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 400, max: 599 }), words, words, words, (status, code, text, place) => {
        const verdict = judgeAnswer(
          answer(status, {
            code: text,
            diagnostics: text,
            details: { text, coding: [{ code }] },
            expression: [` ${place}`],
          }),
          now,
        );
        expect(verdict).toHaveProperty('fault.detail', String(status));
        expect(verdict).not.toHaveProperty('fault.place');
      }),
    );
  });

  it('is judged even when its body is no outcome at all', () => {
    for (const body of ['', '{', '[]', 'null', '{"resourceType":"OperationOutcome","issue":{}}', '\u0000'.repeat(10)]) {
      expect(judgeAnswer({ status: 422, headers: {}, body: Buffer.from(body) }, now).is).toBe('parked');
    }
  });

  it.for<[string, number | undefined]>([
    ['0', 0],
    ['30', 30_000],
    ['999999999', 3_600_000],
    ['Mon, 23 Nov 2026 00:01:00 GMT', 60_000],
    ['Sun, 22 Nov 2026 00:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
  ])('that says "%s" asks for %s ms', ([text, wanted]) => {
    expect(retryAfterOf({ headers: { 'retry-after': text } }, now)).toBe(wanted);
  });

  it.for([
    ['exchange.unreachable', 'later', true],
    ['outlet.unreachable', 'later', true],
    ['exchange.not-trusted', 'later', true],
    ['outlet.failed', 'later', false],
    ['outlet.refused', 'parked', undefined],
    ['policy.denied', 'parked', undefined],
  ] as const)('that is the fault %s means %s', ([code, is, ofOutlet]) => {
    const verdict = judgeFault({ code });
    expect(verdict.is).toBe(is);
    expect(verdict.is === 'later' ? verdict.ofOutlet : undefined).toBe(ofOutlet);
  });
});
