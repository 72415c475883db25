import { createSecretKey } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { openPostgresStore } from '../../../engine/store/index.ts';
import { openSeal } from '../../../pki/seal.ts';
import type { Store } from '../../../schemas/parts.ts';
import { startOfTests, storeContract } from '../../contract/store.ts';
import { startPostgres } from '../../support/postgres.ts';

const server = await startPostgres();
const kek = createSecretKey(Buffer.alloc(32, 7));
const opened: Store[] = [];
let schemas = 0;

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(async () => {
  if (!('missing' in server)) await server.stop();
});

if ('missing' in server) {
  describe('PostgreSQL', () => {
    it.skip(`is not tested here, ${server.missing}`, () => {});
  });
} else {
  storeContract('PostgreSQL', async () => {
    const schema = `mix_test_${process.pid}_${++schemas}`;
    let now = startOfTests;
    const open = async () => {
      const store = await openPostgresStore({
        url: server.url,
        schema,
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
  });
}
