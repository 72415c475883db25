/**
 * An extractor of its own: a few lines over raw message text that know nothing of our parser or map. It lists every text of every
 * populated field, so that a test can look for it in what we made.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface RawField {
  /** `PID-5` */
  name: string;
  /** The 1-based place of the segment among its like. */
  nth: number;
  /** Decoded texts of all repetitions, components and subcomponents. */
  texts: string[];
  segment: string[][];
}

/** Texts of the messages of one file, also of those that can't be read: every MSH line begins one. */
export function rawParts(path: string): string[] {
  const text = readFileSync(path, 'utf8')
    .replace(/^\ufeff/, '')
    .replace(/\r\n|\n/g, '\r');
  return text.split(/\r(?=MSH)/).filter((part) => part.startsWith('MSH'));
}

/** Messages of a folder of files that have a header. */
export function rawMessages(folder: string, root = folder): { file: string; text: string }[] {
  const found: { file: string; text: string }[] = [];
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) found.push(...rawMessages(path, root));
    else if (/\.(hl7|ndhl7|out)$/.test(name)) {
      for (const text of rawParts(path))
        if (/^MSH.[^\r]{4}/.test(text)) found.push({ file: path.slice(root.length + 1), text });
    }
  }
  return found;
}

/** `ADT^A01` of a raw message. */
export function rawType(text: string): string {
  const fields = text.split('\r')[0]!.split(text[3]!);
  return (fields[8] ?? '').split(text[4]!).slice(0, 2).join('^');
}

const escapes: Record<string, number> = { F: 3, S: 4, R: 5, E: 6, T: 7 };

export function decode(text: string, message: string): string {
  const mark = message[6]!;
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const end = text[i] === mark ? text.indexOf(mark, i + 1) : -1;
    const name = end > 0 ? text.slice(i + 1, end) : '';
    if (name in escapes) out += message[escapes[name]!];
    else if (/^X([0-9A-F]{2})+$/i.test(name)) out += Buffer.from(name.slice(1), 'hex').toString('utf8');
    else if (/^\.br$/.test(name)) out += '\n';
    else if (/^(H|N|\.[a-z]{2}[+-]?\d*)$/.test(name)) out += '';
    else {
      out += text[i];
      continue;
    }
    i = end;
  }
  return out;
}

/** Every populated field of a raw message. */
export function rawFields(message: string): RawField[] {
  const [, , , separator, component, repetition, , subcomponent] = message;
  const counts = new Map<string, number>();
  const found: RawField[] = [];
  for (const line of message.split('\r')) {
    if (line.length < 4) continue;
    const fields = line.split(separator!);
    const segment = fields[0]!;
    const nth = (counts.get(segment) ?? 0) + 1;
    counts.set(segment, nth);
    const shift = segment === 'MSH' ? 1 : 0;
    const parts = fields.map((field) => field.split(repetition!));
    for (let i = 1; i < fields.length; i++) {
      const isMsh2 = segment === 'MSH' && i === 1;
      const texts = isMsh2
        ? [fields[i]!]
        : fields[i]!.split(repetition!)
            .flatMap((rep) => rep.split(component!).flatMap((one) => one.split(subcomponent!)))
            .map((one) => decode(one, message).trim())
            .filter((one) => one !== '' && one !== '""');
      if (texts.length > 0) found.push({ name: `${segment}-${i + shift}`, nth, texts, segment: parts });
    }
  }
  return found;
}

/** Every string and number within a JSON value, as one text to search; white space is one blank. */
export function searchText(value: unknown): string {
  const texts: string[] = [];
  const collect = (item: unknown): void => {
    if (typeof item === 'string') texts.push(item);
    else if (typeof item === 'number' || typeof item === 'boolean') texts.push(String(item));
    else if (Array.isArray(item)) item.forEach(collect);
    else if (item && typeof item === 'object') Object.values(item).forEach(collect);
  };
  collect(value);
  return `\u0001${texts.join('\u0001')}\u0001`.replace(/[^\S\u0001]+/g, ' ');
}

/** Is an HL7 text found in the searched text: as it is, as a FHIR date, as a URI, or as a number? */
export function holds(haystack: string, text: string): boolean {
  const plain = text.replace(/\s+/g, ' ');
  if (haystack.includes(plain)) return true;
  const time = /^(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\.\d+)?([+-]\d{4})?$/.exec(plain);
  if (time) {
    const [, y, m, d, h, min, s] = time;
    const iso =
      [y, m, d].filter((part) => part).join('-') +
      (h && !/^0000(00)?$/.test(`${h}${min ?? ''}${s ?? ''}`) ? `T${h}:${min ?? '00'}:${s ?? '00'}` : '');
    if (haystack.includes(iso)) return true;
  }
  const clock = /^(\d{2}):?(\d{2}):?(\d{2})?$/.exec(plain);
  if (clock && haystack.includes(`${clock[1]}:${clock[2]}:${clock[3] ?? '00'}`)) return true;
  if (/^[+-]?[\d.]+$/.test(plain) && haystack.includes(`\u0001${Number(plain)}\u0001`)) return true;
  return haystack.includes(encodeURIComponent(plain));
}
