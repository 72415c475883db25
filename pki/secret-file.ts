/** A file that holds a secret and is made once: whole with its content or not there at all, whenever the process or the machine dies. */
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** What a file system without hard links answers. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Writes `text` under `path`, mode 0600, synced with its folder; an existing file is never overwritten (`EEXIST` is thrown).
 * The name is given only after the content is on the disk, so that nobody finds a key file without a key.
 */
export function writeSecretFile(path: string, text: string): void {
  const fresh = `${path}.${process.pid}.new`;
  const file = openSync(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
  try {
    // The umask can only take bits away, but a default ACL of the folder could add some.
    if (process.platform !== 'win32') fchmodSync(file, 0o600);
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    giveName(fresh, path);
  } finally {
    if (existsSync(fresh)) unlinkSync(fresh);
  }
  syncFolder(dirname(path));
}

/** A link fails where the name is taken, a rename would not: of two starting nodes only one makes the key. */
function giveName(fresh: string, path: string): void {
  try {
    linkSync(fresh, path);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    if (existsSync(path)) throw Object.assign(new Error('the file is there'), { code: 'EEXIST' });
    renameSync(fresh, path);
  }
}

/** What is sealed with a key must not outlive the key's name in its folder. Windows can't sync folders and does it by itself. */
export function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
