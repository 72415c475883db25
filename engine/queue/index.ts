/** The door of the queue's carrier between processes. */
export { type JetStreamOptions, openJetStreamBell } from './jetstream.ts';
