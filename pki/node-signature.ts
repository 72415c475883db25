/** The word of a node on bytes, for other nodes: signed with its certificate of the exchange, checked against the roots and the name in it. */
import { type KeyObject, sign, verify, X509Certificate } from 'node:crypto';
import { publicKeyOf } from './certificate.ts';
import { mayCarryName, type NodeName, readNodeName } from './node-name.ts';
import { type Trust, verifyChain } from './trust.ts';

export interface NodeSigner {
  key: KeyObject;
  /** Leaf first. */
  certificateChain: X509Certificate[];
}

export type NodeSignatureVerdict =
  | { holds: true; name: NodeName /** Until when the certificate holds, ms since the epoch. */; until: number }
  | { holds: false; reason: string };

const SIGNATURE_LENGTH_MAX = 64 * 1024;
const CHAIN_LENGTH_MAX = 8;

/** SHA-256 of the bytes, signed with the node's key (ECDSA or RSA by its kind), and the chain to check it by; JSON. */
export function signAsNode(bytes: Uint8Array, signer: NodeSigner): string {
  return JSON.stringify({
    value: sign('sha256', bytes, signer.key).toString('base64'),
    chain: signer.certificateChain.map((one) => one.raw.toString('base64')),
  });
}

/**
 * Is this the word of a node of that role (and organisation, where given)? The chain must lead to our roots now, and its authorities may name that node.
 * Never throws for what the signature says.
 */
export function verifyNodeSignature(
  bytes: Uint8Array,
  signature: string,
  trust: Trust,
  wanted: { role: NodeName['role']; organization?: string },
): NodeSignatureVerdict {
  const read = readSignature(signature);
  const leaf = read?.chain[0];
  if (read === undefined || leaf === undefined) return { holds: false, reason: 'not a signature' };
  const verdict = verifyChain(leaf, {
    ...trust,
    intermediates: [...(trust.intermediates ?? []), ...read.chain.slice(1)],
  });
  if (!verdict.ok) return { holds: false, reason: verdict.reason };
  const name = nameOf(leaf);
  if (name === undefined || !mayCarryName(verdict.chain, name))
    return { holds: false, reason: 'the certificate names no node' };
  if (name.role !== wanted.role || (wanted.organization ?? name.organization) !== name.organization)
    return { holds: false, reason: `the certificate is not of the ${wanted.role} node` };
  const key = publicKeyOf(leaf);
  if (key === undefined || !verifies(bytes, key, read.value))
    return { holds: false, reason: 'the signature does not hold' };
  return { holds: true, name, until: leaf.validToDate.getTime() };
}

function verifies(bytes: Uint8Array, key: KeyObject, value: Buffer): boolean {
  try {
    return verify('sha256', bytes, key, value);
  } catch {
    return false;
  }
}

function nameOf(leaf: X509Certificate): NodeName | undefined {
  try {
    return readNodeName(leaf);
  } catch {
    return undefined;
  }
}

function readSignature(text: string): { value: Buffer; chain: X509Certificate[] } | undefined {
  if (text.length > SIGNATURE_LENGTH_MAX) return undefined;
  try {
    const read = JSON.parse(text) as { value?: unknown; chain?: unknown };
    if (typeof read.value !== 'string' || !Array.isArray(read.chain) || read.chain.length > CHAIN_LENGTH_MAX)
      return undefined;
    const chain = read.chain.map((one) => new X509Certificate(Buffer.from(String(one), 'base64')));
    return { value: Buffer.from(read.value, 'base64'), chain };
  } catch {
    return undefined;
  }
}
