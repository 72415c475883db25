/** What `verify-chain` is asked, from a line of JSON or from options: one form, checked once. */
import { type ChainCase, type PolicyInputs, PURPOSE, type Purpose, validateChain } from '../../pki/index.ts';
import { MixError } from '../../schemas/errors/index.ts';

export interface ChainAnswer {
  ok: boolean;
  /** A code of `docs/errors.md`; null where the chain holds. */
  reason: string | null;
  /** The certificate at fault, counted from the leaf (0), and its key identifier. */
  index?: number;
  keyId?: string;
  detail?: string;
  /** DER of the path that holds, leaf first. */
  path?: string[];
}

/** Short names for purposes, as people and other tools write them. */
const ALIASES: Readonly<Record<string, Purpose>> = {
  server: 'serverAuth',
  tlsserver: 'serverAuth',
  sslserver: 'serverAuth',
  client: 'clientAuth',
  tlsclient: 'clientAuth',
  sslclient: 'clientAuth',
  email: 'emailProtection',
  smime: 'emailProtection',
  document: 'documentSigning',
  ocsp: 'ocspSigning',
  timestamp: 'timeStamping',
  code: 'codeSigning',
};
const NO_PURPOSE = new Set(['', 'any', 'none', 'anyextendedkeyusage']);

/** Names that `--purpose` takes. */
export const PURPOSE_NAMES = ['server', 'client', 'email', 'document', 'ocsp', 'timestamp', 'code', 'any'];

function bad(place: string, detail?: string): MixError {
  return new MixError('chain.case', detail === undefined ? { place } : { place, detail });
}

/** A purpose by its short name, its name in RFC 5280 4.2.1.12 or its OID; undefined for any. Throws `chain.case`. */
export function readPurpose(text: string): Purpose | undefined {
  const plain = text
    .toLowerCase()
    .replace(/^id-kp-/, '')
    .replace(/[-_ ]/g, '');
  if (NO_PURPOSE.has(plain)) return undefined;
  const known = Object.entries(PURPOSE).find(([name, oid]) => name.toLowerCase() === plain || oid === text);
  const found = known?.[0] ?? (Object.hasOwn(ALIASES, plain) ? ALIASES[plain] : undefined);
  if (found === undefined) throw bad('purpose', 'not known');
  return found as Purpose;
}

/** An ISO 8601 time, ms since the epoch; without a zone it is UTC. Throws `chain.case`. */
export function readTime(text: string): number {
  const parts = /^(\d{4,6}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?(Z|[+-]\d\d:?\d\d)?$/i.exec(
    text.trim(),
  );
  const time = parts === null ? Number.NaN : Date.parse(`${parts[1]}T${parts[2] ?? '00:00:00'}${parts[3] ?? 'Z'}`);
  if (Number.isNaN(time)) throw bad('at', 'not an ISO time');
  return time;
}

/** Dotted OIDs of an initial policy set. Throws `chain.case`. */
export function readOids(list: readonly unknown[]): string[] {
  return list.map((one) => {
    if (typeof one !== 'string' || !/^[0-2](\.(0|[1-9]\d*)){1,40}$/.test(one))
      throw bad('policies.initialPolicySet', 'not an OID');
    return one;
  });
}

/** One line of a batch. Throws `chain.case` with the field that is wrong. */
export function readCase(line: string): {
  id: string | number | null;
  purposes: (Purpose | undefined)[];
  asked: ChainCase;
} {
  let read: unknown;
  try {
    read = JSON.parse(line);
  } catch {
    throw bad('line', 'not JSON');
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) throw bad('line', 'not an object');
  const fields = read as Record<string, unknown>;
  const asked: ChainCase = {
    leaf: texts(fields, 'leaf')[0] ?? Buffer.alloc(0),
    roots: texts(fields, 'roots'),
    intermediates: texts(fields, 'intermediates'),
    crls: texts(fields, 'crls'),
    at: fields.at === null || fields.at === undefined ? Date.now() : readTime(textOf(fields, 'at')),
    revocation: flag(fields.revocation, 'revocation'),
  };
  if (fields.name !== null && fields.name !== undefined) asked.name = textOf(fields, 'name');
  if (fields.policies !== null && fields.policies !== undefined) asked.policies = readPolicies(fields.policies);
  return { id: idOf(fields), purposes: purposesOf(fields.purpose), asked };
}

function idOf({ id }: Record<string, unknown>): string | number | null {
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

/** The id of a line whose other fields can not be read. */
export function idOfLine(line: string): string | number | null {
  try {
    return idOf(Object(JSON.parse(line)) as Record<string, unknown>);
  } catch {
    return null;
  }
}

function textOf(fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw bad(name, 'not a text');
  return value;
}

function texts(fields: Record<string, unknown>, name: string): Buffer[] {
  const value = fields[name] ?? [];
  return (Array.isArray(value) ? (value as unknown[]) : [value]).map((one) => {
    if (typeof one !== 'string') throw bad(name, 'not PEM');
    return Buffer.from(one, 'utf8');
  });
}

function flag(value: unknown, place: string): boolean {
  if (value === undefined || value === null || typeof value === 'boolean') return value ?? false;
  throw bad(place, 'not true or false');
}

/** Several purposes must all hold. */
function purposesOf(value: unknown): (Purpose | undefined)[] {
  const list: unknown[] = Array.isArray(value) ? value : [value ?? ''];
  const read = list.map((one) => {
    if (typeof one !== 'string') throw bad('purpose', 'not a text');
    return readPurpose(one);
  });
  return read.length === 0 ? [undefined] : read;
}

function readPolicies(value: unknown): PolicyInputs {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('policies', 'not an object');
  const fields = value as Record<string, unknown>;
  const wanted = fields.initialPolicySet ?? [];
  if (!Array.isArray(wanted)) throw bad('policies.initialPolicySet', 'not a list');
  const read: PolicyInputs = {
    explicitPolicy: flag(fields.explicitPolicy, 'policies.explicitPolicy'),
    inhibitMapping: flag(fields.inhibitMapping, 'policies.inhibitMapping'),
    inhibitAny: flag(fields.inhibitAny, 'policies.inhibitAny'),
  };
  return wanted.length === 0 ? read : { ...read, initialPolicySet: readOids(wanted as unknown[]) };
}

/** Asks for each purpose; the first refusal is the answer. */
export function answerCase(asked: ChainCase, purposes: readonly (Purpose | undefined)[]): ChainAnswer {
  let answer: ChainAnswer = { ok: false, reason: 'chain.case' };
  for (const purpose of purposes) {
    const verdict = validateChain(purpose === undefined ? asked : { ...asked, purpose });
    if (!verdict.ok) return verdict;
    answer = { ok: true, reason: null, path: verdict.path.map(({ der }) => der.toString('base64')) };
  }
  return answer;
}
