/** The few header fields that a sender must see to match answers; whole messages are read in `engine/hl7v2`. */

/** What an answer says (chapter 2.15.4 MSA, 2.15.9). Empty where it says nothing. */
export interface AnswerHead {
  /** MSA-1: AA, AE, AR, CA, CE, CR. */
  code: string;
  /** MSA-2. */
  controlId: string;
}

/** MSH-10 as sent; '' where there is none. */
export function controlIdOf(message: Buffer): string {
  return fieldsOf(message, 'MSH')?.[9] ?? '';
}

/** MSA-1 and MSA-2; undefined where the message has no MSA and so is no answer. */
export function answerHeadOf(message: Buffer): AnswerHead | undefined {
  const fields = fieldsOf(message, 'MSA');
  return fields && { code: fields[1] ?? '', controlId: fields[2] ?? '' };
}

/** Most ERR segments that are looked at. */
const ERRORS_MAX = 20;

/** Codes of table 0357 in ERR-3 (ERR-1.4 before version 2.5); what else stands in ERR may be of the patient and is not read. */
export function errorCodesOf(message: Buffer): string[] {
  const separator = String.fromCharCode(message[Math.max(0, message.indexOf('MSH', 0, 'latin1')) + 3] ?? 0x7c);
  const codes = new Set<string>();
  let from = 0;
  for (let seen = 0; seen < ERRORS_MAX && from < message.length; ) {
    const until = endOfSegment(message, from);
    if (message.toString('latin1', from, from + 3) === 'ERR') {
      seen += 1;
      const fields = message.toString('latin1', from, until).split(separator);
      const code = /^\d{3}/.exec(fields[3] ?? '')?.[0] ?? /^[^^]*\^[^^]*\^[^^]*\^(\d{3})/.exec(fields[1] ?? '')?.[1];
      if (code !== undefined) codes.add(code);
    }
    from = until + 1;
  }
  return [...codes];
}

/** Fields of the first segment of this name, split at MSH-1; `fields[0]` is the name. A byte order mark before MSH is passed over. */
function fieldsOf(message: Buffer, name: string): string[] | undefined {
  // Field positions are the same in every character set that MSH-18 allows here, so bytes are read one for one.
  const start = Math.max(0, message.indexOf('MSH', 0, 'latin1'));
  const separator = String.fromCharCode(message[start + 3] ?? 0x7c);
  let from = start;
  while (from < message.length) {
    const until = endOfSegment(message, from);
    if (message.toString('latin1', from, from + name.length) === name) {
      return message.toString('latin1', from, until).split(separator);
    }
    from = until + 1;
  }
  return undefined;
}

function endOfSegment(message: Buffer, from: number): number {
  const cr = message.indexOf(0x0d, from);
  const lf = message.indexOf(0x0a, from);
  if (cr === -1) return lf === -1 ? message.length : lf;
  return lf === -1 ? cr : Math.min(cr, lf);
}
