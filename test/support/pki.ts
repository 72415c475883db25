/** A small world of certificates for tests: a root, an authority below it, and somebody who signs. */
import { spawnSync } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Authority,
  createAuthority,
  type DocumentSigner,
  generateKey,
  issueCertificate,
  type KeyKind,
  type ProfileName,
} from '../../pki/index.ts';

/** 2026-11-23T12:00:00Z */
export const NOW = Date.UTC(2026, 10, 23, 12);

export function makeWorld(key: KeyKind = 'p256'): { root: Authority; issuing: Authority } {
  const root = createAuthority({
    subject: { commonName: 'Test Root', organization: 'H\u00f4pital G\u00e9n\u00e9ral', country: 'US' },
    pathLength: 1,
    key,
    now: NOW,
  });
  const issuing = createAuthority({
    subject: { commonName: 'Test Issuing' },
    issuer: root,
    days: 1_900,
    key,
    now: NOW,
  });
  return { root, issuing };
}

export function makeSigner(
  authority: Authority,
  profile: ProfileName = 'document-signer',
  key: KeyKind = 'p256',
): DocumentSigner & { leaf: X509Certificate } {
  const { privateKey, publicKey } = generateKey(key);
  const issued = issueCertificate(authority, {
    profile,
    subject: { commonName: 'Signer' },
    san: { dns: ['signer.test'] },
    publicKey,
    now: NOW,
  });
  return { key: privateKey, leaf: issued.certificate, certificateChain: [issued.certificate, authority.certificate] };
}

/** Is a program of the machine there? Tests that need it say in their title that they were left out. */
export function hasProgram(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/** Runs `act` with a fresh folder that is gone afterwards. */
export async function inFolder<T>(act: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'mix-pki-'));
  try {
    return await act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
