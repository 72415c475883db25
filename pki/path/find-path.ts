/**
 * Looks for a path from a certificate to a root that holds (RFC 4158; RFC 5280 6.1 for each one found). Names lead the way, key identifiers only order it.
 * Certificates and signatures are judged as they are met, so that most dead ends cost one step; steps, whole paths and depth are limited.
 */
import { checkAuthority, checkCertificate, checkLeaf, type Demands, isSignedBy } from './check-certificate.ts';
import { type CheckedPath, checkPath } from './check-path.ts';
import { type CertificateStatus, checkStatus, type StatusContext } from './check-status.ts';
import type { Effort } from './name-constraints.ts';
import { isSelfIssued, keyIdTextOf, type ParsedCertificate } from './parse-certificate.ts';
import type { PolicyInputs } from './policy-graph.ts';
import type { Crl } from './read-crl.ts';
import { fault, type PathFault, type PathVerdict } from './verdict.ts';

export interface PathRequest extends Demands {
  roots: readonly ParsedCertificate[];
  intermediates: readonly ParsedCertificate[];
  crls: readonly Crl[];
  /** `require`: each certificate below the root has a good status. `as-told`: an issuer without any list counts as one that revoked nothing. */
  revocation: 'require' | 'as-told';
  policies?: PolicyInputs;
}

/** Longest path, root included. */
const PATH_LENGTH_MAX = 20;
/** Most steps from a certificate to a possible issuer, each at most one signature. */
const STEPS_MAX = 4_000;
/** Most whole paths that are checked. */
const PATHS_MAX = 200;
/** Longest search; the other limits end it long before, but for keys and lists that are made to be slow. */
const TIME_MAX_MS = 10_000;
/** Paths to who signed a list, within the search for one to who signed a list. */
const NESTING_MAX = 3;

/** A fault, and the way on which it was met, leaf first. */
interface Met {
  wrong: PathFault;
  path: ParsedCertificate[];
}

interface Search {
  request: PathRequest;
  bySubject: Map<string, ParsedCertificate[]>;
  roots: Set<ParsedCertificate>;
  /** Steps by name from a subject to the nearest root. */
  distances: Map<string, number>;
  budget: { steps: number; paths: number; effort: Effort /** Of `performance.now()`. */; endsAt: number };
  /** The first fault of a whole path, else the first one met; told when no way is found. */
  whole?: Met;
  met?: Met;
  isExhausted: boolean;
  /** Keys of who signed a list and is being looked for. */
  busy: readonly string[];
  authorities: Map<ParsedCertificate, PathFault | undefined>;
}

/** The verdict on `leaf`. Never throws for what a certificate says. */
export function findPath(leaf: ParsedCertificate, request: PathRequest): PathVerdict {
  const search = openSearch(request);
  const own = checkCertificate(leaf, 'leaf', request) ?? checkLeaf(leaf, request);
  if (own !== undefined) return refusal(own, [leaf]);
  const known = search.bySubject.get(leaf.subject.key)?.find((one) => one.der.equals(leaf.der));
  const start = known ?? leaf;
  // Who serves shows a certificate that somebody vouched for (BR 7.1.2.1): a root is no such.
  if (request.strictness === 'web' && search.roots.has(start))
    return refusal(fault('chain.form', start, 'leaf-root'), [start]);
  const found = extend([start], search);
  if (found !== undefined) return { ok: true, path: [...found.certificates].reverse() };
  if (search.isExhausted) {
    const limit =
      search.whole?.wrong.reason === 'chain.limit'
        ? search.whole
        : { wrong: fault('chain.limit', start, 'paths'), path: [start] };
    return refusal(limit.wrong, limit.path);
  }
  const { wrong, path } = search.whole ?? search.met ?? { wrong: nearest(start, search), path: [start] };
  return refusal(wrong, path);
}

function refusal({ reason, certificate, detail }: PathFault, path: ParsedCertificate[]): PathVerdict {
  const index = path.indexOf(certificate);
  const where = { keyId: keyIdTextOf(certificate), ...(index === -1 ? {} : { index }) };
  return detail === undefined ? { ok: false, reason, ...where } : { ok: false, reason, ...where, detail };
}

/** Nothing leads to a root by name: does at least the name of an issuer lead to a certificate of another key? */
function nearest(leaf: ParsedCertificate, { bySubject }: Search): PathFault {
  const issuers = (bySubject.get(leaf.issuer.key) ?? []).filter((one) => one !== leaf).slice(0, PATHS_MAX);
  const isForged = issuers.length > 0 && issuers.every((one) => isSignedBy(leaf, one) === false);
  return fault(isForged ? 'chain.signature' : 'chain.untrusted', leaf);
}

function openSearch(request: PathRequest): Search {
  const seen = new Map<string, ParsedCertificate>();
  const bySubject = new Map<string, ParsedCertificate[]>();
  const add = (certificate: ParsedCertificate): ParsedCertificate => {
    const text = certificate.der.toString('latin1');
    const known = seen.get(text);
    if (known !== undefined) return known;
    seen.set(text, certificate);
    const same = bySubject.get(certificate.subject.key);
    if (same === undefined) bySubject.set(certificate.subject.key, [certificate]);
    else same.push(certificate);
    return certificate;
  };
  const roots = new Set(request.roots.map(add));
  for (const certificate of request.intermediates) add(certificate);
  return {
    request,
    bySubject,
    roots,
    distances: distancesFrom(roots, [...seen.values()]),
    budget: { steps: 0, paths: 0, effort: { comparisons: 0, policies: 0 }, endsAt: performance.now() + TIME_MAX_MS },
    isExhausted: false,
    busy: [],
    authorities: new Map(),
  };
}

/** Breadth first from the roots down, by names alone. */
function distancesFrom(roots: Set<ParsedCertificate>, all: ParsedCertificate[]): Map<string, number> {
  const below = new Map<string, Set<string>>();
  for (const { issuer, subject } of all) below.set(issuer.key, (below.get(issuer.key) ?? new Set()).add(subject.key));
  const distances = new Map<string, number>();
  for (const { subject } of roots) distances.set(subject.key, 0);
  const queue = [...distances.keys()];
  for (let key = queue.shift(); key !== undefined; key = queue.shift()) {
    for (const next of below.get(key) ?? []) {
      if (distances.has(next)) continue;
      distances.set(next, (distances.get(key) ?? 0) + 1);
      queue.push(next);
    }
  }
  return distances;
}

/** Depth first from the last certificate of `path` (leaf first) up to a root. */
function extend(path: ParsedCertificate[], search: Search): CheckedPath | undefined {
  const last = path.at(-1)!;
  if (search.roots.has(last)) return checkWhole(path, search);
  if (path.length >= PATH_LENGTH_MAX) {
    search.met ??= { wrong: fault('chain.path-length', last, 'the longest path that is looked for'), path };
    return undefined;
  }
  for (const issuer of issuersOf(last, path, search)) {
    search.budget.steps += 1;
    if (isSpent(search)) {
      search.isExhausted = true;
      return undefined;
    }
    const wrong = checkStep(issuer, last, path, search);
    if (wrong !== undefined) {
      search.met ??= { wrong, path: [...path, issuer] };
      continue;
    }
    const found = extend([...path, issuer], search);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isSpent({ budget, isExhausted }: Search): boolean {
  const { steps, paths, endsAt } = budget;
  return isExhausted || steps > STEPS_MAX || paths >= PATHS_MAX || performance.now() > endsAt;
}

/** Who may have issued it by name, the likeliest first: by key identifier, nearness to a root, and time. */
function issuersOf(child: ParsedCertificate, path: ParsedCertificate[], search: Search): ParsedCertificate[] {
  const { distances, roots, bySubject } = search;
  const wanted = child.authorityKeyId?.keyId;
  const rank = (one: ParsedCertificate): number => {
    const isOther = wanted !== undefined && one.subjectKeyId !== undefined && !wanted.equals(one.subjectKeyId);
    const way = roots.has(one) ? 0 : 1 + (distances.get(one.issuer.key) ?? PATH_LENGTH_MAX);
    return (isOther ? 1_000 : 0) + way;
  };
  return (bySubject.get(child.issuer.key) ?? [])
    .filter((one) => (roots.has(one) || distances.has(one.issuer.key)) && !isOnPath(one, path))
    .sort((one, other) => rank(one) - rank(other) || other.notBefore.ms - one.notBefore.ms);
}

/** The same name with the same key again would only be a way round (RFC 4158 2.4.2). */
function isOnPath(one: ParsedCertificate, path: ParsedCertificate[]): boolean {
  return path.some(
    (other) => other === one || (other.subject.key === one.subject.key && other.key.der.equals(one.key.der)),
  );
}

function checkStep(
  issuer: ParsedCertificate,
  child: ParsedCertificate,
  path: ParsedCertificate[],
  search: Search,
): PathFault | undefined {
  if (!search.authorities.has(issuer)) {
    const place = search.roots.has(issuer) ? 'root' : 'authority';
    search.authorities.set(issuer, checkAuthority(issuer, place, search.request));
  }
  const own = search.authorities.get(issuer);
  if (own !== undefined) return own;
  const between = path.slice(1).filter((one) => !isSelfIssued(one)).length;
  if (issuer.pathLength !== undefined && between > issuer.pathLength) return fault('chain.path-length', issuer);
  return isSignedBy(child, issuer) === false ? fault('chain.signature', child) : undefined;
}

/** A way to a root was found: does all of it hold together? */
function checkWhole(upward: ParsedCertificate[], search: Search): CheckedPath | undefined {
  search.budget.paths += 1;
  const path = [...upward].reverse();
  const checked = checkPath(path, search.request, search.request.policies ?? {}, search.budget.effort);
  const wrong = 'reason' in checked ? checked : checkStatuses(checked, search);
  if (wrong === undefined && 'keys' in checked) return checked;
  // What was too much for one path is too much for the next.
  if (wrong?.reason === 'chain.limit') search.isExhausted = true;
  if (wrong !== undefined) search.whole ??= { wrong, path: upward };
  return undefined;
}

/** Asks for the status of every certificate below the root (RFC 5280 6.1.3 a 3). */
function checkStatuses({ certificates, keys }: CheckedPath, search: Search): PathFault | undefined {
  const { request } = search;
  if (request.revocation === 'as-told' && request.crls.length === 0) return undefined;
  const root = certificates[0]!;
  const context: StatusContext = {
    crls: request.crls,
    demands: request,
    signersNamed: (key) => search.bySubject.get(key) ?? [],
    isOver: () => isSpent(search),
    isTrusted: (signer, certificate) => isSignerTrusted(signer, certificate, root, search),
  };
  let unclear: PathFault | undefined;
  for (const [at, certificate] of certificates.entries()) {
    const above = certificates[at - 1];
    if (above === undefined) continue;
    const status = checkStatus(certificate, { certificate: above, key: keys[at - 1] }, context);
    const wrong = statusFault(certificate, status, request);
    // What was revoked is certain, and told before what is not known.
    if (wrong?.reason === 'chain.revoked') return wrong;
    unclear ??= wrong;
  }
  return unclear;
}

function statusFault(
  certificate: ParsedCertificate,
  status: CertificateStatus,
  request: PathRequest,
): PathFault | undefined {
  if (status.is === 'revoked') return fault('chain.revoked', certificate, status.entry.reason);
  if (status.is === 'unknown') return fault('chain.status', certificate, status.detail);
  if (status.is === 'not-told' && request.revocation === 'require')
    return fault('chain.status', certificate, 'no revocation list');
  return undefined;
}

/** Who signs lists leads to the same root as the certificate (RFC 5280 6.3.3 f), and its own status is asked for too. */
function isSignerTrusted(
  signer: ParsedCertificate,
  certificate: ParsedCertificate,
  root: ParsedCertificate,
  search: Search,
): boolean {
  if (search.roots.has(signer)) return signer === root;
  const mark = signer.der.toString('latin1');
  // Who is told by its own authority to list itself (PKITS 4.14.30) is judged by the path that is being looked at.
  if (search.busy.at(-1) === mark && signer === certificate && namesItself(signer)) return true;
  if (search.busy.includes(mark) || search.busy.length >= NESTING_MAX) return false;
  const { request } = search;
  const inner: Search = {
    ...search,
    request: {
      at: request.at,
      strictness: request.strictness,
      revocation: request.revocation,
      roots: [root],
      intermediates: request.intermediates,
      crls: request.crls,
    },
    roots: new Set([root]),
    busy: [...search.busy, mark],
    authorities: new Map(),
    isExhausted: false,
  };
  const own = checkCertificate(signer, 'leaf', { at: request.at, strictness: lenient(request) });
  return own === undefined && extend([signer], inner) !== undefined;
}

function namesItself({ distributionPoints = [], subject }: ParsedCertificate): boolean {
  return distributionPoints.some(({ crlIssuer }) =>
    crlIssuer?.some((name) => name.form === 'directory' && name.name.key === subject.key),
  );
}

/** The rules of the web for who serves or asks are not for who signs lists: it may be an authority. */
function lenient({ strictness }: PathRequest): Demands['strictness'] {
  return strictness === 'web' ? 'exchange' : strictness;
}
