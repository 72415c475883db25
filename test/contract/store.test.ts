import { createSecretKey } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { openStore } from '../../engine/store/index.ts';
import { openSeal } from '../../pki/seal.ts';
import type { Store } from '../../schemas/parts.ts';
import { exchangeStoreContract } from './exchange-store.ts';
import { indexStoreContract } from './index-store.ts';
import { type OpenForTest, startOfTests } from './kept.ts';
import { storeContract } from './store.ts';

const opened: Store[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

storeContract('SQLite', openForTest);
exchangeStoreContract('SQLite', openForTest);
indexStoreContract('SQLite', openForTest);

async function openForTest(): Promise<OpenForTest> {
  const folder = mkdtempSync(join(tmpdir(), 'mix-store-'));
  folders.push(folder);
  const kek = createSecretKey(Buffer.alloc(32, 7));
  let now = startOfTests;
  const open = async () => {
    const store = await openStore({
      file: join(folder, 'store.db'),
      seal: openSeal({ kek }),
      clock: { now: () => now },
    });
    opened.push(store);
    return store;
  };
  const store = await open();
  return {
    store,
    setTime(time) {
      now = time;
    },
    async reopen() {
      await store.close();
      return open();
    },
  };
}
