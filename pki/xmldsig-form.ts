/**
 * The text of the detached signatures that we make: XML Signature 1.1 with XAdES signed properties, as IHE DSG wants it (ITI TF-3 5.5).
 *
 * Everything is written in the form that exclusive canonical XML would give (no declaration, no empty-element tags, attributes in order,
 * namespaces where first used), so that signing and checking need no parser: the parts are hashed as written.
 */

export const ALGORITHM = {
  exclusiveC14n: 'http://www.w3.org/2001/10/xml-exc-c14n#',
  sha256: 'http://www.w3.org/2001/04/xmlenc#sha256',
  ecdsaSha256: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256',
  ecdsaSha384: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384',
  rsaSha256: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
} as const;

export const TYPE = {
  manifest: 'http://www.w3.org/2000/09/xmldsig#Manifest',
  signedProperties: 'http://uri.etsi.org/01903#SignedProperties',
} as const;

/** ASTM E1762 source signature: the system that made the document vouches for where it comes from. */
const COMMITMENT = 'urn:oid:1.2.840.10065.1.12.1.14';

const DS = ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"';
const XADES = ' xmlns:xades="http://uri.etsi.org/01903/v1.3.2#"';

export interface SignedFacts {
  /** URI of the document: `urn:uuid:...` or `urn:oid:...`. */
  documentUri: string;
  mediaType: string;
  /** Base64 SHA-256 of the document's bytes. */
  digest: string;
  /** Seconds, UTC: `2026-11-23T12:00:00Z`. */
  signingTime: string;
  /** Base64 SHA-256 of the signing certificate's DER. */
  certificateDigest: string;
}

const digestOf = (value: string, ns = ''): string =>
  `<ds:DigestMethod${ns} Algorithm="${ALGORITHM.sha256}"></ds:DigestMethod><ds:DigestValue${ns}>${value}</ds:DigestValue>`;

/** ds:Manifest; `alone` writes it as the root of its own canonical form. */
export function writeManifest(facts: Pick<SignedFacts, 'documentUri' | 'digest'>, alone: boolean): string {
  return `<ds:Manifest${alone ? DS : ''} Id="IHEManifest"><ds:Reference URI="${facts.documentUri}">${digestOf(facts.digest)}</ds:Reference></ds:Manifest>`;
}

/** xades:SignedProperties (ETSI EN 319 132-1 5.1); `alone` as for the manifest. */
export function writeSignedProperties(facts: Omit<SignedFacts, 'documentUri' | 'digest'>, alone: boolean): string {
  return (
    `<xades:SignedProperties${alone ? XADES : ''} Id="SignedProperties"><xades:SignedSignatureProperties>` +
    `<xades:SigningTime>${facts.signingTime}</xades:SigningTime><xades:SigningCertificateV2><xades:Cert><xades:CertDigest>` +
    `${digestOf(facts.certificateDigest, alone ? DS : '')}</xades:CertDigest></xades:Cert></xades:SigningCertificateV2>` +
    '</xades:SignedSignatureProperties><xades:SignedDataObjectProperties><xades:DataObjectFormat ObjectReference="#Document">' +
    `<xades:MimeType>${facts.mediaType}</xades:MimeType></xades:DataObjectFormat><xades:CommitmentTypeIndication><xades:CommitmentTypeId>` +
    `<xades:Identifier>${COMMITMENT}</xades:Identifier></xades:CommitmentTypeId><xades:AllSignedDataObjects></xades:AllSignedDataObjects>` +
    '</xades:CommitmentTypeIndication></xades:SignedDataObjectProperties></xades:SignedProperties>'
  );
}

export interface SignedInfoFacts {
  documentUri: string;
  digest: string;
  algorithm: string;
  manifestDigest: string;
  propertiesDigest: string;
}

const TRANSFORMS = `<ds:Transforms><ds:Transform Algorithm="${ALGORITHM.exclusiveC14n}"></ds:Transform></ds:Transforms>`;

/**
 * ds:SignedInfo. It refers to the document itself, besides the manifest that DSG asks for: a checker that does not look into manifests
 * (they are not part of core validation, XML Signature 5.1) still finds a changed document.
 */
export function writeSignedInfo(facts: SignedInfoFacts, alone: boolean): string {
  return (
    `<ds:SignedInfo${alone ? DS : ''}><ds:CanonicalizationMethod Algorithm="${ALGORITHM.exclusiveC14n}"></ds:CanonicalizationMethod>` +
    `<ds:SignatureMethod Algorithm="${facts.algorithm}"></ds:SignatureMethod>` +
    `<ds:Reference Id="Document" URI="${facts.documentUri}">${digestOf(facts.digest)}</ds:Reference>` +
    `<ds:Reference Type="${TYPE.manifest}" URI="#IHEManifest">${TRANSFORMS}${digestOf(facts.manifestDigest)}</ds:Reference>` +
    `<ds:Reference Type="${TYPE.signedProperties}" URI="#SignedProperties">${TRANSFORMS}${digestOf(facts.propertiesDigest)}</ds:Reference></ds:SignedInfo>`
  );
}

export interface SignatureFacts extends SignedFacts, SignedInfoFacts {
  signatureValue: string;
  /** `<ds:X509Certificate>` elements, signer first. */
  certificates: string;
}

/** The whole ds:Signature. */
export function writeSignature(facts: SignatureFacts): string {
  return (
    `<ds:Signature${DS} Id="Signature">${writeSignedInfo(facts, false)}<ds:SignatureValue>${facts.signatureValue}</ds:SignatureValue>` +
    `<ds:KeyInfo><ds:X509Data>${facts.certificates}</ds:X509Data></ds:KeyInfo><ds:Object>${writeManifest(facts, false)}</ds:Object>` +
    `<ds:Object><xades:QualifyingProperties${XADES} Target="#Signature">${writeSignedProperties(facts, false)}</xades:QualifyingProperties></ds:Object></ds:Signature>`
  );
}

const BASE64 = '[A-Za-z0-9+/]+={0,2}';
/** Marks for the places of the variable parts, so that the pattern below comes from the very text that is written. */
const SLOTS: { [K in keyof SignatureFacts]: [string, string] } = {
  documentUri: ['@1@', 'urn:[A-Za-z0-9:._-]{1,200}'],
  digest: ['@2@', BASE64],
  algorithm: ['@3@', '[A-Za-z0-9:/.#-]{1,100}'],
  manifestDigest: ['@4@', BASE64],
  propertiesDigest: ['@5@', BASE64],
  signingTime: ['@6@', '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ'],
  certificateDigest: ['@7@', BASE64],
  mediaType: ['@8@', '[A-Za-z0-9!#$^_.+/-]{1,100}'],
  signatureValue: ['@9@', BASE64],
  certificates: ['@A@', `(?:<ds:X509Certificate>${BASE64}</ds:X509Certificate>){1,8}`],
};

function ownPattern(): RegExp {
  const marks = Object.fromEntries(
    Object.entries(SLOTS).map(([name, [mark]]) => [name, mark]),
  ) as unknown as SignatureFacts;
  let source = writeSignature(marks).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  for (const [name, [mark, pattern]] of Object.entries(SLOTS)) {
    // A part that stands in several places must be the same in all of them.
    source = source.replace(mark, () => `(?<${name}>${pattern})`).replaceAll(mark, `\\k<${name}>`);
  }
  return new RegExp(`^${source}$`);
}

const OWN = ownPattern();

/** The parts of a signature in exactly our own form, or undefined for any other text. */
export function readOwnSignature(text: string): SignatureFacts | undefined {
  const groups = OWN.exec(text)?.groups;
  return groups ? ({ ...groups } as unknown as SignatureFacts) : undefined;
}
