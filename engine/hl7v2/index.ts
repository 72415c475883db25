/** HL7 v2: the only door of this folder. */
export { type AckCode, type AckOrder, ackMode, buildAck } from './ack.ts';
export { type Batch, type BatchPart, splitBatch } from './batch.ts';
export { type BatchAckOrder, buildBatchAck } from './batch-ack.ts';
export { charsetNamed, decodeMessage, encodeMessage } from './charset.ts';
export { type CheckOptions, checkMessage } from './check.ts';
export { composeFor, type Receiver, type Sending } from './compose.ts';
export { completeDelimiters, standardDelimiters } from './delimiters.ts';
export { setValue, withSegments } from './edit.ts';
export { escapeText, unescapeText } from './escape.ts';
export { isMapped, type MapSource, toRecord } from './map/index.ts';
export { componentName, componentOfType, type ElementName, fieldName, segmentTitle, tableDisplay } from './names.ts';
export {
  identityOfFields,
  identityOfScan,
  type NormalizedMessage,
  normalizeMessage,
} from './normalize.ts';
export { parseMessage, writeMessage } from './parse.ts';
export { buildQueryAnswer, type QueryAnswerOrder } from './query/answer.ts';
export { criteriaOf } from './query/criteria.ts';
export {
  buildNotification,
  keepVisit,
  type WrittenNumber,
  writeNumbersOnly,
  writePid,
  writeVisit,
} from './query/patient.ts';
export { isQuery, type ParameterQuery, readQuery } from './query/read.ts';
export {
  componentOf,
  componentsOf,
  type Path,
  placeOf,
  readPath,
  repetitionOf,
  repetitionsOf,
  segmentOf,
  subcomponentOf,
  textOf,
  type Value,
  valueAt,
} from './read.ts';
export { type RepairedText, repairText } from './repair.ts';
export { type Scan, scanHeader } from './scan.ts';
export { groupSegments } from './structure.ts';
