/** Two processes of one global node on one PostgreSQL: whoever registers a person in the same moment, it is one, with one number. */
import { createSecretKey } from 'node:crypto';
import type { Patient } from '@medplum/fhirtypes';
import { afterAll, expect, test } from 'vitest';
import { authorize } from '../../engine/authorize.ts';
import { uuidv7 } from '../../engine/record/index.ts';
import { createServe } from '../../engine/serve.ts';
import { openPostgresStore } from '../../engine/store/index.ts';
import { openSeal } from '../../pki/seal.ts';
import { startPostgres } from '../support/postgres.ts';

const server = await startPostgres();
afterAll(async () => {
  if (!('missing' in server)) await server.stop();
}, 120_000);

const oid = '2.16.840.1.113883.19.77';
const families = ['Abernathy', 'Castellano', 'Dubois', 'Fitzgerald', 'Hoang', 'Kowalski', 'Mukherjee', 'Wojcik'];

test.skipIf('missing' in server)(
  `two processes that register one person at once end with one${'missing' in server ? `, ${server.missing}` : ''}`,
  async () => {
    if ('missing' in server) return;
    const clock = { now: () => Date.UTC(2026, 10, 23, 12) };
    const log = { info() {}, warn() {}, error() {} };
    const schema = `mix_identity_${process.pid}`;
    const stores = await Promise.all(
      [1, 2].map(() =>
        openPostgresStore({
          url: server.url,
          schema,
          seal: openSeal({ kek: createSecretKey(Buffer.alloc(32, 7)) }),
          clock,
        }),
      ),
    );
    const regions = [`${oid}.20`, `${oid}.30`];
    const serves = stores.map((store) =>
      createServe(
        {
          store,
          clock,
          log,
          peer: () => undefined,
          permit: (from, action, thing, reason, together) =>
            authorize({ store, clock }, from, action, thing, reason, together),
        },
        {
          node: { name: 'global', role: 'global', version: '0' },
          organization: { oid: `${oid}.10`, name: 'global' },
          oid,
          documents: 'here',
          documentBytesMax: 1024,
          nodes: regions.map((organization, at) => ({
            name: `region-${at}`,
            role: 'region' as const,
            organization,
            authorities: '-',
          })),
          base: '',
          feed: { quietMs: 0, latestMs: 0 },
          document: { quietMs: 0, latestMs: 0 },
        },
      ),
    );
    try {
      const answers = await Promise.all(
        families.flatMap((family, at) =>
          serves.map((serve, which) => {
            const system = `urn:oid:${regions[which]}.2`;
            const patient: Patient = {
              resourceType: 'Patient',
              identifier: [{ system, value: `${which}-${at}` }],
              name: [{ family, given: ['Anna'] }],
              gender: 'female',
              birthDate: `19${50 + 5 * at}-0${at + 1}-1${at}`,
              address: [{ line: [`${at + 3} ${families[7 - at]} Street`], city: 'Fairhaven', postalCode: `0271${at}` }],
            };
            const from = {
              kind: 'peer' as const,
              id: `region-${which}`,
              role: 'region' as const,
              organization: regions[which]!,
            };
            return serve.feedPatient(from, `${system}|${which}-${at}`, patient, uuidv7());
          }),
        ),
      );
      expect((await stores[0]!.persons({ limit: 100 })).count).toBe(families.length);
      const persons = families.map((_, at) =>
        [answers[2 * at], answers[2 * at + 1]].map((answer) => answer?.resource?.id),
      );
      // Who came first may have had to give way afterwards; the numbers lead to one all the same.
      for (const [at] of persons.entries()) {
        const numbers = regions.map((region, which) => ({ system: `urn:oid:${region}.2`, value: `${which}-${at}` }));
        expect(new Set((await stores[1]!.personsByIdentifier(numbers)).values()).size).toBe(1);
      }
    } finally {
      await Promise.all(stores.map((store) => store.close()));
      await server.run(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    }
  },
  120_000,
);
