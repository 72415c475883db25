/**
 * Detached signatures that others wrote, through xml-crypto. It knows no references to things outside of the XML, so the document is
 * stood in for by a placeholder element with a random text, whose digest is taken from the document's bytes.
 */
import { createHash, randomBytes, verify, X509Certificate } from 'node:crypto';
import {
  C14nCanonicalization,
  ExclusiveCanonicalization,
  type HashAlgorithm,
  type SignatureAlgorithm,
  SignedXml,
} from 'xml-crypto';
import type { FaultCode } from '../schemas/errors/index.ts';
import { attributeOf, childOf, childrenOf, escapeAttribute, readXml, textOf, type XmlElement } from '../schemas/xml.ts';
import { publicKeyOf } from './certificate.ts';
import type { Trust } from './trust.ts';
import { ALGORITHM } from './xmldsig-form.ts';
import { documentUriOf, hashFor, judgeSigner, type SignatureVerdict, type VerifyOptions } from './xmldsig-judge.ts';

const DS = 'http://www.w3.org/2000/09/xmldsig#';
const C14N = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';
const DIGESTS: Readonly<Record<string, string>> = {
  [ALGORITHM.sha256]: 'sha256',
  'http://www.w3.org/2001/04/xmldsig-more#sha384': 'sha384',
  'http://www.w3.org/2001/04/xmlenc#sha512': 'sha512',
};
const REFERENCES_MAX = 16;
const CERTIFICATES_MAX = 8;

interface Input {
  text: string;
  bytes: Uint8Array;
  trust: Trust;
  options: VerifyOptions;
}

type Refusal = Extract<SignatureVerdict, { holds: false }>;

function refuse(reason: FaultCode, detail?: string): Refusal {
  return detail === undefined ? { holds: false, reason } : { holds: false, reason, detail };
}

/** Checks a foreign signature over the input's bytes. Only what xml-crypto gives back as signed is read after that. */
export function checkForeignSignature(input: Input): SignatureVerdict {
  const shape = readShape(input.text);
  if ('holds' in shape) return shape;
  const certificates = certificatesIn(shape.root);
  if (!certificates) return refuse('signature.certificate');
  const external = shape.references.find((reference) => !reference.uri.startsWith('#'));
  if (external && external.value !== digestOf(external.digest, input.bytes)) return refuse('signature.digest');
  // The signer need not stand first: whichever certificate's key made the value is the one.
  for (const leaf of certificates) {
    const signed = signedParts(input, leaf, shape.algorithm, external?.uri);
    if (!signed) continue;
    return judge(input, [leaf, ...certificates.filter((other) => other !== leaf)], signed, external?.uri);
  }
  return refuse('signature.value');
}

interface Reference {
  uri: string;
  digest: string;
  value: string;
}

interface Shape {
  root: XmlElement;
  algorithm: string;
  references: Reference[];
}

/** Structure and algorithms, before anything is computed: one Signature, one SignedInfo in its place, nothing unknown. */
function readShape(text: string): Shape | Refusal {
  const body = text.replace(/^\uFEFF?<\?xml [^?]{1,200}\?>\s*/, '');
  if (/<[!?]/.test(body))
    return refuse('signature.malformed', 'comments, instructions and declarations are not accepted');
  let root: XmlElement;
  try {
    root = readXml(body, { depthMax: 40 });
  } catch {
    return refuse('signature.malformed', 'not XML');
  }
  if (root.local !== 'Signature' || root.namespace !== DS)
    return refuse('signature.malformed', 'the root is not ds:Signature');
  if (countOf(root, 'Signature') > 1 || countOf(root, 'SignedInfo') > 1) return refuse('signature.several');
  const [info, value] = root.children.filter((node): node is XmlElement => typeof node !== 'string');
  if (
    info?.local !== 'SignedInfo' ||
    info.namespace !== DS ||
    value?.local !== 'SignatureValue' ||
    value.namespace !== DS
  ) {
    return refuse('signature.malformed', 'SignedInfo and SignatureValue must come first');
  }
  const algorithm = algorithmOf(info, 'SignatureMethod') ?? '';
  if (![ALGORITHM.ecdsaSha256, ALGORITHM.ecdsaSha384, ALGORITHM.rsaSha256].some((known) => known === algorithm))
    return refuse('signature.algorithm', 'SignatureMethod');
  const c14n = algorithmOf(info, 'CanonicalizationMethod');
  if (c14n !== ALGORITHM.exclusiveC14n && c14n !== C14N) return refuse('signature.algorithm', 'CanonicalizationMethod');
  const references = childrenOf(info, 'Reference', DS);
  if (references.length === 0 || references.length > REFERENCES_MAX)
    return refuse('signature.malformed', `1 to ${REFERENCES_MAX} references`);
  const read = references.map(readReference);
  const fault = read.find((one): one is Refusal => 'holds' in one);
  if (fault) return fault;
  const good = read as Reference[];
  if (good.filter((one) => !one.uri.startsWith('#')).length > 1)
    return refuse('signature.reference', 'more than one outside reference');
  return { root, algorithm, references: good };
}

function readReference(element: XmlElement): Reference | Refusal {
  const uri = attributeOf(element, 'URI') ?? '';
  const digest = algorithmOf(element, 'DigestMethod') ?? '';
  if (!DIGESTS[digest]) return refuse('signature.algorithm', 'DigestMethod');
  const transforms = childrenOf(childOf(element, 'Transforms', DS) ?? { ...element, children: [] }, 'Transform', DS);
  const outside = !uri.startsWith('#');
  // Only names, never places to fetch from; and the whole document is never in the signature (URI="").
  if (outside && (!/^(urn|cid):/.test(uri) || !documentUriOf(uri))) return refuse('signature.reference');
  if (!outside && !/^#[A-Za-z_][A-Za-z0-9._-]{0,200}$/.test(uri)) return refuse('signature.reference');
  // A transform of the document would mean that other bytes were signed than those we hold.
  if (outside && transforms.length > 0) return refuse('signature.algorithm', 'Transform of the document');
  for (const transform of transforms) {
    const name = attributeOf(transform, 'Algorithm');
    if (name !== ALGORITHM.exclusiveC14n && name !== C14N) return refuse('signature.algorithm', 'Transform');
  }
  return {
    uri,
    digest,
    value: textOf(childOf(element, 'DigestValue', DS) ?? { ...element, children: [] }).replace(/\s/g, ''),
  };
}

/** Canonical texts of what was signed, or undefined when this certificate's key did not make the signature. */
function signedParts(
  input: Input,
  leaf: X509Certificate,
  algorithm: string,
  uri: string | undefined,
): string[] | undefined {
  const hash = hashFor(algorithm, publicKeyOf(leaf));
  if (!hash) return undefined;
  const mark = randomBytes(24).toString('hex');
  const signature = new SignedXml({ publicCert: leaf.toString(), getCertFromKeyInfo: () => null });
  signature.CanonicalizationAlgorithms = {
    [ALGORITHM.exclusiveC14n]: ExclusiveCanonicalization,
    [C14N]: C14nCanonicalization,
  };
  signature.SignatureAlgorithms = { [algorithm]: signatureAlgorithm(algorithm, hash, leaf) };
  signature.HashAlgorithms = Object.fromEntries(
    Object.keys(DIGESTS).map((name) => [name, hashAlgorithm(name, mark, input.bytes)]),
  );
  const body = input.text.replace(/^\uFEFF?<\?xml [^?]{1,200}\?>\s*/, '');
  const placeholder = uri === undefined ? '' : `<document Id="${escapeAttribute(uri)}">${mark}</document>`;
  try {
    signature.loadSignature(body);
    // A wrong value throws, a wrong digest gives false: both are no.
    return signature.checkSignature(`<envelope>${placeholder}${body}</envelope>`)
      ? signature.getSignedReferences()
      : undefined;
  } catch {
    return undefined;
  }
}

function signatureAlgorithm(name: string, hash: string, leaf: X509Certificate): new () => SignatureAlgorithm {
  return class {
    getAlgorithmName(): string {
      return name;
    }
    getSignature(): string {
      throw new Error('this class only verifies');
    }
    verifySignature(material: string, _key: unknown, value: string): boolean {
      return verify(
        hash,
        Buffer.from(material, 'utf8'),
        { key: leaf.publicKey, dsaEncoding: 'ieee-p1363' },
        Buffer.from(value, 'base64'),
      );
    }
  };
}

function hashAlgorithm(name: string, mark: string, bytes: Uint8Array): new () => HashAlgorithm {
  return class {
    getAlgorithmName(): string {
      return name;
    }
    getHash(xml: string): string {
      return digestOf(name, xml.includes(mark) ? bytes : xml);
    }
  };
}

/** Reads the signed parts: which document, when, by whom; then the chain. */
function judge(
  input: Input,
  certificates: X509Certificate[],
  signed: string[],
  external: string | undefined,
): SignatureVerdict {
  const { trust, options, bytes } = input;
  let documentId = external;
  let signedAt = Number.NaN;
  let certificateHolds = true;
  for (const part of signed) {
    const element = part.startsWith('<document ') ? undefined : readXml(part, { depthMax: 40 });
    if (element?.local === 'Manifest' && element.namespace === DS) documentId ??= documentInManifest(element, bytes);
    if (element?.local === 'SignedProperties') {
      const own = childOf(element, 'SignedSignatureProperties');
      signedAt = Date.parse(textOf((own && childOf(own, 'SigningTime')) ?? { ...element, children: [] }).trim());
      certificateHolds = signingCertificateHolds(own, certificates[0]!);
    }
  }
  if (!certificateHolds) return refuse('signature.certificate');
  if (
    documentId === undefined ||
    (options.documentId !== undefined && documentId !== documentUriOf(options.documentId))
  )
    return refuse('signature.not-this-document');
  if (Number.isNaN(signedAt)) return refuse('signature.time');
  return (
    judgeSigner(certificates, signedAt, trust, options) ?? {
      holds: true,
      signer: certificates[0]!,
      signedAt,
      documentId,
    }
  );
}

/** URI of the manifest's reference whose digest is that of these bytes (XML Signature 5.1; DSG puts the documents there). */
function documentInManifest(manifest: XmlElement, bytes: Uint8Array): string | undefined {
  for (const element of childrenOf(manifest, 'Reference', DS).slice(0, REFERENCES_MAX)) {
    const reference = readReference(element);
    if ('holds' in reference || reference.uri.startsWith('#')) continue;
    if (reference.value === digestOf(reference.digest, bytes)) return reference.uri;
  }
  return undefined;
}

/** XAdES binds the signer's certificate by its digest; where it is given it must be that of the key that was used. */
function signingCertificateHolds(properties: XmlElement | undefined, leaf: X509Certificate): boolean {
  const given =
    properties && (childOf(properties, 'SigningCertificateV2') ?? childOf(properties, 'SigningCertificate'));
  if (!given) return true;
  return childrenOf(given, 'Cert').some((certificate) => {
    const digest = childOf(certificate, 'CertDigest');
    const algorithm = digest && algorithmOf(digest, 'DigestMethod');
    const value = digest && childOf(digest, 'DigestValue', DS);
    return (
      !!algorithm &&
      !!value &&
      !!DIGESTS[algorithm] &&
      textOf(value).replace(/\s/g, '') === digestOf(algorithm, leaf.raw)
    );
  });
}

function certificatesIn(root: XmlElement): X509Certificate[] | undefined {
  const info = childOf(root, 'KeyInfo', DS);
  const texts = childrenOf(info ?? { ...root, children: [] }, 'X509Data', DS)
    .flatMap((data) => childrenOf(data, 'X509Certificate', DS))
    .map(textOf);
  if (texts.length === 0 || texts.length > CERTIFICATES_MAX) return undefined;
  try {
    return texts.map((text) => new X509Certificate(Buffer.from(text.replace(/\s/g, ''), 'base64')));
  } catch {
    return undefined;
  }
}

function algorithmOf(element: XmlElement, local: string): string | undefined {
  const child = childOf(element, local, DS);
  return child && attributeOf(child, 'Algorithm');
}

function countOf(element: XmlElement, local: string): number {
  let count = element.local === local && element.namespace === DS ? 1 : 0;
  for (const child of element.children) if (typeof child !== 'string') count += countOf(child, local);
  return count;
}

function digestOf(algorithm: string, data: Uint8Array | string): string {
  return createHash(DIGESTS[algorithm] ?? 'sha256')
    .update(data)
    .digest('base64');
}
