/** The manifest: a room a file. */
import { alerts } from './alerts.ts';
import { documents } from './documents.ts';
import { deliver, exchange, outlets, routes } from './exchange.ts';
import { http } from './http.ts';
import type { ValuesOf } from './manifest.ts';
import { listeners, mllp } from './mllp.ts';
import { mpi } from './mpi.ts';
import { log, node } from './node.ts';
import { pix } from './pix.ts';
import { pki } from './pki.ts';
import { keys, queue, store } from './store.ts';

export const manifest = {
  node,
  listeners,
  mllp,
  documents,
  store,
  queue,
  keys,
  http,
  pki,
  exchange,
  mpi,
  pix,
  deliver,
  outlets,
  routes,
  alerts,
  log,
};

/** The values of every setting, as {@link manifest} describes them. */
export type Settings = ValuesOf<typeof manifest>;
export type ListenerSettings = Settings['listeners'][number];
