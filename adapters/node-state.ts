/** Where a node's state is: a file, or a PostgreSQL that several processes share, with or without JetStream to wake them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JetStreamOptions, openJetStreamBell } from '../engine/queue/index.ts';
import { type OpenedStore, openStoreFor } from '../engine/store/index.ts';
import { openKeyFile, openSeal } from '../pki/index.ts';
import type { Clock, JobBell, Log } from '../schemas/parts.ts';
import type { SecretReference, Settings } from '../schemas/settings/index.ts';

export interface StateParts {
  clock: Clock;
  log: Log;
  readSecret(reference: SecretReference): Buffer;
}

/** Opens the store that the settings name; the bell, where there is one, is closed after it. Throws `store.*`, `settings.*`, `seal.*`. */
export async function openState(
  settings: Settings,
  { clock, log, readSecret }: StateParts,
): Promise<{ store: OpenedStore; bell?: JobBell }> {
  const { postgres, ...limits } = settings.store;
  const { jetstream } = settings.queue;
  const text = (reference: SecretReference): string => readSecret(reference).toString().trim();
  const shared = { seal: openSeal({ kek: openKeyFile(settings.keys.kekFile) }), clock, limits };
  const file = join(settings.node.dataDir, 'store.sqlite');
  if (!postgres) return { store: await openStoreFor({ file, ...shared }) };
  const place = { url: text(postgres.url), schema: postgres.schema };
  const bell = jetstream && openJetStreamBell(jetStreamOf(jetstream, { tenant: postgres.schema, log, text }));
  try {
    const store = await openStoreFor({ file, postgres: place, ...shared, ...(bell ? { bell } : {}) });
    return bell ? { store, bell } : { store };
  } catch (error) {
    await bell?.close();
    throw error;
  }
}

function jetStreamOf(
  jetstream: NonNullable<Settings['queue']['jetstream']>,
  { tenant, log, text }: { tenant: string; log: Log; text(reference: SecretReference): string },
): JetStreamOptions {
  const { servers, credentials, token, tls } = jetstream;
  return {
    servers: servers.split(/\s+/),
    tenant,
    log,
    ...(credentials === undefined ? {} : { credentials: readFileSync(credentials) }),
    ...(token === undefined ? {} : { token: text(token) }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ca: readFileSync(tls.ca, 'utf8'),
            ...(tls.cert === undefined ? {} : { cert: readFileSync(tls.cert, 'utf8') }),
            ...(tls.key === undefined ? {} : { key: text(tls.key) }),
          },
        }),
  };
}
