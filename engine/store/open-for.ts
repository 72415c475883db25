/** Which database a node's state is in. */
import type { Clock, JobBell, Seal } from '../../schemas/parts.ts';
import { type OpenedStore, openStore, type StoreLimits } from './open.ts';
import { openPostgresStore } from './postgres/open.ts';

export interface StoreForOptions {
  /** SQLite file; not touched where there is a PostgreSQL. */
  file: string;
  postgres?: { url: string; schema: string };
  /** Wakes the other processes on one PostgreSQL; without it LISTEN and NOTIFY do. */
  bell?: JobBell;
  seal: Seal;
  clock: Clock;
  limits?: Partial<StoreLimits>;
}

/** The store of a tenant: in a schema of PostgreSQL where one is named, in a file otherwise. Errors: those of {@link openStore}. */
export function openStoreFor(options: StoreForOptions): Promise<OpenedStore> {
  const { file, postgres, bell, ...shared } = options;
  if (!postgres) return openStore({ file, ...shared });
  return openPostgresStore({ ...postgres, ...shared, ...(bell ? { bell } : {}) });
}
