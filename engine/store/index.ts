/** The door of the store: the only SQL of the engine. */
export { type OpenedStore, openStore, type StoreLimits, type StoreOptions } from './open.ts';
export { openStoreFor, type StoreForOptions } from './open-for.ts';
export { openPostgresStore, type PostgresStoreOptions } from './postgres/open.ts';
