/** MLLP (HL7 v2 Transport: MLLP, Release 1): the listener and the client. */
export { type ConnectOptions, connectMllp, type MllpClient } from './client.ts';
export type { Accepted, AcceptMessage, MllpPeer } from './connection.ts';
export { type AnswerHead, answerHeadOf, controlIdOf } from './control.ts';
export { createFrameReader, type FrameReader, type FrameReaderOptions, frameOf, type Refusal } from './frame.ts';
export { defaultLimits, type MllpLimits } from './limits.ts';
export { type MllpOutletOptions, openMllpOutlet } from './outlet.ts';
export { type ListenOptions, listen, type MllpListener } from './server.ts';
export type { MllpTls } from './tls.ts';
