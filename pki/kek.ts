/**
 * The key-encryption key in a file: the one secret that opens a tenant's store. Keep a copy of it away from the data.
 */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { MixError } from '../schemas/errors/index.ts';
import { writeSecretFile } from './secret-file.ts';

const keyFileBytesMax = 256;

/**
 * The 256-bit key of `file`; makes it at first start with mode 0600.
 * Errors: `store.key-exposed` when group or others may read it, `store.key-unreadable` when it holds no key.
 * (NIST SP 800-57 part 1, 6.2.2: key-encryption keys need confidentiality protection at rest.)
 */
export function openKeyFile(file: string): KeyObject {
  makeKeyFile(file);
  const descriptor = openSync(file, 'r');
  try {
    const facts = fstatSync(descriptor);
    // Windows has no such mode bits; the folder's access list does the work there.
    if (process.platform !== 'win32' && (facts.mode & 0o077) !== 0) {
      throw new MixError('store.key-exposed', { detail: `mode ${(facts.mode & 0o777).toString(8)}` });
    }
    if (facts.size > keyFileBytesMax) throw new MixError('store.key-unreadable', { detail: `${facts.size} bytes` });
    const text = readFileSync(descriptor, 'latin1').trim();
    if (!/^[0-9a-f]{64}$/.test(text)) throw new MixError('store.key-unreadable');
    return createSecretKey(Buffer.from(text, 'hex'));
  } finally {
    closeSync(descriptor);
  }
}

/** Makes the file unless it is there; of two nodes that start at once one makes the key and the other takes it. */
function makeKeyFile(file: string): void {
  if (existsSync(file)) return;
  try {
    writeSecretFile(file, `${randomBytes(32).toString('hex')}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
