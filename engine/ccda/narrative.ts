/** Narrative blocks (CDA R2 4.3.5): tables whose rows have IDs that the entries refer to. */
import { escapeText } from '../../schemas/xml.ts';

export interface Row {
  /** ID of the row; entries refer to it by `<text>`. */
  id: string;
  /** First cell gets the ID `<id>c`; codes refer to it by originalText. */
  cells: readonly string[];
}

/** Text with line ends as br elements. */
export function lines(words: string): string {
  if (words === '') return '';
  if (!words.includes('\n') && !words.includes('\r')) return escapeText(words);
  return words
    .split(/\r\n?|\n/)
    .map(escapeText)
    .join('<br></br>');
}

/** A table; columns that are empty in every row are left out. */
export function table(columns: readonly string[], rows: readonly Row[]): string {
  const used = usedColumns(columns.length, rows);
  let out = '<table><thead><tr>';
  for (let c = 0; c < columns.length; c++) if (used[c]) out += `<th>${escapeText(columns[c] as string)}</th>`;
  out += '</tr></thead><tbody>';
  for (const row of rows) {
    out += `<tr ID="${row.id}"><td ID="${row.id}c">${lines(row.cells[0] ?? '')}</td>`;
    for (let c = 1; c < columns.length; c++) if (used[c]) out += `<td>${lines(row.cells[c] ?? '')}</td>`;
    out += '</tr>';
  }
  return `${out}</tbody></table>`;
}

function usedColumns(count: number, rows: readonly Row[]): boolean[] {
  const used = new Array<boolean>(count).fill(false);
  used[0] = true;
  let left = count - 1;
  for (let r = 0; left > 0 && r < rows.length; r++) {
    const { cells } = rows[r] as Row;
    for (let c = 1; c < count; c++) {
      if (used[c] || (cells[c] ?? '') === '') continue;
      used[c] = true;
      left--;
    }
  }
  return used;
}

/** `<text>` of an entry: a reference to its row. */
export function textOf(rowId: string): string {
  return `<text><reference value="#${rowId}"></reference></text>`;
}
