/**
 * Bytes <-> text: MSH-18 and HL7 table 0211 (v2.8.2 chapter 2.14.9.18).
 *
 * The bytes that were received are kept elsewhere and stay the truth; what is read here is for understanding them. A byte that the
 * declared set does not have is told and read in the likeliest set instead.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import type { Fault } from '../../schemas/errors/index.ts';

/** Where nothing better is known: the set that old European and American systems really send. */
const lastResort = 'windows-1252';

/** HL7 table 0211 and what is met in its place -> the name that iconv-lite knows. */
const names: Record<string, string> = {
  ASCII: 'ascii',
  'US-ASCII': 'ascii',
  'ISO IR6': 'ascii',
  'ISO IR100': 'iso-8859-1',
  'ISO IR14': 'shift_jis',
  'ISO IR87': 'iso-2022-jp',
  'ISO-2022-JP': 'iso-2022-jp',
  'ISO IR159': 'iso-2022-jp',
  JAS2020: 'iso-2022-jp',
  'JIS X 0202': 'iso-2022-jp',
  'GB 18030-2000': 'gb18030',
  GB18030: 'gb18030',
  'KS X 1001': 'euc-kr',
  'CNS 11643-1992': 'big5',
  'BIG-5': 'big5',
  UNICODE: 'utf-8',
  'UNICODE UTF-8': 'utf-8',
  'UTF-8': 'utf-8',
  UTF8: 'utf-8',
  'UNICODE UTF-16': 'utf-16',
  'UTF-16': 'utf-16',
  'UNICODE UTF-32': 'utf-32',
  'WINDOWS-1252': 'windows-1252',
  CP1252: 'windows-1252',
  ANSI: 'windows-1252',
};

/**
 * The iconv-lite name for a name of table 0211 (`8859/1`, `UNICODE UTF-8`, `ISO IR87`) or a common one (`windows-1252`);
 * `undefined` when it is not known. `''` gives `undefined`.
 */
export function charsetNamed(name: string): string | undefined {
  const key = name.trim().toUpperCase();
  if (key === '') return undefined;
  const listed = names[key];
  if (listed !== undefined) return listed;
  const part = /^(?:ISO[- ]?)?8859[-/](\d{1,2})$/.exec(key);
  if (part !== null) return `iso-8859-${Number(part[1])}`;
  return /^[A-Z0-9_:-]{2,30}$/.test(key) && iconv.encodingExists(key) ? key.toLowerCase() : undefined;
}

/** The name of table 0211 for MSH-18; '' for a set that the table does not have, which both sides agree on elsewhere. */
export function charsetTitle(name: string): string {
  const key = name.trim().toUpperCase();
  if (key === 'UTF-8' || key === 'UTF8') return 'UNICODE UTF-8';
  const part = /^(?:ISO[- ]?)?8859[-/](\d{1,2})$/.exec(key);
  if (part !== null) return `8859/${Number(part[1])}`;
  return /^(ASCII|ISO IR\d+|JAS2020|JIS X 0202|GB 18030-2000|KS X 1001|CNS 11643-1992|BIG-5|UNICODE( UTF-(8|16|32))?)$/.test(
    key,
  )
    ? key
    : '';
}

/** Text of a few bytes (an `\X..\` sequence): in `charset`, else UTF-8 where they are that, else windows-1252. */
export function decodeBytes(bytes: Buffer, charset?: string): string {
  if (isAscii(bytes)) return bytes.toString('latin1');
  const name = charset ?? 'utf-8';
  if (name === 'ascii' || (name === 'utf-8' && !isUtf8(bytes))) return iconv.decode(bytes, lastResort);
  return name === 'utf-8'
    ? bytes.toString('utf8')
    : name === 'iso-2022-jp'
      ? decodeJis(bytes)
      : iconv.decode(bytes, name);
}

/**
 * The text of a message's bytes.
 *
 * A byte order mark decides first, then MSH-18, then `defaultCharset` (an iconv-lite or table 0211 name), then UTF-8. `charset` is the
 * iconv-lite name that was used. Faults are warnings: an unknown MSH-18, bytes that the set does not have.
 */
export function decodeMessage(
  bytes: Buffer,
  defaultCharset = 'utf-8',
): { text: string; charset: string; faults: Fault[] } {
  const marked = byteOrderMark(bytes);
  if (marked !== undefined && marked !== 'utf-8') {
    return { text: iconv.decode(bytes, marked, { stripBOM: false }), charset: marked, faults: [] };
  }
  const faults: Fault[] = [];
  const declared = declaredCharset(bytes);
  const named = charsetNamed(declared);
  if (declared !== '' && named === undefined) {
    faults.push({ code: 'hl7v2.character-set', place: 'MSH-18' });
  }
  const charset = marked ?? named ?? charsetNamed(defaultCharset) ?? lastResort;
  if (charset !== 'iso-2022-jp' && !charset.startsWith('utf-16') && !charset.startsWith('utf-32') && isAscii(bytes)) {
    return { text: bytes.toString('latin1'), charset, faults };
  }
  const decoded = decodeChecked(bytes, charset, charsetNamed(defaultCharset));
  if (!decoded.whole) {
    faults.push({ code: 'hl7v2.undecodable-bytes', place: 'MSH-18', detail: `read as ${decoded.charset}` });
  }
  return { text: decoded.text, charset: decoded.charset, faults };
}

function decodeChecked(
  bytes: Buffer,
  charset: string,
  other?: string,
): { text: string; charset: string; whole: boolean } {
  if (charset === 'utf-8') {
    if (isUtf8(bytes)) return { text: bytes.toString('utf8'), charset, whole: true };
    // A few bad bytes among good UTF-8 are damage; none good means that another set was meant.
    if (hasUtf8Sequence(bytes)) return { text: bytes.toString('utf8'), charset, whole: false };
    return { text: iconv.decode(bytes, lastResort), charset: lastResort, whole: false };
  }
  if (charset === 'ascii') {
    const instead = isUtf8(bytes)
      ? 'utf-8'
      : other === undefined || other === 'ascii' || other === 'utf-8'
        ? lastResort
        : other;
    return { text: iconv.decode(bytes, instead, { stripBOM: false }), charset: instead, whole: false };
  }
  if (charset === 'iso-2022-jp') return { text: decodeJis(bytes), charset, whole: true };
  const text = iconv.decode(bytes, charset, { stripBOM: false });
  return { text, charset, whole: !text.includes('\ufffd') };
}

/** Is there at least one well-formed multi-byte character? */
function hasUtf8Sequence(bytes: Buffer): boolean {
  for (let at = 0; at + 1 < bytes.length; at += 1) {
    const lead = bytes[at]!;
    const size =
      lead >= 0xf0 && lead <= 0xf4 ? 4 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xc2 && lead < 0xe0 ? 2 : 0;
    if (size > 0 && at + size <= bytes.length && isUtf8(bytes.subarray(at, at + size))) return true;
  }
  return false;
}

function byteOrderMark(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

/** MSH-18's first repetition that names more than ASCII (`ASCII~ISO IR87` says that both are used, chapter 2.14.9.18). */
function declaredCharset(bytes: Buffer): string {
  const from = bytes.indexOf('MSH', 0, 'latin1');
  if (from === -1 || from > 64) return '';
  const head = bytes.toString('latin1', from, Math.min(bytes.length, from + 2048));
  const end = head.search(/[\r\n]/);
  const fields = (end === -1 ? head : head.slice(0, end)).split(head[3] ?? '|');
  const declared = fields[17] ?? '';
  if (declared === '') return '';
  const repetition = fields[1]?.[1] ?? '~';
  const sets = declared.split(repetition).map((set) => set.trim());
  return sets.find((set) => set !== '' && charsetNamed(set) !== 'ascii') ?? sets[0] ?? '';
}

/** ISO 2022-JP: JIS X 0208 between ESC $ B and ESC ( B; read through EUC-JP, which has the same characters with the high bit set. */
function decodeJis(bytes: Buffer): string {
  let text = '';
  let wide = false;
  let from = 0;
  const emit = (to: number): void => {
    if (to <= from) return;
    const part = Buffer.from(bytes.subarray(from, to));
    if (wide) for (let at = 0; at < part.length; at += 1) if (part[at]! > 32) part[at] = part[at]! | 0x80;
    text += wide
      ? iconv.decode(part, 'euc-jp')
      : isAscii(part)
        ? part.toString('latin1')
        : iconv.decode(part, 'shift_jis');
  };
  for (let at = 0; at + 2 < bytes.length; at += 1) {
    if (bytes[at] !== 0x1b) continue;
    const kind = bytes[at + 1];
    if (kind !== 0x24 && kind !== 0x28) continue;
    emit(at);
    wide = kind === 0x24;
    from = at + 3;
    at += 2;
  }
  emit(bytes.length);
  return text;
}

/** The bytes of a text in a character set (iconv-lite or table 0211 name). Characters that the set does not have become `?`. */
export function encodeMessage(text: string, charset: string): Buffer {
  const name = charsetNamed(charset) ?? 'utf-8';
  if (name === 'utf-8') return Buffer.from(text, 'utf8');
  if (name === 'iso-2022-jp') return encodeJis(text);
  if (name === 'ascii') return Buffer.from(text.replace(/[^\x00-\x7f]/gu, '?'), 'latin1');
  return iconv.encode(text, name);
}

function encodeJis(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const run of text.match(/[\x00-\x7f]+|[^\x00-\x7f]+/g) ?? []) {
    if (/^[\x00-\x7f]/.test(run)) {
      parts.push(Buffer.from(run, 'latin1'));
      continue;
    }
    const wide = iconv.encode(run, 'euc-jp');
    if (wide.length % 2 !== 0 || wide.some((byte) => byte < 0xa1)) {
      parts.push(Buffer.from('?'.repeat(run.length), 'latin1'));
      continue;
    }
    for (let at = 0; at < wide.length; at += 1) wide[at] = wide[at]! & 0x7f;
    parts.push(Buffer.from('\x1b$B', 'latin1'), wide, Buffer.from('\x1b(B', 'latin1'));
  }
  return Buffer.concat(parts);
}
