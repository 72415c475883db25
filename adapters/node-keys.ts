/** What a node signs with, shows to other nodes, and trusts: its own authority, two identities, the roots of the exchange. */
import type { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { EngineParts } from '../engine/index.ts';
import {
  type Authority,
  createAuthority,
  type Identity,
  openAuthority,
  openIdentity,
  readCertificates,
  signDocument,
  verifyDocument,
} from '../pki/index.ts';
import { MixError } from '../schemas/errors/index.ts';
import type { Clock } from '../schemas/parts.ts';
import type { Settings } from '../schemas/settings/index.ts';

export interface NodeKeys extends Pick<EngineParts, 'sign' | 'verify'> {
  /** The certificate that this node shows to others, renewed in time; its key. Only with an exchange. */
  face(): Identity;
  /** Whom the node trusts: the roots of the exchange, and its own authority. */
  roots: X509Certificate[];
}

/** Opens the node's authority and identities; what is missing is made at the first start. Throws `authority.*`, `key.*`. */
export function openKeys(settings: Settings, clock: Clock): NodeKeys {
  const { pki, node, exchange } = settings;
  const authority = openOrCreateAuthority(settings, clock.now());
  const roots = [
    authority.certificate,
    ...(exchange?.roots ?? []).flatMap((file) => readCertificates(readFileSync(file, 'latin1'))),
  ];
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
    roots,
    face: renewed(clock, () => openFace(settings, authority, clock.now())),
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
        uri: [`urn:mix-hie:node:${node.role}:${node.organization.oid}`],
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
