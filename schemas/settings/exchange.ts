import {
  address,
  flag,
  group,
  list,
  maybe,
  maybeGroup,
  oid,
  oneOf,
  path,
  paths,
  pattern,
  port,
  text,
  whole,
} from './manifest.ts';
import { tls } from './mllp.ts';

const MiB = 1024 * 1024;

export const exchange = maybeGroup('The node as one of an exchange; without it the node stands alone', {
  oid: oid('OID of the exchange; MIX numbers are given under its branch .1'),
  listen: group('Where other nodes reach this one: FHIR over TLS 1.3 with certificates on both sides', {
    host: address('127.0.0.1', 'address to listen on; 0.0.0.0 for all'),
    port: port('TCP port; 0 takes a free one'),
    names: text('host names and addresses for the certificate, separated by blanks', {
      default: '127.0.0.1 localhost',
    }),
  }),
  roots: paths('certificates of the root authorities of the exchange, PEM'),
  revocation: maybe(
    path('folder', 'revocation lists (CRL) of the authorities of the exchange; read again when a file changes'),
  ),
  codes: path(
    'folder',
    'code systems, root certificates (.pem) and dictionaries of this node: the global node publishes them to all, others add them to what is published',
    { default: '{dataDir}/codes' },
  ),
  releaseMs: whole([1_000, 86_400_000], 'how often the node above is asked for a newer set of shared codes', {
    default: 60_000,
    unit: 'ms',
  }),
  documents: oneOf(
    ['here', 'region'],
    'where documents stay: at the hospital that made them, or with a copy at the region',
    {
      default: 'here',
    },
  ),
  documentBytesMax: whole([1024, 1024 * MiB], 'largest document that is taken', { default: 64 * MiB, unit: 'bytes' }),
  nodes: list('The nodes that this one talks to: the one above, and those below', 1000, {
    name: text('name of the node, as in its own settings', { max: 64 }),
    role: oneOf(['hospital', 'region', 'global'], 'what the node is'),
    organization: oid('OID of its organisation, as in its certificate'),
    url: pattern('an https address', /^https:\/\/[^\s]+$/, 'address of its door, such as https://region.example:8443'),
    authorities: text(
      'OIDs of the assigning authorities whose numbers it may feed, separated by blanks; none for a node above',
      {
        max: 4000,
        default: '-',
      },
    ),
  }),
});

export const deliver = group('How work that waits for others is sent', {
  inFlightMax: whole([1, 1000], 'deliveries under way at once to one outlet', { default: 16 }),
  firstRetryMs: whole([10, 600_000], 'first pause after a failure; each next is twice as long, with jitter', {
    default: 1_000,
    unit: 'ms',
  }),
  longestRetryMs: whole([100, 86_400_000], 'longest pause', { default: 300_000, unit: 'ms' }),
  giveUpMs: whole([1000, 31_536_000_000], 'age at which a delivery that still fails is parked', {
    default: 1_209_600_000,
    unit: 'ms',
  }),
  breakAfter: whole([1, 1000], 'failures in a row after which an outlet rests (circuit breaker)', { default: 5 }),
  restMs: whole([100, 3_600_000], 'rest of an outlet before one delivery tries it again', {
    default: 5_000,
    unit: 'ms',
  }),
  feedQuietMs: whole([0, 3_600_000], 'quiet time of a patient after which the node above is told of a change', {
    default: 200,
    unit: 'ms',
  }),
  feedLatestMs: whole([0, 3_600_000], 'longest that it waits for that quiet time', { default: 2_000, unit: 'ms' }),
  answerMs: whole([100, 600_000], 'time for an answer', { default: 30_000, unit: 'ms' }),
});

export const outlets = list('Places outside of the exchange that messages are passed on to', 500, {
  name: text('name of the outlet, also its id', { max: 64 }),
  kind: oneOf(['mllp', 'folder', 'http'], 'what it is'),
  host: maybe(text('MLLP: host', { max: 255 })),
  port: maybe(whole([1, 65_535], 'MLLP: TCP port')),
  tls: maybeGroup('MLLP over TLS, or a client certificate toward HTTP', {
    ...tls,
    ca: paths('authorities of the receiver, PEM'),
  }),
  plain: flag('allow a connection without TLS, for a line that is protected otherwise', { default: false }),
  folder: maybe(path('folder', 'folder: where a file a message is put')),
  url: maybe(pattern('an http or https address', /^https?:\/\/[^\s]+$/, 'HTTP: address that messages are posted to')),
  profile: maybe(
    text('vendor profile of the receiver: the message goes out in its form; without it, as it came', { max: 64 }),
  ),
  application: maybe(text('MSH-5 of what is sent', { max: 180 })),
  facility: maybe(text('MSH-6 of what is sent', { max: 180 })),
});

export const routes = list('Which message goes to which outlet; every route that fits applies', 1000, {
  outlet: text('name of an outlet', { max: 64 }),
  source: maybe(text('name of a listener; without it every one', { max: 64 })),
  type: maybe(pattern('a type such as ADT or ORU', /^[A-Z0-9]{3}$/, 'MSH-9.1')),
  event: maybe(pattern('an event such as A01', /^[A-Z0-9]{3}$/, 'MSH-9.2')),
  facility: maybe(text('MSH-4 or the facility of the listener', { max: 180 })),
  patientClass: maybe(pattern('a code of table 0004 such as I or O', /^[A-Z0-9]{1,3}$/, 'PV1-2')),
});
