/** Name constraints (RFC 5280 4.2.1.10, 6.1.3 b and c, 6.1.4 g): gathered on the way down, each name held against all of them. */
import { EMAIL_ADDRESS, type GeneralName, isWithin } from './names.ts';
import type { ParsedCertificate } from './parse-certificate.ts';
import type { NameConstraints } from './read-extensions.ts';

type Form = GeneralName['form'];
type Judgement = 'in' | 'out' | 'unclear';

/** What the authorities above allow. Permitted sets are kept apart: a name must lie in one subtree of each. */
export interface ConstraintState {
  permitted: GeneralName[][];
  excluded: GeneralName[];
  effort: Effort;
}

/** What was spent so far on all paths of a search, so that names times constraints, or policies times mappings, cannot hold us up. */
export interface Effort {
  comparisons: number;
  policies: number;
}

/** Most comparisons of names for one search. */
const COMPARISONS_MAX = 500_000;

export function freshConstraints(effort: Effort): ConstraintState {
  return { permitted: [], excluded: [], effort };
}

/** Adds an authority's constraints; a text tells why they can not be used. */
export function addConstraints(
  state: ConstraintState,
  constraints: NameConstraints,
  isWeb: boolean,
): string | undefined {
  const all = [...constraints.permitted, ...constraints.excluded];
  if (all.some(({ hasRange }) => hasRange)) return 'a minimum or maximum';
  const broken = all.find(({ base }) => !isWellFormed(base, isWeb));
  if (broken !== undefined) return `a ${broken.base.form} constraint that is not well formed`;
  if (constraints.permitted.length > 0) state.permitted.push(constraints.permitted.map(({ base }) => base));
  state.excluded.push(...constraints.excluded.map(({ base }) => base));
  return undefined;
}

/** Is a constraint of a shape that means something? A leading period in a DNS constraint is no shape of RFC 5280. */
function isWellFormed(base: GeneralName, isWeb: boolean): boolean {
  switch (base.form) {
    case 'dns':
      return isHost(isWeb ? base.text : base.text.replace(/^\./, ''));
    case 'uri':
      return isHost(base.text.replace(/^\./, '')) && base.text !== '';
    case 'email': {
      const [host = '', local, ...more] = base.text.split('@').reverse();
      if (local === undefined) return isHost(host.replace(/^\./, ''));
      return more.length === 0 && local !== '' && host !== '' && isHost(host);
    }
    case 'ip':
      return (
        (base.bytes.length === 8 || base.bytes.length === 32) && isMask(base.bytes.subarray(base.bytes.length / 2))
      );
    default:
      return true;
  }
}

function isHost(text: string): boolean {
  return (
    text === '' ||
    (text.length <= 253 &&
      /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i.test(text))
  );
}

/** Ones, then zeros (RFC 4632 3.1). */
function isMask(mask: Buffer): boolean {
  const text = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(text);
}

/** Why a certificate's names are not allowed, `limit` when there are too many to say; undefined when they are. */
export function checkNames(state: ConstraintState, certificate: ParsedCertificate): string | undefined {
  if (state.permitted.length === 0 && state.excluded.length === 0) return undefined;
  const { effort } = state;
  for (const name of namesOf(certificate)) {
    for (const base of state.excluded) {
      if (++effort.comparisons > COMPARISONS_MAX) return 'limit';
      if (isRelated(base, name) && compare(base, name, true) !== 'out') return `an excluded ${name.form} name`;
    }
    for (const bases of state.permitted) {
      const own = bases.filter((base) => isRelated(base, name));
      effort.comparisons += bases.length + own.length;
      if (effort.comparisons > COMPARISONS_MAX) return 'limit';
      if (own.length > 0 && !own.some((base) => compare(base, name, false) === 'in'))
        return `a ${name.form} name that is not permitted`;
    }
  }
  return undefined;
}

/** Subject, alternative names, and the e-mail addresses that stand in the subject. */
function* namesOf({ subject, altNames = [] }: ParsedCertificate): Generator<GeneralName> {
  if (subject.rdns.length > 0) yield { form: 'directory', name: subject };
  for (const { type, text } of subject.attributes)
    if (type === EMAIL_ADDRESS) yield { form: 'email', text: text ?? '' };
  yield* altNames;
}

/** SmtpUTF8Mailbox (RFC 9598 6): an address in another form, that constraints on addresses bind too. */
const SMTP_UTF8_MAILBOX = '1.3.6.1.5.5.7.8.9';

function isRelated(base: GeneralName, name: GeneralName): boolean {
  if (base.form === 'email' && name.form === 'other') return name.type === SMTP_UTF8_MAILBOX;
  return base.form === name.form;
}

/** Where a name lies. `unclear` is what can not be compared: it counts as excluded, and never as permitted. */
function compare(base: GeneralName, name: GeneralName, isExcluding: boolean): Judgement {
  const told = COMPARISONS[base.form];
  if (told === undefined || name.form !== base.form) return 'unclear';
  return told(base, name, isExcluding);
}

const COMPARISONS: Partial<Record<Form, (base: GeneralName, name: GeneralName, isExcluding: boolean) => Judgement>> = {
  dns: (base, name, isExcluding) =>
    base.form === 'dns' && name.form === 'dns' ? compareDns(base.text, name.text, isExcluding) : 'unclear',
  email: (base, name) =>
    base.form === 'email' && name.form === 'email' ? compareEmail(base.text, name.text) : 'unclear',
  uri: (base, name) => (base.form === 'uri' && name.form === 'uri' ? compareUri(base.text, name.text) : 'unclear'),
  ip: (base, name) => (base.form === 'ip' && name.form === 'ip' ? compareIp(base.bytes, name.bytes) : 'unclear'),
  directory: (base, name) =>
    base.form === 'directory' && name.form === 'directory' && isWithin(name.name, base.name) ? 'in' : 'out',
};

const within = (host: string, base: string): boolean => base === '' || host === base || host.endsWith(`.${base}`);
const said = (isIn: boolean): Judgement => (isIn ? 'in' : 'out');

function compareDns(constraint: string, text: string, isExcluding: boolean): Judgement {
  const name = text.toLowerCase();
  let base = constraint.toLowerCase();
  const isBelowOnly = base.startsWith('.');
  if (isBelowOnly) base = base.slice(1);
  if (base === '') return 'in';
  const isWildcard = name.startsWith('*.');
  const host = isWildcard ? name.slice(2) : name;
  if (!isHost(host) || host === '') return 'unclear';
  // Some host that the wildcard stands for is the excluded one, or lies below it.
  if (isExcluding && isWildcard && base.endsWith(`.${host}`) && !base.slice(0, -host.length - 1).includes('.'))
    return 'in';
  return said(within(host, base) && (isExcluding || !isBelowOnly || isWildcard || host !== base));
}

/** A mailbox, all of a host, or (with a leading period) all hosts of a domain. */
function compareEmail(base: string, text: string): Judgement {
  const at = text.lastIndexOf('@');
  const host = text.slice(at + 1).toLowerCase();
  if (base === '') return 'in';
  if (at < 1 || !isHost(host) || host === '') return 'unclear';
  const constraint = base.toLowerCase();
  if (base.includes('@')) {
    const middle = base.lastIndexOf('@');
    return said(base.slice(0, middle) === text.slice(0, at) && constraint.slice(middle + 1) === host);
  }
  return said(constraint.startsWith('.') ? host.endsWith(constraint) : host === constraint);
}

/** The host of a URI with an authority; a URI without one, or with an address, can not be compared. */
function compareUri(base: string, text: string): Judgement {
  const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#:@[\]]+)(?::\d*)?(?:[/?#]|$)/i
    .exec(text)?.[1]
    ?.toLowerCase();
  if (host === undefined || !isHost(host) || /^[\d.]+$/.test(host)) return 'unclear';
  const constraint = base.toLowerCase();
  return said(constraint.startsWith('.') ? host.endsWith(constraint) : host === constraint);
}

function compareIp(base: Buffer, address: Buffer): Judgement {
  if (address.length !== 4 && address.length !== 16) return 'unclear';
  if (base.length !== address.length * 2) return 'out';
  const mask = base.subarray(address.length);
  return said(address.every((byte, at) => (byte & mask[at]!) === (base[at]! & mask[at]!)));
}
