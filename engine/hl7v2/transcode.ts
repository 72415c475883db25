/** Raw text of one message as it must stand in another one: other delimiters, another character set, the same meaning. */
import { isAscii } from 'node:buffer';
import type { Delimiters } from '../../schemas/hl7v2/message.ts';
import { decodeBytes } from './charset.ts';
import { decodeKanji, escapeText, hexOf, meaningOf } from './escape.ts';

export interface Transcoding {
  from: Delimiters;
  /** Complete: every delimiter but the truncation character is there. */
  to: Delimiters;
  /** Character set that `\X..\` of the text given is in; undefined where the message names none. */
  charset: string | undefined;
  /** Nothing to do: delimiters and character set are the same. */
  isSame: boolean;
}

export function transcodingOf(
  from: Delimiters,
  to: Delimiters,
  charset: { from: string | undefined; to: string },
): Transcoding {
  const isSame =
    from.field === to.field &&
    from.component === to.component &&
    from.repetition === to.repetition &&
    from.escape === to.escape &&
    from.subcomponent === to.subcomponent &&
    from.truncation === to.truncation &&
    (charset.from ?? 'utf-8') === charset.to;
  return { from, to, charset: charset.from, isSame };
}

/** A raw field: its repetitions, each as its raw components. */
export function transcodeField(raw: string, coding: Transcoding): string[][] {
  const { from, to } = coding;
  return parts(raw, from.repetition).map((repetition) =>
    parts(repetition, from.component).map((component) =>
      coding.isSame && !/[\u000b\u001c]/.test(component)
        ? component
        : parts(component, from.subcomponent)
            .map((leaf) => transcodeText(leaf, coding))
            .join(to.subcomponent),
    ),
  );
}

function parts(text: string, delimiter: string): string[] {
  return delimiter === '' || !text.includes(delimiter) ? [text] : text.split(delimiter);
}

/**
 * One raw text without delimiters. Formatting commands and local sequences stay sequences; `\X..\` too, where its bytes are ASCII: others
 * mean something in their character set only and become text.
 */
function transcodeText(raw: string, { from, to, charset }: Transcoding): string {
  if (raw === '' || raw === '""') return raw;
  let out = '';
  let bytes: number[] = [];
  let kanji = false;
  const flush = (): void => {
    if (bytes.length === 0) return;
    const run = Buffer.from(bytes);
    out += isAscii(run)
      ? `${to.escape}X${run.toString('hex').toUpperCase()}${to.escape}`
      : withoutBreaks(decodeBytes(run, charset), to);
    bytes = [];
  };
  const take = (literal: string): void => {
    if (literal === '') return;
    flush();
    out += withoutBreaks(kanji ? decodeKanji(literal) : literal, to);
  };
  for (const piece of piecesOf(raw, from)) {
    if (piece.hex !== undefined) bytes.push(...piece.hex);
    else if (piece.body === undefined) take(piece.text);
    else if (/^[CM][0-9A-Fa-f]/.test(piece.body)) kanji = piece.body === 'M2442' || piece.body === 'M2440';
    else if (/^[FSTREP]$/.test(piece.body)) take(piece.text);
    else {
      flush();
      out += to.escape + piece.body + to.escape;
    }
  }
  flush();
  return out === '""' ? escapeText(out, to) : out;
}

/** Escapes delimiters and what would end a frame (VT, FS) or a segment; tabs and the like stay as they came. */
function withoutBreaks(text: string, to: Delimiters): string {
  let out = '';
  for (const run of text.split(/([\u000b\u001c\r\n]+)/)) {
    if (/^[\u000b\u001c\r\n]/.test(run))
      out += `${to.escape}X${Buffer.from(run, 'latin1').toString('hex').toUpperCase()}${to.escape}`;
    else out += run.replace(/[^\u0000-\u001f\u007f]+/g, (plain) => escapePlain(plain, to));
  }
  return out;
}

/** `""` within a longer text is no null. */
function escapePlain(text: string, to: Delimiters): string {
  return text === '""' ? text : escapeText(text, to);
}

interface Piece {
  /** What it stands for, or the literal text. */
  text: string;
  /** Set for an escape sequence: what stands between the escape characters. */
  body?: string;
  hex?: number[];
}

/** Longest sequence that is looked for, as in reading. */
const sequenceMax = 65_536;

/** Takes a raw text apart as `unescapeText` reads it; a local sequence (`\Z..\`) is one here. */
function* piecesOf(raw: string, d: Delimiters): Iterable<Piece> {
  const mark = d.escape;
  let done = 0;
  let at = mark === '' ? -1 : raw.indexOf(mark);
  while (at !== -1) {
    const end = raw.indexOf(mark, at + 1);
    if (end === -1) break;
    const body = end - at > sequenceMax ? '' : raw.slice(at + 1, end);
    const hex = hexOf(body);
    const meaning = hex !== undefined || /^Z[A-Za-z0-9]+$/.test(body) ? '' : meaningOf(body, d);
    if (meaning === undefined) {
      yield { text: raw.slice(done, end) };
      done = end;
      at = end;
      continue;
    }
    yield { text: raw.slice(done, at) };
    yield hex === undefined ? { text: meaning, body } : { text: '', body, hex };
    done = end + 1;
    at = raw.indexOf(mark, done);
  }
  yield { text: raw.slice(done) };
}
