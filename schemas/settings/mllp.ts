import {
  address,
  flag,
  group,
  known,
  list,
  maybeGroup,
  oid,
  oneOf,
  path,
  paths,
  port,
  secret,
  text,
  whole,
} from './manifest.ts';

const MiB = 1024 * 1024;

/** Names that HL7 table 0211 or IANA give to the character sets that interfaces use. */
const charsets = [
  'ASCII',
  'UNICODE UTF-8',
  'UTF-8',
  '8859/1',
  '8859/2',
  '8859/5',
  '8859/7',
  '8859/9',
  '8859/15',
  'windows-1252',
];
const isCharset = (value: string): boolean => charsets.some((name) => name.toLowerCase() === value.toLowerCase());

export const tls = {
  cert: path('file', 'certificate with its chain, PEM'),
  key: secret('private key, PEM'),
};

export const listeners = list(
  'MLLP listeners: at a hospital one for each EMR interface, at a region or the global node for the index',
  200,
  {
    name: text('name of the interface, shown as the source of its messages; also its id, so do not change it later', {
      max: 64,
    }),
    kind: oneOf(
      ['emr', 'pix', 'pdq', 'index'],
      'whom it serves: emr, the messages of an EMR (at a hospital); at a region or the global node pix (identity feeds and queries for other numbers), pdq (demographics queries), or index (both)',
      { default: 'emr' },
    ),
    host: address('127.0.0.1', 'address to listen on; 0.0.0.0 for all'),
    port: port('TCP port; 0 takes a free one'),
    tls: maybeGroup('TLS 1.2 or 1.3 with certificates on both sides', {
      ...tls,
      ca: paths('certificates of the authorities whose clients may connect, PEM'),
    }),
    plain: flag('allow a connection without TLS, for a line that is protected otherwise', { default: false }),
    profile: text('vendor profile or family of profiles: a file name of schemas/vendors without its ending', {
      max: 64,
    }),
    authority: oid('assigning authority of patient numbers that name none'),
    facility: text('facility of messages that name none in MSH-4', { max: 64 }),
    charset: known(`one of ${charsets.join(', ')}`, isCharset, 'character set of messages that name none in MSH-18', {
      default: 'ASCII',
    }),
    acknowledgment: oneOf(
      ['original', 'enhanced'],
      'acknowledgment mode of messages that leave MSH-15 and MSH-16 empty',
      { default: 'original' },
    ),
    processing: oneOf(['P', 'T', 'D'], 'processing id of messages that leave MSH-11 empty', { default: 'P' }),
  },
);

export const mllp = group('Limits of every MLLP listener', {
  frameBytesMax: whole([1024, 256 * MiB], 'longest message', { default: 16 * MiB, unit: 'bytes' }),
  inFlightMax: whole([1, 10_000], 'messages of one connection that may wait for their answer', { default: 64 }),
  inFlightBytesMax: whole([1024, 1024 * MiB], 'bytes of one connection that may wait for their answer', {
    default: 32 * MiB,
    unit: 'bytes',
  }),
  heldBytesMax: whole([1024, 16_384 * MiB], 'bytes of all connections of a listener that may wait', {
    default: 256 * MiB,
    unit: 'bytes',
  }),
  connectionsMax: whole([1, 10_000], 'connections of a listener', { default: 256 }),
  connectionsPerAddressMax: whole([1, 10_000], 'connections of a listener from one address', { default: 128 }),
  noiseBytesMax: whole([0, 16 * MiB], 'bytes outside of frames after which a connection is closed', {
    default: 64 * 1024,
    unit: 'bytes',
  }),
  frameMs: whole([0, 3_600_000], 'time in which a frame that was begun must end; 0 for ever', {
    default: 120_000,
    unit: 'ms',
  }),
  idleMs: whole([0, 604_800_000], 'silence after which a connection is closed; 0 for never', {
    default: 86_400_000,
    unit: 'ms',
  }),
  handshakeMs: whole([100, 120_000], 'time for a TLS handshake', { default: 10_000, unit: 'ms' }),
  closeMs: whole([0, 300_000], 'time for due answers when the node stops', { default: 10_000, unit: 'ms' }),
});
