import { address, flag, group, maybeGroup, port, whole } from './manifest.ts';
import { tls } from './mllp.ts';

export const http = group('The portal and the interfaces over HTTP', {
  host: address('127.0.0.1', 'address to listen on'),
  port: port('TCP port; 0 takes a free one', 8080),
  tls: maybeGroup('TLS 1.2 or 1.3', tls),
  plain: flag('allow HTTP without TLS on an address other than this machine', { default: false }),
  sessionMinutes: whole([1, 1440], 'silence after which a person must sign in again', { default: 15, unit: 'min' }),
  signInsPerMinute: whole([1, 1000], 'attempts to sign in from one address', { default: 10 }),
  requestsPerMinute: whole([10, 1_000_000], 'requests from one address', { default: 1200 }),
  bodyBytesMax: whole([1024, 268_435_456], 'longest body of a request', { default: 1_048_576, unit: 'bytes' }),
});
