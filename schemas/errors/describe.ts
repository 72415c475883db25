/** Prints the catalogue for people. */
import { catalogue, type FaultKind } from './index.ts';

/** `docs/errors.md`: every code with its sentence, what to do, and its face at each edge, a table a room. Markdown. */
export function describeErrors(): string {
  const rooms = new Map<string, string[]>();
  for (const [code, kind] of Object.entries<FaultKind>(catalogue)) {
    const room = code.split('.')[0] ?? code;
    const rows = rooms.get(room) ?? [];
    const again = kind.retry ? 'yes' : 'no';
    const ack = kind.hl7 ? `${kind.hl7}${kind.warning ? ' (warning)' : ''}` : '';
    rows.push(
      `| \`${code}\` | ${cell(kind.sentence)} | ${cell(kind.fix)} | ${again} | ${ack} | ${kind.http} | ${kind.fhir} |`,
    );
    rooms.set(room, rows);
  }
  const parts = [
    '# Errors',
    [
      'Every failure that MIX-HIE tells has one of these codes. Printed from `schemas/errors` by `mix-hie docs`; do not edit by hand.',
      '*Again* says whether the same thing may succeed when tried again unchanged. *ACK* is the condition code of HL7 table 0357 in an ERR segment,',
      '*FHIR* the issue type of an OperationOutcome.',
    ].join('\n'),
  ];
  for (const [room, rows] of [...rooms].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const head =
      '| code | what is wrong | what to do | again | ACK | HTTP | FHIR |\n| --- | --- | --- | --- | --- | --- | --- |';
    parts.push(`## ${room}\n\n${head}\n${rows.sort().join('\n')}`);
  }
  return `${parts.join('\n\n')}\n`;
}

/** A bar would end the table's cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
