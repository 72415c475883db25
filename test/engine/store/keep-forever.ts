/** Child of the crash test: keeps and finishes messages until it is killed, and tells each promise after it was given. */
import { createSecretKey, randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { openStore } from '../../../engine/store/index.ts';
import { openSeal } from '../../../pki/seal.ts';

const store = await openStore({
  file: process.argv[2]!,
  seal: openSeal({ kek: createSecretKey(Buffer.alloc(32, 7)) }),
  clock: { now: () => Date.now() },
});

async function keepOn(): Promise<void> {
  for (;;) {
    const id = randomUUID();
    await store.keep(
      {
        id,
        sourceId: 's',
        receivedAt: Date.now(),
        state: 'kept',
        type: 'ADT^A01',
        version: '2.5',
        processing: 'P',
        bytes: Buffer.from(`MSH|${id}`),
        charset: 'utf-8',
        facts: { controlId: id, sendingApplication: '', sendingFacility: '', patientNumbers: [] },
        ackCode: 'AA',
        ack: Buffer.from('ack'),
        faults: [],
        digest: Buffer.alloc(16, id),
        identity: id,
      },
      [],
      { id: randomUUID(), kind: 'process', subject: id, keys: [id], dueAt: 0 },
      { identityIsUnique: false },
    );
    writeSync(1, `kept ${id}\n`);
  }
}

async function workOn(): Promise<void> {
  for (;;) {
    for (const job of await store.lease(['process'], 8)) {
      const personId = randomUUID();
      const entryId = randomUUID();
      await store.commit({
        jobDone: job,
        persons: [
          {
            person: {
              id: personId,
              version: 1,
              state: 'active',
              createdAt: 0,
              updatedAt: 0,
              incomplete: false,
              identifiers: [{ system: 's', value: personId, type: 'MR', sourceId: 's' }],
              patient: { resourceType: 'Patient', id: personId },
            },
            expect: 0,
            terms: [{ field: 'name', text: personId }],
          },
        ],
        entries: [
          {
            entry: {
              id: entryId,
              personId,
              type: 'Observation',
              key: 'k',
              version: 1,
              status: 'final',
              code: 'c',
              sourceId: 's',
              messageId: job.subject,
              sourceTime: 0,
              removed: false,
              body: { resourceType: 'Observation', id: entryId, status: 'final', code: {} },
            },
            expect: 0,
          },
        ],
        message: {
          id: job.subject,
          state: 'done',
          personIds: [personId],
          terms: [{ field: 'control', text: job.subject }],
        },
        audit: [{ at: Date.now(), who: 's', action: 'update', outcome: 'done', what: 'patient', personId }],
      });
      writeSync(1, `done ${job.subject}\n`);
    }
    await store.waitForJobs(20);
  }
}

await Promise.all([...Array.from({ length: 16 }, keepOn), ...Array.from({ length: 4 }, workOn)]);
