import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SignedXml } from 'xml-crypto';
import { type KeyKind, pemOf, signDocument, type Trust, verifyDocument } from '../../pki/index.ts';
import { readXml, writeXml } from '../../schemas/xml.ts';
import { hasProgram, inFolder, makeSigner, makeWorld, NOW } from '../support/pki.ts';

const xmlsec = hasProgram('xmlsec1');
const { root, issuing } = makeWorld();
const signer = makeSigner(issuing);
const trust: Trust = { roots: [root.certificate], at: NOW };
const ID = 'urn:uuid:0196f2a4-0000-7000-8000-000000000001';
const bytes = Buffer.from(`<ClinicalDocument xmlns="urn:hl7-org:v3">${'caf\u00e9 '.repeat(500)}</ClinicalDocument>\n`);
const signature = signDocument({ bytes, documentId: ID, mediaType: 'text/xml' }, signer, NOW);

function reason(document: Uint8Array, text: string | Uint8Array, change: Partial<Trust> = {}, options = {}): string {
  const verdict = verifyDocument(document, Buffer.from(text as string), { ...trust, ...change }, options);
  return verdict.holds ? 'holds' : verdict.reason;
}

/** The same signature as another writer might have put it: a declaration, empty-element tags, line ends between elements. */
function asForeign(text: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${text.replaceAll('></ds:DigestMethod>', ' />').replace('</ds:SignatureValue>', '\n</ds:SignatureValue>')}`;
}

describe('our own signatures', () => {
  test.for(['p256', 'p384', 'rsa2048'] as KeyKind[])('by a %s key hold, and tell who, when and what', (key) => {
    const one = makeSigner(issuing, 'document-signer', key);
    const made = signDocument({ bytes, documentId: ID, mediaType: 'text/xml' }, one, NOW + 999);
    const verdict = verifyDocument(bytes, made, trust);
    expect(verdict).toMatchObject({ holds: true, signedAt: NOW, documentId: ID });
    expect(verdict.holds && verdict.signer.fingerprint256).toBe(one.leaf.fingerprint256);
  });

  test.for(['p256', 'p384'] as KeyKind[])(
    'by a %s key have integers of full length, whatever their first bytes are',
    (key) => {
      const one = makeSigner(issuing, 'document-signer', key);
      // One in 128 has an integer that is shorter than the others.
      for (let i = 0; i < (key === 'p256' ? 1_000 : 50); i++) {
        const made = signDocument(
          { bytes: Buffer.from(`${i}`), documentId: ID, mediaType: 'text/xml' },
          one,
          NOW,
        ).toString();
        const value = /<ds:SignatureValue>([^<]+)</.exec(made)?.[1] ?? '';
        expect(Buffer.from(value, 'base64')).toHaveLength(key === 'p256' ? 64 : 96);
        expect(verifyDocument(Buffer.from(`${i}`), Buffer.from(made), trust).holds).toBe(true);
      }
    },
  );

  test('are canonical as written', () => {
    expect(writeXml(readXml(signature))).toBe(signature.toString());
  });

  test('any changed byte of the document or of the signature is found', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 255 }), (inDocument, where, change) => {
        const [document, proof] = [Buffer.from(bytes), Buffer.from(signature)];
        const bent = inDocument ? document : proof;
        const at = where % bent.length;
        bent[at] = bent[at]! ^ change;
        const verdict = verifyDocument(document, proof, trust);
        if (inDocument) expect(verdict).toEqual({ holds: false, reason: 'signature.digest' });
        // Names that nothing signed, such as the Id of the whole, may change; never what the verdict says.
        else if (verdict.holds)
          expect(verdict).toMatchObject({
            signedAt: NOW,
            documentId: ID,
            signer: { fingerprint256: signer.leaf.fingerprint256 },
          });
      }),
      { numRuns: 500 },
    );
  });

  test('the reasons are told apart', () => {
    const text = signature.toString();
    expect(reason(Buffer.from('other'), signature)).toBe('signature.digest');
    expect(reason(bytes, text.replace(/<ds:SignatureValue>.{4}/, '<ds:SignatureValue>AAAA'))).toBe('signature.value');
    expect(reason(bytes, text.replace('T12:00:00Z', 'T11:00:00Z'))).toBe('signature.value');
    expect(reason(bytes, text.replaceAll('text/xml', 'text/plain'))).toBe('signature.value');
    expect(reason(bytes, signature, {}, { documentId: `${ID}9` })).toBe('signature.not-this-document');
    expect(reason(bytes, signature, { roots: [makeWorld().root.certificate] })).toBe('chain.signature');
    expect(reason(bytes, signature, { at: NOW + 731 * 86_400_000 })).toBe('chain.expired');
    expect(reason(bytes, '')).toBe('signature.malformed');
    expect(reason(bytes, 'x'.repeat(300_000))).toBe('signature.malformed');
  });

  test('a certificate for another use, or put in place of the signer\u2019s, does not count', () => {
    const node = makeSigner(issuing, 'node');
    expect(reason(bytes, signDocument({ bytes, documentId: ID, mediaType: 'text/xml' }, node, NOW))).toBe(
      'chain.purpose',
    );
    expect(
      reason(bytes, signDocument({ bytes, documentId: ID, mediaType: 'text/xml' }, node, NOW), {}, { purpose: 'any' }),
    ).toBe('holds');
    const other = makeSigner(issuing);
    const swapped = signature.toString().replace(signer.leaf.raw.toString('base64'), other.leaf.raw.toString('base64'));
    expect(reason(bytes, swapped)).toBe('signature.certificate');
    const digest = (raw: Buffer): string => createHash('sha256').update(raw).digest('base64');
    expect(reason(bytes, swapped.replace(digest(signer.leaf.raw), digest(other.leaf.raw)))).toBe('signature.value');
  });

  test('a signing time outside of the life of the certificate, or ahead of the clock, is refused', () => {
    const at = (ms: number): string =>
      reason(bytes, signDocument({ bytes, documentId: ID, mediaType: 'text/xml' }, signer, ms));
    expect(at(NOW - 86_400_000)).toBe('signature.time');
    expect(at(NOW + 600_000)).toBe('signature.time');
    expect(at(NOW + 60_000)).toBe('holds');
  });

  test('a key that is not the certificate\u2019s, an id that is no urn, a media type that breaks out: all refused before signing', () => {
    const wrong = { ...signer, key: makeSigner(issuing).key };
    expect(() => signDocument({ bytes, documentId: ID, mediaType: 'text/xml' }, wrong, NOW)).toThrow(
      /do not belong together/,
    );
    expect(() => signDocument({ bytes, documentId: 'http://x/', mediaType: 'text/xml' }, signer, NOW)).toThrow(
      /documentId/,
    );
    expect(() => signDocument({ bytes, documentId: ID, mediaType: 'a"><b' }, signer, NOW)).toThrow(/mediaType/);
  });
});

test('a bare UUID or OID is signed as its URN', () => {
  const uuid = '0196F2A4-0000-7000-8000-000000000002';
  for (const [documentId, uri] of [
    [uuid, `urn:uuid:${uuid.toLowerCase()}`],
    ['1.2.840.10', 'urn:oid:1.2.840.10'],
  ] as const) {
    const made = signDocument({ bytes, documentId, mediaType: 'text/xml' }, signer, NOW);
    for (const wanted of [documentId, uri]) {
      expect(verifyDocument(bytes, made, trust, { documentId: wanted })).toMatchObject({
        holds: true,
        documentId: uri,
      });
      expect(
        verifyDocument(bytes, Buffer.from(asForeign(made.toString())), trust, { documentId: wanted }),
      ).toMatchObject({ holds: true, documentId: uri });
    }
    expect(reason(bytes, made, {}, { documentId: '1.2.3' })).toBe('signature.not-this-document');
  }
});

describe('foreign signatures', () => {
  const foreign = asForeign(signature.toString());

  test('hold when they are right, through canonical XML', () => {
    expect(verifyDocument(bytes, Buffer.from(foreign), trust)).toMatchObject({
      holds: true,
      signedAt: NOW,
      documentId: ID,
    });
    expect(reason(Buffer.from('other'), foreign)).toBe('signature.digest');
    expect(reason(bytes, foreign, {}, { documentId: 'urn:uuid:2' })).toBe('signature.not-this-document');
    expect(reason(bytes, foreign, { roots: [makeWorld().root.certificate] })).toBe('chain.signature');
  });

  test('a changed value, time or certificate is found', () => {
    expect(reason(bytes, foreign.replace(/<ds:SignatureValue>.{4}/, '<ds:SignatureValue>AAAA'))).toBe(
      'signature.value',
    );
    expect(reason(bytes, foreign.replace('T12:00:00Z', 'T11:00:00Z'))).toBe('signature.value');
    const other = makeSigner(issuing);
    const first = foreign.replace(
      '<ds:X509Data>',
      `<ds:X509Data><ds:X509Certificate>${other.leaf.raw.toString('base64')}</ds:X509Certificate>`,
    );
    // Another certificate beside the signer's is no harm: the one whose key signed counts.
    expect(reason(bytes, first)).toBe('holds');
    expect(reason(bytes, foreign.replace(signer.leaf.raw.toString('base64'), other.leaf.raw.toString('base64')))).toBe(
      'signature.value',
    );
    expect(reason(bytes, foreign.replace(/<ds:X509Data>.*<\/ds:X509Data>/, ''))).toBe('signature.certificate');
  });

  test('wrapped, doubled and decorated ones are refused', () => {
    const plain = signature.toString();
    expect(reason(bytes, `<wrap>${plain}</wrap>`)).toBe('signature.malformed');
    expect(reason(bytes, plain.replace('</ds:Signature>', `<ds:Object>${plain}</ds:Object></ds:Signature>`))).toBe(
      'signature.several',
    );
    const info = /<ds:SignedInfo>.*<\/ds:SignedInfo>/.exec(plain)![0];
    expect(reason(bytes, plain.replace(info, info + info))).toBe('signature.several');
    expect(reason(bytes, plain.replace('<ds:DigestValue>', '<ds:DigestValue><!-- x -->'))).toBe('signature.malformed');
    expect(reason(bytes, `<!DOCTYPE a [<!ENTITY b "c">]>${plain}`)).toBe('signature.malformed');
    expect(reason(bytes, plain.replace(info, '').replace('</ds:Signature>', `${info}</ds:Signature>`))).toBe(
      'signature.malformed',
    );
    // A second manifest of the same Id with other documents in it.
    const manifest = /<ds:Object><ds:Manifest.*<\/ds:Manifest><\/ds:Object>/.exec(plain)![0];
    expect(reason(bytes, plain.replace(manifest, manifest + manifest))).not.toBe('holds');
  });

  test('weak algorithms and references to elsewhere are refused, whoever signed them', () => {
    const change = (from: string, to: string): string => {
      const plain = signature.toString();
      expect(plain).toContain(from);
      return reason(bytes, plain.replaceAll(from, to));
    };
    expect(change('2001/04/xmldsig-more#ecdsa-sha256', '2000/09/xmldsig#rsa-sha1')).toBe('signature.algorithm');
    expect(change('2001/04/xmldsig-more#ecdsa-sha256', '2000/09/xmldsig#hmac-sha1')).toBe('signature.algorithm');
    expect(change('2001/04/xmlenc#sha256', '2000/09/xmldsig#sha1')).toBe('signature.algorithm');
    expect(change('2001/10/xml-exc-c14n#', 'TR/1999/REC-xslt-19991116')).toBe('signature.algorithm');
    expect(change('2001/10/xml-exc-c14n#', '2001/10/xml-exc-c14n#WithComments')).toBe('signature.algorithm');
    expect(change(ID, 'http://evil.test/a.xml')).toBe('signature.reference');
    expect(change(ID, 'file:///etc/passwd')).toBe('signature.reference');
    expect(change(`URI="${ID}"`, 'URI=""')).toBe('signature.reference');
    expect(change('#IHEManifest', '#xpointer(/)')).toBe('signature.reference');
  });

  test('of another writer, with a manifest alone as IHE DSG has it, hold over the right bytes only', () => {
    const made = signByManifest(bytes);
    // It sends its own certificate only, so the one between comes from the trust list.
    const known = { intermediates: [issuing.certificate] };
    expect(verifyDocument(bytes, Buffer.from(made), { ...trust, ...known })).toMatchObject({
      holds: true,
      documentId: ID,
    });
    expect(reason(bytes, made)).toBe('chain.untrusted');
    expect(reason(Buffer.from('other'), made, known)).toBe('signature.not-this-document');
    expect(reason(bytes, made, known, { documentId: 'urn:uuid:2' })).toBe('signature.not-this-document');
  });

  test('any text at all gives a verdict', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(signature.length), (noise, at) => {
        const text = signature.toString();
        expect(reason(bytes, noise)).toBe('signature.malformed');
        expect(reason(bytes, `${text.slice(0, at)}${noise}${text.slice(at + 7)}`)).not.toBe('');
      }),
      { numRuns: 150 },
    );
  });
});

/** A signature made by xml-crypto itself: SignedInfo refers to the manifest and the signed properties, as other DSG makers do. */
function signByManifest(document: Uint8Array): string {
  const digest = createHash('sha256').update(document).digest('base64');
  const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
  const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
  const ECDSA = 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256';
  class Ecdsa {
    getAlgorithmName(): string {
      return ECDSA;
    }
    getSignature(material: string): string {
      return sign('sha256', Buffer.from(material), { key: signer.key, dsaEncoding: 'ieee-p1363' }).toString('base64');
    }
    verifySignature(material: string, _key: unknown, value: string): boolean {
      return verify(
        'sha256',
        Buffer.from(material),
        { key: signer.leaf.publicKey, dsaEncoding: 'ieee-p1363' },
        Buffer.from(value, 'base64'),
      );
    }
  }
  const maker = new SignedXml({
    privateKey: signer.key.export({ type: 'pkcs8', format: 'pem' }),
    publicCert: signer.leaf.toString(),
    canonicalizationAlgorithm: EXCLUSIVE,
    signatureAlgorithm: ECDSA,
  });
  maker.SignatureAlgorithms[ECDSA] = Ecdsa as never;
  maker.objects = [
    {
      content: `<ds:Manifest xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="M"><ds:Reference URI="${ID}"><ds:DigestMethod Algorithm="${SHA256}"/><ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:Manifest>`,
    },
    {
      content:
        '<xades:QualifyingProperties xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" Target="#S"><xades:SignedProperties Id="P"><xades:SignedSignatureProperties><xades:SigningTime>2026-11-23T12:00:00Z</xades:SigningTime></xades:SignedSignatureProperties></xades:SignedProperties></xades:QualifyingProperties>',
    },
  ];
  for (const id of ['M', 'P'])
    maker.addReference({ xpath: `//*[@Id='${id}']`, uri: `#${id}`, digestAlgorithm: SHA256, transforms: [EXCLUSIVE] });
  maker.computeSignature('<holder/>', { prefix: 'ds' });
  return maker.getSignatureXml();
}

describe('xmlsec1', () => {
  const title = (text: string): string => (xmlsec ? text : `${text} (left out: no xmlsec1 here)`);

  function xmlsecSays(
    folder: string,
    document: Uint8Array,
    proof: Uint8Array,
  ): { status: number | null; text: string } {
    writeFileSync(join(folder, 'doc.xml'), document);
    writeFileSync(join(folder, 'sig.xml'), proof);
    writeFileSync(join(folder, 'root.pem'), pemOf([root.certificate]));
    // The document's urn is mapped onto the file; the time lies in the certificates' life.
    const run = spawnSync(
      'xmlsec1',
      [
        '--verify',
        '--trusted-pem',
        'root.pem',
        '--verification-gmt-time',
        '2026-11-23 12:00:00',
        '--id-attr:Id',
        'http://uri.etsi.org/01903/v1.3.2#:SignedProperties',
        `--url-map:${ID}`,
        'doc.xml',
        'sig.xml',
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    return { status: run.status, text: run.stdout + run.stderr };
  }

  test.skipIf(!xmlsec).for(['p256', 'p384', 'rsa2048'] as KeyKind[])(
    title('verifies ours by a %s key against the root, document included'),
    (key) =>
      inFolder((folder) => {
        const made = signDocument(
          { bytes, documentId: ID, mediaType: 'text/xml' },
          makeSigner(issuing, 'document-signer', key),
          NOW,
        );
        const { status, text } = xmlsecSays(folder, bytes, made);
        expect(text).toContain('SignedInfo References (ok/all): 3/3');
        expect(text).toContain('Manifests References (ok/all): 1/1');
        expect(status).toBe(0);
      }),
  );

  test.skipIf(!xmlsec)(title('finds a changed document and a changed time'), () =>
    inFolder((folder) => {
      expect(xmlsecSays(folder, Buffer.from('<other/>'), signature).status).not.toBe(0);
      expect(
        xmlsecSays(folder, bytes, Buffer.from(signature.toString().replace('T12:00:00Z', 'T11:00:00Z'))).status,
      ).not.toBe(0);
    }),
  );
});

test('a signature by a key that nobody certified does not hold, whatever KeyInfo says', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const text = signature.toString();
  const info = /<ds:SignedInfo>.*<\/ds:SignedInfo>/
    .exec(text)![0]
    .replace('<ds:SignedInfo>', '<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">');
  const value = sign('sha256', Buffer.from(info), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64');
  expect(reason(bytes, text.replace(/<ds:SignatureValue>[^<]*/, `<ds:SignatureValue>${value}`))).toBe(
    'signature.value',
  );
});
