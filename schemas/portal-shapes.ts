/** Shapes that every page of the portal uses. */
import type { Fault } from './errors/index.ts';

/** A fault with its sentence and fix spelled out, for people. */
export interface ToldFault extends Fault {
  sentence: string;
  fix: string;
  /** It did not keep the message from being acted on. */
  warning?: boolean;
}

export interface Listing<T> {
  rows: T[];
  next?: string;
  count: number;
}

/**
 * Who was admitted. The engine's own Subject extends it; HTTP reads only these fields and hands it back untouched.
 */
export interface Admitted {
  readonly id: string;
  /** Only `me`, `changeSecret` and `signOut` are open until it is false. */
  readonly mustChangeSecret: boolean;
  readonly sessionEndsAt: string;
}
