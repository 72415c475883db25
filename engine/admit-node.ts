/** Another node as it is admitted: by the chain of its TLS certificate, as one of the nodes that our settings name. Part of `admit.ts`. */
import { X509Certificate } from 'node:crypto';
import { type ChainVerdict, type Crl, mayCarryName, readNodeName, verifyChain } from '../pki/index.ts';
import { type FaultCode, MixError } from '../schemas/errors/index.ts';
import type { NodeRole, NodeSubject, Requester } from '../schemas/exchange.ts';
import type { Clock } from '../schemas/parts.ts';
import { PURPOSES } from '../schemas/xacml/attributes.ts';

/** Whom we believe, and whom we know. */
export interface NodeTrust {
  roots: X509Certificate[];
  /** Authorities below the roots that nodes need not show. */
  intermediates?: X509Certificate[];
  crls?: readonly Crl[];
  /** `exchange.nodes` of the settings: the one above, and those below. */
  nodes: readonly { name: string; role: NodeRole; organization: string }[];
}

/** Longest chain that is looked at. */
const CHAIN_LENGTH_MAX = 10;
const HEADER_LENGTH_MAX = 4_096;
const ROLES_MAX = 20;
/** Roles of people that nodes may tell of each other's; others are passed over. */
const TOLD_ROLES = new Set(['administrator', 'interface-analyst', 'doctor', 'nurse', 'privacy-officer']);
/** A verdict on what a node showed holds this long, unless what we trust changes. */
const VERDICT_HELD_MS = 1_000;
/** Verdicts held at once; beyond this the oldest is forgotten. */
const VERDICTS_MAX = 1_000;

/**
 * The node at the other end. `chain` is what it showed (DER, leaf first), `requester` the header as sent, `at` the time in ms.
 * Throws `admit.no-certificate`, `admit.not-of-exchange`, `admit.revoked`, `admit.status`, `admit.wrong-role`, `admit.requester`.
 */
export function admitNode(
  chain: readonly Buffer[],
  requester: string | undefined,
  trust: NodeTrust,
  at: number,
): NodeSubject {
  return withRequester(judge(chain, trust, at), requester);
}

/** {@link admitNode} for a door that asks at every request: a verdict on the same certificates is held for a second. */
export function createNodeAdmission(
  trust: () => NodeTrust,
  clock: Clock,
): (chain: Buffer[], requester?: string) => NodeSubject {
  const held = new Map<string, { node: NodeSubject; trust: NodeTrust; at: number }>();
  const keys = new WeakMap<Buffer[], string>();
  /** The list is made once a connection, so its key is too. */
  const keyOf = (chain: Buffer[]): string => {
    const key = keys.get(chain) ?? chain.map((der) => der.toString('base64')).join();
    keys.set(chain, key);
    return key;
  };
  return (chain, requester) => {
    const [now, ours, key] = [clock.now(), trustNow(trust), keyOf(chain)];
    const known = held.get(key);
    if (known && isSame(known.trust, ours) && now >= known.at && now < known.at + VERDICT_HELD_MS)
      return withRequester(known.node, requester);
    held.delete(key);
    const node = judge(chain, ours, now);
    if (held.size >= VERDICTS_MAX) held.delete(held.keys().next().value!);
    held.set(key, { node, trust: ours, at: now });
    return withRequester(node, requester);
  };
}

/** Trust that can not be read lets nobody in for now: a list that is damaged, a folder that is gone. */
function trustNow(trust: () => NodeTrust): NodeTrust {
  try {
    return trust();
  } catch (cause) {
    throw new MixError('admit.status', { detail: cause instanceof MixError ? cause.fault.code : 'unreadable', cause });
  }
}

function isSame(one: NodeTrust, other: NodeTrust): boolean {
  return (
    one.roots === other.roots &&
    one.intermediates === other.intermediates &&
    one.crls === other.crls &&
    one.nodes === other.nodes
  );
}

function judge(chain: readonly Buffer[], trust: NodeTrust, at: number): NodeSubject {
  const [leaf, ...above] = chain.slice(0, CHAIN_LENGTH_MAX).map(readShown);
  if (chain.length === 0) throw new MixError('admit.no-certificate');
  if (leaf === undefined) throw new MixError('admit.not-of-exchange', { detail: 'certificate.malformed' });
  const verdict = verifyChain(
    leaf,
    {
      roots: trust.roots,
      intermediates: [...above.filter((one) => one !== undefined), ...(trust.intermediates ?? [])],
      ...(trust.crls === undefined ? {} : { crls: trust.crls }),
      at,
    },
    { purpose: 'clientAuth' },
  );
  if (!verdict.ok) throw refusalOf(verdict);
  const name = readNodeName(leaf);
  if (name === undefined) throw new MixError('admit.wrong-role', { place: 'subjectAltName', detail: 'no node' });
  if (!mayCarryName(verdict.chain, name))
    throw new MixError('admit.not-of-exchange', { detail: 'its authority is of another organisation' });
  const known = trust.nodes.find((one) => one.role === name.role && one.organization === name.organization);
  if (known === undefined)
    throw new MixError('admit.wrong-role', { place: 'subjectAltName', detail: `${name.role} ${name.organization}` });
  return { kind: 'peer', id: known.name, role: name.role, organization: name.organization };
}

function readShown(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

function refusalOf({ reason }: Extract<ChainVerdict, { ok: false }>): MixError {
  const code: FaultCode =
    reason === 'chain.revoked' ? 'admit.revoked' : reason === 'chain.status' ? 'admit.status' : 'admit.not-of-exchange';
  return new MixError(code, { detail: reason });
}

function withRequester(node: NodeSubject, header: string | undefined): NodeSubject {
  if (header === undefined) return node;
  const told = readRequester(header);
  // A hospital asks for its own people only, so its name is ours to tell.
  return { ...node, onBehalf: node.role === 'hospital' ? { ...told, node: node.id } : told };
}

/** Throws `admit.requester`; unknown roles are left out. */
function readRequester(header: string): Requester {
  const bad = (place: string) => new MixError('admit.requester', { place });
  if (header.length > HEADER_LENGTH_MAX || !/^[A-Za-z0-9_-]+$/.test(header)) throw bad('http.x-mix-requester');
  let told: unknown;
  try {
    told = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
  } catch {
    throw bad('http.x-mix-requester');
  }
  if (typeof told !== 'object' || told === null) throw bad('http.x-mix-requester');
  const { node, user, roles, purpose } = told as Partial<Record<keyof Requester, unknown>>;
  if (!isName(node, 64)) throw bad('node');
  if (!isName(user, 200)) throw bad('user');
  if (!Array.isArray(roles) || roles.length > ROLES_MAX) throw bad('roles');
  const known = PURPOSES.find((one) => one === purpose);
  if (known === undefined) throw bad('purpose');
  const allowed = roles.filter((role): role is string => typeof role === 'string' && TOLD_ROLES.has(role));
  return { node, user, roles: [...new Set(allowed)], purpose: known };
}

/** A text of people: no line ends and no other control characters, since it goes into the audit. */
function isName(text: unknown, max: number): text is string {
  return typeof text === 'string' && text.length > 0 && text.length <= max && !/\p{C}/u.test(text);
}
