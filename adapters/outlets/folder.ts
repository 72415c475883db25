/** An outlet that puts each message into a folder as a file of its own: whole or not at all, and once. */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MixError } from '../../schemas/errors/index.ts';
import type { Outlet } from '../../schemas/parts.ts';

export interface FolderOutletOptions {
  id: string;
  folder: string;
  /** Without the dot; default `hl7`. */
  ending?: string;
}

/**
 * Opens an outlet. A file is named by its delivery alone (no patient's data), readable by its owner and group; the same delivery again
 * takes the place of its first file. What is being written is called `.<delivery>.part`, so a reader that takes `*.hl7` never sees half a file.
 */
export function openFolderOutlet(options: FolderOutletOptions): Outlet {
  const { id, folder, ending = 'hl7' } = options;
  const place = `outlet ${id}`;
  if (!/^[a-z0-9]{1,10}$/.test(ending)) throw new MixError('settings.bad-value', { place, detail: 'ending' });
  return {
    id,
    async send({ bytes, deliveryId }) {
      if (!/^[0-9A-Za-z-]{1,64}$/.test(deliveryId))
        throw new MixError('outlet.refused', { place, detail: 'delivery id' });
      const name = `${deliveryId}.${ending}`;
      const part = join(folder, `.${deliveryId}.part`);
      try {
        await mkdir(folder, { recursive: true, mode: 0o750 });
        // One that an interrupted try left; with O_EXCL a link that somebody put there is not followed.
        await rm(part, { force: true });
        await writeSynced(part, bytes);
        await rename(part, join(folder, name));
        await syncFolder(folder);
      } catch (cause) {
        await rm(part, { force: true }).catch(() => undefined);
        throw new MixError('outlet.unreachable', { place, detail: codeOf(cause) });
      }
      return { receipt: name };
    },
    close: async () => undefined,
  };
}

async function writeSynced(path: string, bytes: Buffer): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL, 0o640);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Without this a power cut may undo the new name. Windows knows no sync of folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, constants.O_RDONLY);
    await handle.sync();
  } finally {
    await handle?.close();
  }
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'unknown';
}
