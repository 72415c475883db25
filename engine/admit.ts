/**
 * Who is asking: the one place where a credential becomes a {@link Subject}.
 *
 * Today: password (one-time or own) to session, the listeners' configured sources, and other nodes by their certificates (`admit-node.ts`).
 * SAML and cards join here.
 */
import { createHash, randomBytes, randomInt, scrypt, timingSafeEqual } from 'node:crypto';
import { MixError } from '../schemas/errors/index.ts';
import type { AuditEntry, Clock, Source, Store, User } from '../schemas/parts.ts';

export { admitNode, createNodeAdmission, type NodeTrust } from './admit-node.ts';

/** Somebody or something that asks; made only here. */
export interface Subject {
  kind: 'user' | 'source' | 'node';
  id: string;
  name: string;
  roles: string[];
  /** Of a user's session, ISO 8601; '' for what has none. */
  sessionEndsAt: string;
  mustChangeSecret: boolean;
  /** Digest of the session's token: tells this session from the person's others. */
  sessionKey: string;
}

interface Session {
  subject: Subject;
  endsAt: number;
  hardEndsAt: number;
}

export interface Admission {
  signIn(name: string, secret: string): Promise<{ token: string; subject: Subject }>;
  /** The subject of a session token, its clock moved on unless `touch` is false; undefined when the session ended. */
  admit(token: string, options?: { touch?: boolean }): Subject | undefined;
  signOut(token: string): Promise<void>;
  /** Ends the person's other sessions. */
  changeSecret(subject: Subject, old: string, next: string): Promise<void>;
  /** Makes the first user when the store has none; returns the one-time password, which is kept nowhere. */
  firstUser(id: string, roles: string[]): Promise<string | undefined>;
  /** A new one-time password for a user who did not use the first, or lost it: only for the operator at the machine. */
  renewOneTimeSecret(id: string): Promise<string>;
}

const SESSIONS_MAX = 10_000;
const SESSION_HOURS_MAX = 12;
/** NIST SP 800-63B 5.1.1.2 asks for 8 at least; we ask for more and for no composition rules. */
const SECRET_LENGTH_MIN = 12;
const SECRET_LENGTH_MAX = 256;
/** scrypt (RFC 7914) at N=2^15, r=8, p=1: about 80 ms and 32 MB a try. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

const NO_SESSION = { sessionEndsAt: '', mustChangeSecret: false, sessionKey: '' };

/** The source of a listener as a subject: the listener's settings vouch for it. */
export function admitSource(source: Source): Subject {
  return { kind: 'source', id: source.id, name: source.id, roles: ['source'], ...NO_SESSION };
}

/** The node itself, for its own jobs. */
export const nodeSubject: Subject = Object.freeze({
  kind: 'node',
  id: 'node',
  name: 'this node',
  roles: ['node'],
  ...NO_SESSION,
});

/** Sessions live in memory: a restart signs everybody out. */
export function createAdmission(parts: { store: Store; clock: Clock }, options: { sessionMinutes: number }): Admission {
  const { store, clock } = parts;
  const sessions = new Map<string, Session>();
  const audit = (entry: Omit<AuditEntry, 'at' | 'what'>) =>
    store.commit({ audit: [{ at: clock.now(), what: 'session', ...entry }] });

  function open(user: User): { token: string; subject: Subject } {
    if (sessions.size >= SESSIONS_MAX) dropEnded();
    if (sessions.size >= SESSIONS_MAX) throw new MixError('admit.too-many-sessions');
    const token = randomBytes(32).toString('base64url');
    const now = clock.now();
    const endsAt = now + options.sessionMinutes * 60_000;
    const subject: Subject = {
      kind: 'user',
      id: user.id,
      name: user.name,
      roles: user.roles,
      mustChangeSecret: user.oneTime,
      sessionEndsAt: new Date(endsAt).toISOString(),
      sessionKey: keyOf(token),
    };
    sessions.set(subject.sessionKey, { subject, endsAt, hardEndsAt: now + SESSION_HOURS_MAX * 3_600_000 });
    return { token, subject };
  }

  function dropEnded(): void {
    const now = clock.now();
    for (const [key, session] of sessions) if (session.endsAt <= now) sessions.delete(key);
  }

  function admit(token: string, how: { touch?: boolean } = {}): Subject | undefined {
    const session = sessions.get(keyOf(token));
    if (session === undefined) return undefined;
    const now = clock.now();
    if (session.endsAt <= now) {
      sessions.delete(session.subject.sessionKey);
      return undefined;
    }
    if (how.touch !== false) {
      session.endsAt = Math.min(now + options.sessionMinutes * 60_000, session.hardEndsAt);
      session.subject.sessionEndsAt = new Date(session.endsAt).toISOString();
    }
    return session.subject;
  }

  async function changeSecret(subject: Subject, old: string, next: string): Promise<void> {
    const user = await store.user(subject.id);
    if (user === undefined || !sessions.has(subject.sessionKey)) throw new MixError('http.not-signed-in');
    if (!(await verifySecret(old, user.secret.replace(USED, '')))) throw new MixError('admit.wrong-secret');
    if (next.length < SECRET_LENGTH_MIN || next.length > SECRET_LENGTH_MAX || next === old) {
      throw new MixError('admit.weak-secret', {
        detail: `${SECRET_LENGTH_MIN} to ${SECRET_LENGTH_MAX} characters, not the old one`,
      });
    }
    await store.putUser({ ...user, secret: await hashSecret(next), oneTime: false });
    await audit({ who: user.id, action: 'update', outcome: 'Permit', reason: 'password changed' });
    for (const [key, session] of sessions) {
      if (session.subject.id === user.id && key !== subject.sessionKey) sessions.delete(key);
    }
    subject.mustChangeSecret = false;
  }

  async function setOneTime(user: User): Promise<string> {
    const secret = makeOneTimeSecret();
    await store.putUser({ ...user, secret: await hashSecret(secret), oneTime: true });
    return secret;
  }

  return {
    admit,
    changeSecret,
    async signIn(name, secret) {
      const user = await store.user(name);
      // The same work for a name that does not exist: the time must not tell who does.
      const holds = await verifySecret(secret, user?.secret ?? DUMMY_SECRET);
      if (user === undefined || !holds) {
        await audit({ who: 'unknown', action: 'sign-in', outcome: 'Deny', reason: 'wrong name or password' });
        throw new MixError('admit.wrong-secret');
      }
      await audit({ who: user.id, action: 'sign-in', outcome: 'Permit' });
      if (user.oneTime) await store.putUser({ ...user, secret: `${USED}${user.secret}` });
      return open(user);
    },
    async signOut(token) {
      const session = sessions.get(keyOf(token));
      sessions.delete(keyOf(token));
      if (session) await audit({ who: session.subject.id, action: 'sign-out', outcome: 'Permit' });
    },
    async firstUser(id, roles) {
      const known = await store.user(id);
      if (known !== undefined) return undefined;
      return setOneTime({ id, name: id, roles, secret: '', oneTime: true });
    },
    async renewOneTimeSecret(id) {
      const user = await store.user(id);
      if (user === undefined) throw new MixError('http.not-found', { detail: 'user' });
      return setOneTime(user);
    },
  };
}

/** Four groups of four letters that are not mistaken for one another: 76 bits. */
function makeOneTimeSecret(): string {
  const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ234';
  const group = () => Array.from({ length: 4 }, () => letters[randomInt(letters.length)]).join('');
  return [group(), group(), group(), group()].join('-');
}

function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

function derive(secret: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret.normalize('NFKC'), salt, 32, SCRYPT, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(16);
  return `scrypt$${salt.toString('base64')}$${(await derive(secret, salt)).toString('base64')}`;
}

/** A one-time password that was used opens no second session; it still proves its holder when the own one is chosen. */
const USED = 'used$';

const DUMMY_SECRET = `scrypt$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(32).toString('base64')}`;

async function verifySecret(secret: string, stored: string): Promise<boolean> {
  const [scheme, salt, wanted] = stored.split('$');
  if (scheme !== 'scrypt' || salt === undefined || wanted === undefined || secret.length > SECRET_LENGTH_MAX)
    return false;
  const key = await derive(secret, Buffer.from(salt, 'base64'));
  const expected = Buffer.from(wanted, 'base64');
  return key.length === expected.length && timingSafeEqual(key, expected);
}
