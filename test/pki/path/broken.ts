/** What breaks each rule for single certificates, in one certificate of an else good chain. */
import { bool, EXT, GN, type Order, oid, SERVER, seq, tlv } from '../../support/chains.ts';

const KEY_ID = Buffer.alloc(20, 7);
const AIA = '1.3.6.1.5.5.7.1.1';
export const access = (value: Buffer, critical = false) => ({ id: AIA, critical, value });
export const san = (...names: Buffer[]): Order => ({ with: [EXT.san(names)] });
/** A case: the rule, the certificate, and what is wrong in it. */
const breaks = (id: string, place: 'root' | 'middle' | 'leaf', order: Order) => [id, place, order] as const;

/** Each breaks one rule, in one certificate of an else good chain. */
export const BROKEN = [
  breaks('version', 'leaf', {
    version: 1,
    without: ['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17', '2.5.29.14', '2.5.29.35'],
  }),
  breaks('serial', 'leaf', { serial: Buffer.of(0) }),
  breaks('serial', 'leaf', { serial: Buffer.of(0xff, 1) }),
  breaks('serial', 'middle', { serial: Buffer.concat([Buffer.of(0), Buffer.alloc(20, 0xaa)]) }),
  breaks('time-form', 'leaf', { wideTime: true }),
  breaks('defaults', 'leaf', { with: [{ id: '2.5.29.19', critical: true, value: seq(bool(false)) }] }),
  breaks('authority-purpose-plain', 'middle', { with: [EXT.purposes([SERVER], true)] }),
  breaks('authority-purpose-plain', 'middle', { with: [EXT.purposes(['2.5.29.37.0'])] }),
  breaks('leaf-policies', 'leaf', { with: [EXT.inhibitAny(1)] }),
  breaks('leaf-policies', 'leaf', { with: [EXT.policies(['1.2.3']), EXT.mappings([['1.2.3', '1.2.4']])] }),
  breaks('critical-never', 'leaf', { with: [EXT.ski(KEY_ID, true)] }),
  breaks('critical-never', 'middle', { with: [EXT.ski(KEY_ID, true)] }),
  breaks('critical-always', 'middle', { with: [EXT.policyConstraints(5, undefined, false)] }),
  breaks('critical-always', 'middle', { with: [EXT.inhibitAny(5, false)] }),
  breaks('info-access', 'leaf', { with: [access(tlv(0x05))] }),
  breaks('info-access', 'leaf', { with: [access(seq(seq(oid('1.3.6.1.5.5.7.48.1'))))] }),
  breaks('key-usage-empty', 'leaf', { with: [{ id: '2.5.29.15', critical: true, value: Buffer.of(3, 1, 0) }] }),
  breaks('authority-key-id', 'leaf', { without: ['2.5.29.35'] }),
  breaks('authority-key-id', 'middle', { without: ['2.5.29.35'] }),
  breaks('authority-key-id', 'leaf', { with: [{ id: '2.5.29.35', value: seq() }] }),
  breaks('authority-key-id', 'root', {
    with: [{ id: '2.5.29.35', value: seq(tlv(0x80, KEY_ID), tlv(0xa1, GN.dir('CN=x')), tlv(0x82, Buffer.of(1))) }],
  }),
  breaks('root-key-ids', 'root', { with: [EXT.aki(KEY_ID)] }),
  breaks('subject-key-id', 'middle', { without: ['2.5.29.14'] }),
  breaks('subject-key-id', 'root', { without: ['2.5.29.14'] }),
  breaks('basic-constraints-critical', 'middle', { with: [EXT.basic(true, undefined, false)] }),
  breaks('basic-constraints-critical', 'root', { with: [EXT.basic(true, undefined, false)] }),
  breaks('authority-key-usage', 'middle', { without: ['2.5.29.15'] }),
  breaks('root-key-usage', 'root', { with: [EXT.usage([6])] }),
  breaks('root-purpose', 'root', { with: [EXT.purposes([SERVER])] }),
  breaks('leaf-authority', 'leaf', { with: [EXT.basic(true), EXT.usage([0, 5])] }),
  breaks('leaf-signs-certificates', 'leaf', { with: [EXT.usage([0, 5])] }),
  breaks('leaf-path-length', 'leaf', { with: [EXT.basic(false, 1)] }),
  breaks('leaf-constraints', 'leaf', { with: [EXT.constraints([GN.dns('leaf.test')])] }),
  breaks('empty-subject', 'leaf', { subject: '' }),
  ...[
    'a_b.test',
    'a..test',
    '-a.test',
    'f*.leaf.test',
    'a.*.test',
    '*',
    '*.*.test',
    'leaf.test.',
    ' leaf.test',
    'a@b',
    '192.0.2.1',
  ].map((host) => breaks('alternative-names', 'leaf', san(GN.dns('leaf.test'), GN.dns(host)))),
  breaks('alternative-names', 'leaf', san(GN.dns('leaf.test'), GN.ip(1, 2, 3))),
  breaks('alternative-names', 'leaf', san(GN.dns('leaf.test'), GN.email('nobody'))),
  breaks('alternative-names', 'leaf', san(GN.dns('leaf.test'), GN.uri('//host/path'))),
  breaks('wildcard-width', 'leaf', san(GN.dns('leaf.test'), GN.dns('*.test'))),
  breaks('wildcard-width', 'leaf', san(GN.dns('leaf.test'), GN.dns('*.co.uk'))),
  breaks('server-names', 'leaf', { without: ['2.5.29.17'] }),
  breaks('server-names', 'leaf', san(GN.email('a@leaf.test'))),
  breaks('server-names-plain', 'leaf', { with: [EXT.san([GN.dns('leaf.test')], true)] }),
  breaks('server-common-name', 'leaf', { subject: 'CN=other.test' }),
  breaks('server-common-name', 'leaf', { subject: 'CN=LEAF.test' }),
  breaks('server-common-name', 'leaf', { subject: 'CN=192.0.2.1' }),
  breaks('server-common-name', 'leaf', {
    subject: 'CN=2001:DB8::1',
    with: [EXT.san([GN.dns('leaf.test'), GN.ip(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)])],
  }),
  breaks('server-purpose-plain', 'leaf', { with: [EXT.purposes([SERVER], true)] }),
  breaks('server-purpose-plain', 'leaf', { with: [EXT.purposes([SERVER, '2.5.29.37.0'])] }),
  breaks('authority-subject', 'middle', { subject: '' }),
] as const;
