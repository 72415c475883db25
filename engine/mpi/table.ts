/** Comma-separated values (RFC 4180), with the bends that are met: semicolons or tabs, a byte order mark, blanks before quotes. */
import { MixError } from '../../schemas/errors/index.ts';

export interface Table {
  columns: string[];
  rows: string[][];
}

export const tableLimits = { rows: 5_000_000, columns: 500, cell: 10_000 } as const;

/** A text of rows; the first names the columns. Empty lines are passed over. Throws `mpi.columns` with the line of what does not hold. */
export function parseTable(text: string): Table {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const first = body.slice(0, body.search(/[\r\n]|$/));
  const delimiter = [',', ';', '\t'].sort((a, b) => first.split(b).length - first.split(a).length)[0]!;
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  const endRow = (): void => {
    if (row.length > 1 || (row[0] ?? '') !== '') rows.push(row);
    if (rows.length > tableLimits.rows)
      throw new MixError('mpi.columns', { detail: `more than ${tableLimits.rows} rows` });
    row = [];
  };
  while (at < body.length) {
    const cell = readCell(body, at, delimiter, rows.length + 1);
    row.push(cell.text);
    if (row.length > tableLimits.columns)
      throw new MixError('mpi.columns', { place: `row ${rows.length + 1}`, detail: 'too many columns' });
    at = cell.next;
    if (body[at] === delimiter) {
      at += 1;
      if (at === body.length) row.push('');
      continue;
    }
    if (body[at] === '\r') at += 1;
    if (body[at] === '\n') at += 1;
    endRow();
  }
  if (row.length > 0) endRow();
  const [columns, ...rest] = rows;
  if (columns === undefined) throw new MixError('mpi.columns', { detail: 'empty' });
  return { columns: columns.map((name) => name.trim()), rows: rest };
}

function readCell(text: string, from: number, delimiter: string, row: number): { text: string; next: number } {
  let at = from;
  while (text[at] === ' ') at += 1;
  if (text[at] !== '"') {
    let end = from;
    while (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r') end += 1;
    if (end - from > tableLimits.cell)
      throw new MixError('mpi.columns', { place: `row ${row}`, detail: 'cell too long' });
    return { text: text.slice(from, end).trim(), next: end };
  }
  let found = '';
  for (at += 1; ; at += 1) {
    const quote = text.indexOf('"', at);
    if (quote < 0 || found.length + quote - at > tableLimits.cell)
      throw new MixError('mpi.columns', { place: `row ${row}`, detail: 'a quote does not end' });
    found += text.slice(at, quote);
    at = quote + 1;
    if (text[at] !== '"') break;
    found += '"';
  }
  while (at < text.length && text[at] !== delimiter && text[at] !== '\n' && text[at] !== '\r') at += 1;
  return { text: found, next: at };
}

/** A row as CSV. */
export function writeRow(cells: readonly (string | number)[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : cell)).join(',')}\n`;
}
