/** What must hold of path validation whatever bytes it is given; run shortly by the tests and long by the fuzz suite. */
import fc from 'fast-check';
import { PATH_REASONS, readCrls, validateChain } from '../../pki/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import { AT, CLIENT, EXT, ecKeys, GN, int, issue, issueList, issuingPoint, pemOf, point, SERVER } from './chains.ts';

const SERIAL = Buffer.of(0x55);
const policies = EXT.policies(['1.2.3', '2.5.29.32.0']);
const root = issue({ ca: true, subject: 'C=US,O=Test,CN=Root' });
const middle = issue({
  ca: true,
  issuer: root,
  subject: 'O=Test,CN=Middle',
  with: [
    EXT.constraints(
      [GN.dns('leaf.test'), GN.email('mail.test'), GN.ip(192, 0, 2, 0, 255, 255, 255, 0)],
      [GN.dir('O=Bad')],
    ),
    policies,
    EXT.mappings([['1.2.3', '1.2.4']]),
    EXT.policyConstraints(5, 5),
    EXT.inhibitAny(3),
  ],
});
const leaf = issue({
  issuer: middle,
  subject: 'CN=leaf.test',
  serial: SERIAL,
  with: [
    EXT.san([GN.dns('leaf.test'), GN.email('a@mail.test'), GN.ip(192, 0, 2, 1), GN.uri('urn:a:b')]),
    policies,
    EXT.points([point({ name: GN.uri('http://crl.test/a') })]),
  ],
});
const list = issueList(middle, {
  revoked: [
    { serial: Buffer.of(9), reason: 1 },
    { serial: SERIAL, reason: 4 },
  ],
  with: [issuingPoint({ name: GN.uri('http://crl.test/a') })],
});
const rootList = issueList(root);

/** Bytes with some changed, put in, or taken away; never the same as before. */
export function bentBytes(bytes: Buffer): fc.Arbitrary<Buffer> {
  const cut = fc.record({
    at: fc.nat(bytes.length - 1),
    length: fc.nat(6),
    put: fc.uint8Array({ maxLength: 6 }),
  });
  return fc
    .array(cut, { minLength: 1, maxLength: 3 })
    .map((cuts) =>
      cuts.reduce<Buffer>(
        (now, { at, length, put }) => Buffer.concat([now.subarray(0, at), put, now.subarray(at + length)]),
        bytes,
      ),
    )
    .filter((bent) => !bent.equals(bytes));
}

function judge(change: { leaf?: Buffer; middle?: Buffer; root?: Buffer; list?: Buffer }, revocation = false): string {
  const verdict = validateChain({
    leaf: change.leaf ?? leaf.der,
    roots: [change.root ?? root.der],
    intermediates: [change.middle ?? middle.der],
    crls: change.list === undefined ? [] : [rootList, change.list],
    at: AT,
    purpose: 'serverAuth',
    name: 'leaf.test',
    revocation,
  });
  if (verdict.ok) return 'ok';
  if (!PATH_REASONS.includes(verdict.reason)) throw new Error(`not of the list: ${verdict.reason}`);
  return verdict.reason;
}

/** What is not bent holds, so that a refusal of the bent is no accident. */
export function goodAnswers(): string[] {
  return [judge({}), judge({ leaf: pemOf('CERTIFICATE', leaf.der) }), judge({ list }, true)];
}

const never = (answer: string): boolean => answer !== 'ok';

/** A bent certificate below the root never holds, and a bent root ends in a verdict. */
export function bentCertificates(): fc.IProperty<[Buffer, Buffer, Buffer]> {
  return fc.property(bentBytes(leaf.der), bentBytes(middle.der), bentBytes(root.der), (one, two, three) => {
    judge({ root: three });
    return never(judge({ leaf: one })) && never(judge({ middle: two })) && never(judge({ leaf: one, middle: two }));
  });
}

/** PEM that is bent, with blanks, or about something else gives a verdict. */
export function bentPem(): fc.IProperty<[Buffer, string]> {
  return fc.property(bentBytes(pemOf('CERTIFICATE', leaf.der)), fc.string({ maxLength: 200 }), (bent, text) => {
    const answers = [judge({ leaf: bent }), judge({ middle: bent }), judge({ leaf: Buffer.from(text) })];
    judge({ leaf: Buffer.concat([Buffer.from(text), pemOf('CERTIFICATE', leaf.der)]) });
    return never(answers[1]!) && never(answers[2]!);
  });
}

/** A bent list never makes a revoked certificate good, and is refused with its code when it can not be read. */
export function bentLists(): fc.IProperty<[Buffer]> {
  return fc.property(bentBytes(list), (bent) => {
    let isRead = true;
    try {
      readCrls(bent);
    } catch (cause) {
      isRead = false;
      if (!(cause instanceof MixError) || cause.fault.code !== 'crl.malformed') throw cause;
    }
    // A list whose name was bent is nobody's: without demand for a status it tells nothing.
    const asTold = judge({ list: bent });
    return never(judge({ list: bent }, true)) && (isRead || never(asTold));
  });
}

const keys = ecKeys();
const parts = [
  EXT.basic(true, 3),
  EXT.usage([0, 5]),
  EXT.purposes([SERVER, CLIENT]),
  EXT.san([GN.dns('leaf.test'), GN.email('a@mail.test'), GN.ip(192, 0, 2, 1), GN.dir('O=Test'), GN.other('1.2.3')]),
  EXT.ski(root.keyId),
  EXT.aki(root.keyId),
  EXT.constraints([GN.dns('leaf.test'), GN.email('.mail.test')], [GN.dir('O=Bad'), GN.uri('.bad.test')]),
  policies,
  EXT.mappings([['1.2.3', '1.2.4']]),
  EXT.policyConstraints(5, 5),
  EXT.inhibitAny(3),
  EXT.points([point({ name: GN.uri('http://crl.test/a'), reasons: [1, 2], issuer: root.name })]),
];
const bentPart = fc.constantFrom(...parts).chain((part) => bentBytes(part.value).map((value) => ({ ...part, value })));

/** Extensions that are bent and then well signed end in a verdict, wherever they stand. */
export function signedOddities(): fc.IProperty<[(typeof parts)[number], boolean]> {
  return fc.property(bentPart, fc.boolean(), (part, isMiddle) => {
    const between = issue({ ca: true, issuer: root, subject: 'CN=odd', keys, with: isMiddle ? [part] : [] });
    const end = issue({ issuer: between, subject: 'CN=leaf.test', keys, with: isMiddle ? [] : [part] });
    judge({ leaf: end.der, middle: between.der });
    judge({ leaf: end.der, middle: between.der, list: issueList(between) }, true);
  });
}

const listParts = [
  EXT.aki(middle.keyId),
  { id: '2.5.29.20', value: int(1) },
  { ...issuingPoint({ name: GN.uri('http://crl.test/a'), flags: [1, 4], reasons: [1, 2] }) },
  { id: '2.5.29.27', critical: true, value: int(1) },
];
const bentListPart = fc
  .constantFrom(...listParts)
  .chain((part) => bentBytes(part.value).map((value) => ({ ...part, value })));

/** A list with a bent extension, well signed, never makes the certificate good that it revokes. */
export function signedOddLists(): fc.IProperty<[(typeof listParts)[number], boolean]> {
  return fc.property(bentListPart, fc.boolean(), (part, isEntry) => {
    const revoked = [{ serial: SERIAL, reason: 4, with: isEntry ? [part] : [] }];
    return never(judge({ list: issueList(middle, { revoked, with: isEntry ? [] : [part] }) }, true));
  });
}

/** Any bytes as certificates, and any as lists. */
export function anyBytes(): fc.IProperty<[Uint8Array, Uint8Array]> {
  const der = fc.uint8Array({ maxLength: 300 });
  return fc.property(der, der, (one, two) => {
    const [a, b] = [Buffer.concat([Buffer.of(0x30), one]), Buffer.from(two)];
    return [judge({ leaf: a }), judge({ middle: a }), judge({ root: b, leaf: b }), judge({ list: a }, true)].every(
      never,
    );
  });
}
