import { group, maybe, maybeGroup, path, pattern, secret, whole } from './manifest.ts';

export const store = group('Limits of the store', {
  jobsMax: whole([100, 10_000_000], 'jobs that may wait before new messages are refused for now (AR, CE)', {
    default: 200_000,
  }),
  groupUnitsMax: whole([1, 4096], 'units of work that share one commit', { default: 256 }),
  readers: whole([1, 16], 'connections that read', { default: 2 }),
  postgres: maybeGroup('State in PostgreSQL in place of a file under the data folder; several processes may share it', {
    url: secret(
      'address with user and password, such as postgres://mix:...@db.example:5432/mix?sslmode=verify-full&sslrootcert=ca.pem',
    ),
    schema: pattern(
      'a name of small letters, digits and _',
      /^[a-z_][a-z0-9_]{0,47}$/,
      'schema of this tenant; made when it is not there',
      { default: 'mix_hie' },
    ),
  }),
});

export const queue = group('How processes that share a store wake one another', {
  jetstream: maybeGroup('NATS JetStream carries the ids of ready jobs; without it PostgreSQL does', {
    servers: pattern(
      'addresses such as nats://host:4222 or tls://host:4222, separated by blanks',
      /^(nats|tls):\/\/[^\s]+(\s+(nats|tls):\/\/[^\s]+)*$/,
      'servers of one cluster',
    ),
    credentials: maybe(path('file', 'credentials file of the NATS account (nsc)')),
    token: maybe(secret('token, where the servers ask for one')),
    tls: maybeGroup('Certificates toward servers of tls:// addresses', {
      ca: path('file', 'certificates of the authorities of the servers, PEM'),
      cert: maybe(path('file', 'certificate of this node with its chain, PEM')),
      key: maybe(secret('its private key, PEM')),
    }),
  }),
});

export const keys = group('Encryption at rest', {
  kekFile: path('file', 'key-encryption key; made at the first start with mode 0600. Keep a copy away from the data', {
    default: '{dataDir}/kek',
  }),
});
