/** Comma-separated values (RFC 4180): quoted fields, doubled quotes, line ends of any kind. */
import { MixError } from '../../schemas/errors/index.ts';

const rowsMax = 1_000_000;
const columnsMax = 200;

/** Rows of fields. Throws `codes.malformed` with the line where a quote is never closed. */
export function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let line = 1;
  const endRow = (): void => {
    if (row.length > 1 || row[0] !== '') rows.push(row);
    if (rows.length > rowsMax) throw new MixError('codes.too-large', { detail: `more than ${rowsMax} rows` });
    row = [];
  };
  while (at < text.length) {
    let field = '';
    if (text[at] === '"') {
      const begun = line;
      at += 1;
      for (;;) {
        const end = text.indexOf('"', at);
        if (end < 0) throw new MixError('codes.malformed', { place: `line ${begun}`, detail: 'a quote is not closed' });
        field += text.slice(at, end);
        at = end + 1;
        if (text[at] !== '"') break;
        field += '"';
        at += 1;
      }
      line += field.split('\n').length - 1;
    }
    const stop = nextStop(text, at);
    field += text.slice(at, stop);
    row.push(field);
    if (row.length > columnsMax)
      throw new MixError('codes.malformed', { place: `line ${line}`, detail: 'too many columns' });
    at = stop + 1;
    if (text[stop] === ',') {
      if (at >= text.length) row.push('');
      continue;
    }
    if (text[stop] === '\r' && text[at] === '\n') at += 1;
    line += 1;
    endRow();
  }
  if (row.length > 0) endRow();
  return rows;
}

function nextStop(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const one = text[at];
    if (one === ',' || one === '\n' || one === '\r') return at;
  }
  return text.length;
}
