/** Is a certificate for this host, address or mailbox? Only subjectAltName tells (RFC 9525 6; RFC 8398 and 9598 for mail are not used). */
import { isIP } from 'node:net';
import { addressBytes } from '../der.ts';
import type { ParsedCertificate } from './parse-certificate.ts';

export type NameKind = 'host' | 'address' | 'mailbox';

/** What kind of name is asked for; undefined for a text that is none, such as a host with letters beyond ASCII (give its A-labels). */
export function kindOfName(name: string): NameKind | undefined {
  if (isIP(name) !== 0 && !name.includes('%')) return 'address';
  if (name.includes('@')) return isMailbox(name) ? 'mailbox' : undefined;
  return isHostName(name.replace(/\.$/, '')) ? 'host' : undefined;
}

/** Letters, digits and hyphens in labels of up to 63 (RFC 1123 2.1); the last is not all digits, so that no address passes for a host. */
export function isHostName(text: string): boolean {
  return (
    text.length <= 253 &&
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i.test(text) &&
    !/(^|\.)(\d+|0x[0-9a-f]*)$/i.test(text)
  );
}

export function isMailbox(text: string): boolean {
  const at = text.lastIndexOf('@');
  return at > 0 && text.length <= 320 && !/[\s@]/.test(text.slice(0, at)) && isHostName(text.slice(at + 1));
}

/** A dNSName as it may stand in a certificate: a host, or `*.` and a host (RFC 9525 6.3). */
export function isPresentedHost(text: string): boolean {
  return isHostName(text.startsWith('*.') ? text.slice(2) : text);
}

/** Does the certificate name it? Never throws; a text that is no name is named by nobody. */
export function carriesName({ altNames = [] }: ParsedCertificate, name: string): boolean {
  const kind = kindOfName(name);
  if (kind === 'address') {
    const wanted = addressBytes(name);
    return altNames.some((one) => one.form === 'ip' && one.bytes.equals(wanted));
  }
  if (kind === 'mailbox') {
    const wanted = mailboxKey(name);
    return altNames.some((one) => one.form === 'email' && isMailbox(one.text) && mailboxKey(one.text) === wanted);
  }
  if (kind === undefined) return false;
  const host = name.replace(/\.$/, '').toLowerCase();
  return altNames.some((one) => one.form === 'dns' && isPresentedHost(one.text) && matchesHost(one.text, host));
}

/** The part before @ counts letter by letter, the host does not (RFC 5280 7.5). */
function mailboxKey(text: string): string {
  const at = text.lastIndexOf('@');
  return text.slice(0, at) + text.slice(at).toLowerCase();
}

/** A wildcard is all of the leftmost label, stands for exactly one, and not for one of an internationalised name (RFC 9525 6.3). */
function matchesHost(presented: string, host: string): boolean {
  const name = presented.toLowerCase();
  if (!name.startsWith('*.')) return name === host;
  const dot = host.indexOf('.');
  return dot > 0 && host.slice(dot) === name.slice(1) && !host.startsWith('xn--');
}

/** Labels under which registries give out names, where two-letter domains have them (`co.uk`); the whole public list is not carried. */
const SECOND_LEVEL = /^(ac|co|com|edu|go|gob|gov|gouv|gv|mil|ne|net|nhs|nom|or|org|police|sch)\.[a-z]{2}$/i;

/** A wildcard over a whole top-level or registry domain (BR 3.2.2.6). */
export function isTooWide(presented: string): boolean {
  if (!presented.startsWith('*.')) return false;
  const base = presented.slice(2);
  return !base.includes('.') || SECOND_LEVEL.test(base);
}
