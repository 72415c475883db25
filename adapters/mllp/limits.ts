/** Limits of a listener. Times in milliseconds; 0 switches a time limit off. */
export interface MllpLimits {
  /** Longest message. */
  frameBytesMax: number;
  /** Messages taken and not yet answered, for each connection. */
  inFlightMax: number;
  /** Bytes of messages taken and not yet answered, for each connection; one message is always taken. */
  inFlightBytesMax: number;
  /** The same over all connections of the listener, with the unfinished frames. A connection that holds nothing may still take one message. */
  heldBytesMax: number;
  connectionsMax: number;
  connectionsPerAddressMax: number;
  /** Bytes outside of frames after which the connection is closed. */
  noiseBytesMax: number;
  /** A frame that was begun must end within. */
  frameMs: number;
  /** A connection over which nothing comes is closed. EMRs keep theirs open over night, so the default is a day. */
  idleMs: number;
  /** TLS handshake. */
  handshakeMs: number;
  /** How long a closing listener waits for the answers that are due. */
  closeMs: number;
}

export const defaultLimits: MllpLimits = {
  frameBytesMax: 16 * 1024 * 1024,
  inFlightMax: 64,
  inFlightBytesMax: 32 * 1024 * 1024,
  heldBytesMax: 256 * 1024 * 1024,
  connectionsMax: 256,
  connectionsPerAddressMax: 128,
  noiseBytesMax: 64 * 1024,
  frameMs: 120_000,
  idleMs: 86_400_000,
  handshakeMs: 10_000,
  closeMs: 10_000,
};
