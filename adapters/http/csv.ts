import type { MessageRow } from '../../schemas/portal.ts';

const COLUMNS = [
  'received',
  'source',
  'type',
  'state',
  'processing',
  'control id',
  'patient',
  'numbers',
  'answer',
  'fault',
  'place',
];

/** The message list as CSV (RFC 4180), a header first. Cells that a spreadsheet would run as a formula get a leading apostrophe. */
export function writeMessagesCsv(rows: MessageRow[]): string {
  const lines = rows.map((row) => [
    row.receivedAt,
    row.sourceId,
    row.type,
    row.state,
    row.processing,
    row.controlId,
    row.patientName ?? '',
    row.patientNumbers.join(' '),
    row.ackCode,
    row.fault?.code ?? '',
    row.fault?.place ?? '',
  ]);
  return [COLUMNS, ...lines].map((cells) => `${cells.map(writeCell).join(',')}\r\n`).join('');
}

function writeCell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
