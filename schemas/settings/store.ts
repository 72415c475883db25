import { group, path, whole } from './manifest.ts';

export const store = group('Limits of the store', {
  jobsMax: whole([100, 10_000_000], 'jobs that may wait before new messages are refused for now (AR, CE)', {
    default: 200_000,
  }),
  groupUnitsMax: whole([1, 4096], 'units of work that share one commit', { default: 256 }),
  readers: whole([1, 16], 'connections that read', { default: 2 }),
});

export const keys = group('Encryption at rest', {
  kekFile: path('file', 'key-encryption key; made at the first start with mode 0600. Keep a copy away from the data', {
    default: '{dataDir}/kek',
  }),
});
