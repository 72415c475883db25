/** The delimiters of a message: MSH-1 and MSH-2 (HL7 v2.8.2 chapter 2.5.4, 2.14.9.1 and 2). */
import type { Fault } from '../../schemas/errors/index.ts';
import type { Delimiters } from '../../schemas/hl7v2/message.ts';

/** The delimiters that the standard recommends: `|^~\&`. */
export const standardDelimiters: Delimiters = Object.freeze({
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
  truncation: '',
});

/** Characters that could also be data or a segment's name can not part anything. */
const unusable = /[A-Za-z0-9\s\u0000-\u001f\u007f"]/;

// Nearly every message of a feed has the same MSH-1 and MSH-2, so the last ones read are kept.
const known = new Map<string, Delimiters>([['|^~\\&', standardDelimiters]]);
const knownMax = 64;

/**
 * Delimiters from MSH-1 and MSH-2. A delimiter that MSH-2 does not name is `''` and splits nothing.
 * Gives no delimiters and a fault when the characters are not usable.
 */
export function readDelimiters(field: string, encoding: string): { delimiters?: Delimiters; faults: Fault[] } {
  const key = field + encoding;
  const seen = known.get(key);
  if (seen !== undefined && encoding.length >= 4) return { delimiters: seen, faults: [] };
  const characters = [field, ...encoding];
  if (
    encoding === '' ||
    characters.length > 6 ||
    new Set(characters).size !== characters.length ||
    unusable.test(key)
  ) {
    return { faults: [{ code: 'hl7v2.encoding-characters', place: 'MSH-2' }] };
  }
  const delimiters: Delimiters = Object.freeze({
    field,
    component: encoding.charAt(0),
    repetition: encoding.charAt(1),
    escape: encoding.charAt(2),
    subcomponent: encoding.charAt(3),
    truncation: encoding.charAt(4),
  });
  if (known.size < knownMax) known.set(key, delimiters);
  const faults: Fault[] = encoding.length >= 4 ? [] : [{ code: 'hl7v2.few-encoding-characters', place: 'MSH-2' }];
  return { delimiters, faults };
}

/** The text of MSH-2 for these delimiters. */
export function encodingCharacters(delimiters: Delimiters): string {
  return (
    delimiters.component + delimiters.repetition + delimiters.escape + delimiters.subcomponent + delimiters.truncation
  );
}

/** The same delimiters with every absent one filled from the standard ones (or the next free character), for writing an answer. */
export function completeDelimiters(delimiters: Delimiters): Delimiters {
  if (delimiters.escape !== '' && delimiters.subcomponent !== '') return delimiters;
  const used = new Set(Object.values(delimiters));
  const fill = (own: string, wanted: string): string => {
    if (own !== '') return own;
    const free = [wanted, ...'^~\\&#$%*+'].find((candidate) => !used.has(candidate)) ?? wanted;
    used.add(free);
    return free;
  };
  return {
    field: delimiters.field,
    component: fill(delimiters.component, '^'),
    repetition: fill(delimiters.repetition, '~'),
    escape: fill(delimiters.escape, '\\'),
    subcomponent: fill(delimiters.subcomponent, '&'),
    truncation: delimiters.truncation,
  };
}
