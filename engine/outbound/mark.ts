/**
 * MSH-10 of what we pass on. It derives from the delivery, so that a repeat has the same one, and carries a mark by which this node
 * knows its own messages again when a route or a receiver sends them back.
 */
import { createHash } from 'node:crypto';

const ID_LENGTH = 12;
const MARK_LENGTH = 6;
const PREFIX = 'MX';
/** Base 32 of RFC 4648 chapter 7 (base32hex). */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUV';

/** The control id of a delivery: 20 characters (chapter 2.14.9.10), the same each time. `node` names this node in the exchange. */
export function controlIdOf(deliveryId: string, node: string): string {
  const id = digits(`delivery|${deliveryId}`, ID_LENGTH);
  return `${PREFIX}${id}${digits(`mark|${node}|${id}`, MARK_LENGTH)}`;
}

/** Did this node send the message with this control id? (By chance one in 2^30 says yes.) */
export function isOwnControlId(controlId: string, node: string): boolean {
  if (controlId.length !== PREFIX.length + ID_LENGTH + MARK_LENGTH || !controlId.startsWith(PREFIX)) return false;
  const id = controlId.slice(PREFIX.length, PREFIX.length + ID_LENGTH);
  return controlId.slice(PREFIX.length + ID_LENGTH) === digits(`mark|${node}|${id}`, MARK_LENGTH);
}

function digits(text: string, length: number): string {
  const hash = createHash('sha256').update(text).digest();
  return Array.from(hash.subarray(0, length), (byte) => DIGITS[byte & 31]).join('');
}
