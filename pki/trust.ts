/**
 * Does a chain lead from a certificate to a root that we trust? The one door to path validation (RFC 5280 6, in `path/`): for certificates of node:crypto
 * as the engine holds them, and for bytes that anybody gives. The verdict carries a reason of a closed list and the certificate at fault.
 */
import { X509Certificate } from 'node:crypto';
import { MixError } from '../schemas/errors/index.ts';
import { parsedOf } from './certificate.ts';
import { findPath, type PathRequest } from './path/find-path.ts';
import { kindOfName } from './path/host-name.ts';
import { type ParsedCertificate, parseCertificate, readPem } from './path/parse-certificate.ts';
import type { PolicyInputs } from './path/policy-graph.ts';
import { type Crl, readCrls } from './path/read-crl.ts';
import type { Strictness } from './path/rules.ts';
import type { PathReason, PathVerdict } from './path/verdict.ts';
import type { Purpose } from './profiles.ts';

/** What a chain is checked against. Roots are trusted as they are; intermediates are only material to build with. */
export interface Trust {
  roots: X509Certificate[];
  intermediates?: X509Certificate[];
  /** Revocation lists. A certificate whose issuer has none here counts as good; one whose issuer's lists can not be relied upon does not. */
  crls?: readonly Crl[];
  /** ms since the epoch. */
  at: number;
}

export type ChainVerdict =
  | { ok: true; chain: X509Certificate[] }
  /** `index` counts from the leaf; `keyId` is the key identifier of the certificate at fault, hex. No name of anybody is told. */
  | { ok: false; reason: PathReason; keyId?: string; index?: number; detail?: string };

/**
 * Looks for a chain from `leaf` to one of the roots that holds at `trust.at`, for a purpose and a host name when given, as strictly as nodes of the
 * exchange are with each other. Never throws for what a certificate says: a bad one is a verdict.
 */
export function verifyChain(
  leaf: X509Certificate,
  trust: Trust,
  options: { purpose?: Purpose; name?: string } = {},
): ChainVerdict {
  const originals = new Map<ParsedCertificate, X509Certificate>();
  const readAll = (list: readonly X509Certificate[]): ParsedCertificate[] =>
    list.flatMap((one) => {
      const read = attempt(() => parsedOf(one));
      if (read instanceof MixError) return [];
      originals.set(read, one);
      return [read];
    });
  const own = attempt(() => parsedOf(leaf));
  if (own instanceof MixError) return unreadable(own);
  const verdict = findPath(own, {
    ...options,
    roots: readAll(trust.roots),
    intermediates: readAll(trust.intermediates ?? []),
    crls: trust.crls ?? [],
    at: trust.at,
    strictness: 'exchange',
    revocation: 'as-told',
  });
  if (!verdict.ok) return verdict;
  return {
    ok: true,
    chain: verdict.path.map((one, at) => (at === 0 ? leaf : (originals.get(one) ?? new X509Certificate(one.der)))),
  };
}

/** One question to path validation, in bytes: PEM (several in one text are taken apart) or DER. */
export interface ChainCase {
  /** The certificate that is asked about; what follows it in a PEM text is taken as intermediates. */
  leaf: Buffer;
  roots: readonly Buffer[];
  intermediates?: readonly Buffer[];
  crls?: readonly Buffer[];
  /** ms since the epoch. */
  at: number;
  purpose?: Purpose;
  /** Host (A-labels), address or mailbox. */
  name?: string;
  /** True: every certificate below the root must have a good status. Else as told by the lists that are there. */
  revocation?: boolean;
  policies?: PolicyInputs;
  /** Default: `web` for TLS (by purpose, or by the name of a host or an address), else `rfc5280`. */
  strictness?: Strictness;
}

/** Most certificates that one case may bring. */
const CERTIFICATES_MAX = 5_000;

/** Validates one case. Never throws for what the bytes say: what can not be read is a verdict. */
export function validateChain(asked: ChainCase): PathVerdict {
  const leaves = attempt(() => readPem(asked.leaf));
  if (leaves instanceof MixError) return unreadable(leaves);
  const leaf = attempt(() => parseCertificate(leaves[0]!));
  if (leaf instanceof MixError) return unreadable(leaf);
  const roots = readPool(asked.roots);
  const intermediates = readPool([...(asked.intermediates ?? []), ...leaves.slice(1)]);
  if (roots.found.length + intermediates.found.length > CERTIFICATES_MAX)
    return { ok: false, reason: 'chain.limit', detail: `more than ${CERTIFICATES_MAX} certificates` };
  const lists = (asked.crls ?? []).map((bytes) => attempt(() => readCrls(bytes)));
  const request: PathRequest = {
    roots: roots.found,
    intermediates: intermediates.found,
    crls: lists.flatMap((one) => (one instanceof MixError ? [] : one)),
    at: asked.at,
    strictness: asked.strictness ?? strictnessFor(asked),
    revocation: asked.revocation ? 'require' : 'as-told',
    ...(asked.purpose === undefined ? {} : { purpose: asked.purpose }),
    ...(asked.name === undefined ? {} : { name: asked.name }),
    ...(asked.policies === undefined ? {} : { policies: asked.policies }),
  };
  const verdict = findPath(leaf, request);
  // A list that can not be read may be the one that would have told.
  if (verdict.ok && !asked.revocation && lists.some((one) => one instanceof MixError))
    return { ok: false, reason: 'chain.status', detail: 'a revocation list can not be read' };
  const broken = roots.broken ?? intermediates.broken;
  return !verdict.ok && verdict.reason === 'chain.untrusted' && broken !== undefined ? unreadable(broken) : verdict;
}

function strictnessFor({ purpose, name }: ChainCase): Strictness {
  const isTls = purpose === 'serverAuth' || purpose === 'clientAuth';
  return isTls || (name !== undefined && kindOfName(name) !== 'mailbox') ? 'web' : 'rfc5280';
}

/** Certificates of many texts; those that can not be read are left out, and the first of their faults is kept. */
function readPool(texts: readonly Buffer[]): { found: ParsedCertificate[]; broken: MixError | undefined } {
  const found: ParsedCertificate[] = [];
  let broken: MixError | undefined;
  for (const text of texts) {
    const ders = attempt(() => readPem(text));
    for (const der of ders instanceof MixError ? [ders] : ders) {
      const read = der instanceof MixError ? der : attempt(() => parseCertificate(der));
      if (read instanceof MixError) broken ??= read;
      else found.push(read);
    }
  }
  return { found, broken };
}

function attempt<T>(read: () => T): T | MixError {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof MixError) return cause;
    throw cause;
  }
}

function unreadable({ fault }: MixError): Extract<PathVerdict, { ok: false }> {
  const detail = fault.detail === undefined ? {} : { detail: fault.detail };
  return { ok: false, reason: 'certificate.malformed', ...detail };
}
