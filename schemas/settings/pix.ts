import { group, list, maybe, oid, oneOf, text, whole } from './manifest.ts';

export const pix = group('The patient index toward systems outside of the exchange, over HL7 v2 (IHE PIX and PDQ)', {
  domains: list('Names that HL7 v2 messages give to assigning authorities beside or in place of their OIDs', 1000, {
    name: text('namespace, such as HOSP_A (first subcomponent of CX.4)', { max: 64 }),
    oid: oid('OID of the authority'),
  }),
  sources: list('Systems that feed the index or ask it over a listener of kind pix, pdq or index', 500, {
    name: text('name of the system, shown as the source of its messages; also its id, so do not change it later', {
      max: 64,
    }),
    listener: text('name of the listener that it connects to', { max: 64 }),
    certificate: maybe(
      text('common name or SHA-256 fingerprint of its client certificate; needed where the listener has tls', {
        max: 200,
      }),
    ),
    application: maybe(text('MSH-3 by which it is known among the systems of one listener', { max: 180 })),
    facility: maybe(text('MSH-4 by which it is known among the systems of one listener', { max: 180 })),
    authorities: text('OIDs of the assigning authorities whose numbers it may feed, separated by blanks; - for none', {
      max: 4000,
      default: '-',
    }),
    sees: oneOf(['own', 'all'], 'whom its queries may find: the patients that it feeds itself, or everybody', {
      default: 'own',
    }),
  }),
  subscriptions: list('Who is told when the numbers of a patient change (ITI-10, ADT^A31)', 500, {
    outlet: text('name of an outlet of kind mllp', { max: 64 }),
    domains: text('OIDs of the assigning authorities that it wants to hear of, separated by blanks', { max: 4000 }),
  }),
  pageSize: whole([1, 500], 'patients of one answer where the query does not say', { default: 50 }),
  continuationsMax: whole([1, 100_000], 'answers whose rest is kept for a while; beyond this the oldest go', {
    default: 1_000,
  }),
  continuationMs: whole([1_000, 86_400_000], 'how long the rest of an answer is kept', {
    default: 600_000,
    unit: 'ms',
  }),
  settleMs: whole(
    [0, 60_000],
    'how long a sender waits to hear what became of its feed, before it hears that it is kept',
    {
      default: 10_000,
      unit: 'ms',
    },
  ),
});
