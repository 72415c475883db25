/** What a node signs with, shows to other nodes, and trusts: its own authority, two identities, the roots of the exchange. */
import type { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineParts } from '../engine/index.ts';
import {
  type Authority,
  type Crl,
  createAuthority,
  type Identity,
  mayCarryName,
  openAuthority,
  openIdentity,
  readCertificates,
  readCrls,
  readNodeName,
  signDocument,
  verifyChain,
  verifyDocument,
  writeNodeName,
} from '../pki/index.ts';
import { MixError } from '../schemas/errors/index.ts';
import type { Clock } from '../schemas/parts.ts';
import type { Settings } from '../schemas/settings/index.ts';

export interface NodeKeys extends Pick<EngineParts, 'sign' | 'verify'> {
  /** The certificate that this node shows to others, renewed in time; its key. Only with an exchange. */
  face(): Identity;
  /** The roots of the exchange, and the revocation lists that lie in their folder now. */
  trust(): { roots: X509Certificate[]; crls: readonly Crl[] };
  /** The face and the roots of the exchange as TLS takes them, PEM. */
  tls(): { cert: string; key: string; ca: string[] };
  /** When the node's certificates end, ms since the epoch. */
  ends(): { name: string; endsAt: number }[];
  /** What is wrong with the chain that another node shows (leaf first), beyond what TLS itself looks at; undefined when nothing is. */
  judge(chain: X509Certificate[]): string | undefined;
}

/** Opens the node's authority and identities; what is missing is made at the first start. Throws `authority.*`, `key.*`. */
export function openKeys(settings: Settings, clock: Clock): NodeKeys {
  const { pki, node, exchange } = settings;
  const authority = openOrCreateAuthority(settings, clock.now());
  const shared = (exchange?.roots ?? []).flatMap((file) => readCertificates(readFileSync(file, 'latin1')));
  const roots = [authority.certificate, ...shared];
  const face = renewed(clock, () => openFace(settings, authority, clock.now()));
  const crls = watchCrls(exchange?.revocation);
  const sealing = renewed(clock, () =>
    openIdentity({
      dir: pki.folder,
      name: 'document-signer',
      authority,
      order: {
        profile: 'document-signer',
        subject: { commonName: `${node.name} documents`, organization: node.organization.name },
        days: pki.certificateDays,
      },
      now: clock.now(),
    }),
  );
  return {
    face,
    trust: () => ({ roots: shared, crls: crls() }),
    tls: () => ({ cert: face().chainPem, key: face().keyPem, ca: shared.map(String) }),
    ends() {
      const shown = exchange === undefined ? [] : [['node', face().certificateChain[0]!] as const];
      const all = [
        ['authority', authority.certificate],
        ['document-signer', sealing().certificateChain[0]!],
        ...shown,
      ] as const;
      return all.map(([name, certificate]) => ({ name, endsAt: certificate.validToDate.getTime() }));
    },
    judge(chain) {
      const [leaf, ...intermediates] = chain;
      if (leaf === undefined) return 'no certificate';
      const verdict = verifyChain(leaf, { roots: shared, intermediates, crls: crls(), at: clock.now() });
      if (!verdict.ok) return verdict.reason;
      const name = readNodeName(leaf);
      return name && mayCarryName(verdict.chain, name) ? undefined : 'its authority is of another organisation';
    },
    sign: (document, now) => signDocument(document, sealing(), now),
    verify({ bytes, signature, id }) {
      const verdict = verifyDocument(bytes, signature, { roots, at: clock.now() }, { documentId: id });
      if (verdict.holds) return { holds: true, signer: commonNameOf(verdict.signer) };
      return { holds: false, signer: '', reason: verdict.reason };
    },
  };
}

/** An identity that is opened at its first use and again when it is time to renew it. */
function renewed(clock: Clock, open: () => Identity): () => Identity {
  let identity: Identity | undefined;
  return () => {
    if (identity === undefined || clock.now() >= identity.renewAt) identity = open();
    return identity;
  };
}

/** Longest list that is read, bytes: a million revoked certificates. */
const CRL_BYTES_MAX = 64 * 1024 * 1024;
const CRL_FILES_MAX = 1_000;
/** The folder is looked at no more often. */
const CRL_LOOK_MS = 1_000;

/**
 * The revocation lists of a folder (`.crl`, `.pem`, `.der`), read again when a file changed. One that can not be read throws `crl.*`: a node
 * that can not tell who was revoked lets nobody in.
 */
function watchCrls(folder: string | undefined): () => readonly Crl[] {
  const known = new Map<string, { stamp: string; crls: Crl[] }>();
  let lookedAt = Number.NEGATIVE_INFINITY;
  let crls: readonly Crl[] = [];
  return () => {
    const now = performance.now();
    if (folder === undefined || now - lookedAt < CRL_LOOK_MS) return crls;
    const names = readdirSync(folder)
      .filter((name) => /\.(crl|pem|der)$/.test(name))
      .slice(0, CRL_FILES_MAX);
    let isChanged = known.size !== names.length;
    for (const name of known.keys()) if (!names.includes(name)) isChanged = known.delete(name);
    for (const name of names) {
      const file = join(folder, name);
      const { mtimeMs, size, ino } = statSync(file);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (known.get(name)?.stamp === stamp) continue;
      if (size > CRL_BYTES_MAX) throw new MixError('crl.malformed', { place: name, detail: 'larger than 64 MiB' });
      known.set(name, { stamp, crls: readCrls(readFileSync(file)) });
      isChanged = true;
    }
    if (isChanged) crls = [...known.values()].flatMap((one) => one.crls);
    lookedAt = now;
    return crls;
  };
}

function openFace({ pki, node, exchange }: Settings, authority: Authority, now: number): Identity {
  if (exchange === undefined) throw new MixError('settings.missing', { place: '/exchange' });
  const names = exchange.listen.names.split(/\s+/);
  const isAddress = (name: string): boolean => /^[\d.]+$|:/.test(name);
  return openIdentity({
    dir: pki.folder,
    name: 'node',
    authority,
    order: {
      profile: 'node',
      subject: { commonName: node.name, organization: node.organization.name },
      san: {
        dns: names.filter((name) => !isAddress(name)),
        ip: names.filter(isAddress),
        uri: [writeNodeName({ role: node.role, organization: node.organization.oid })],
      },
    },
    now,
  });
}

function commonNameOf(certificate: X509Certificate): string {
  return /(?:^|\n)CN=([^\n]*)/.exec(certificate.subject)?.[1] ?? certificate.subject;
}

function openOrCreateAuthority({ pki, node }: Settings, now: number): Authority {
  try {
    return openAuthority(pki.folder);
  } catch (cause) {
    if (!(cause instanceof MixError) || cause.fault.code !== 'authority.missing') throw cause;
    return createAuthority({
      subject: { commonName: pki.authorityName, organization: node.organization.name },
      dir: pki.folder,
      now,
    });
  }
}
