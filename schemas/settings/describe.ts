/** Prints the manifest for people. */
import type { Members, Node } from './manifest.ts';
import { manifest } from './rooms.ts';

/** `docs/settings.md`: every setting with its type, default and sentence, a table a room. Markdown. */
export function describeSettings(): string {
  const parts = [
    '# Settings\n',
    'A node reads one YAML file. Printed from `schemas/settings` by `mix-hie docs`; do not edit by hand.\n',
    'Paths are relative to the folder of the file; `{dataDir}` stands for `node.dataDir`. Secrets never stand in the file: a secret is `{file: PATH}` or',
    '`{env: NAME}`. Unknown names are refused, and every fault is told at once with its place.\n',
  ];
  for (const [key, node] of Object.entries(manifest)) parts.push(describeRoom(key, node));
  return `${parts.join('\n').trimEnd()}\n`;
}

function describeRoom(key: string, room: Node): string {
  if (room.is === 'setting') return '';
  const rows = rowsOf(room.members, room.is === 'list' ? `${key}[].` : `${key}.`);
  return `## ${key}\n\n${room.sentence}.\n\n| setting | type | default | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

function rowsOf(members: Members, prefix: string): string[] {
  return Object.entries(members).flatMap(([key, node]) => {
    if (node.is === 'group') {
      const own = node.optional ? [`| \`${prefix}${key}\` | group | not there | ${node.sentence} |`] : [];
      return [...own, ...rowsOf(node.members, `${prefix}${key}.`)];
    }
    if (node.is === 'list') return rowsOf(node.members, `${prefix}${key}[].`);
    const unit = node.unit ? ` (${node.unit})` : '';
    const standard =
      node.default === undefined ? (node.optional ? 'not there' : '**needed**') : `\`${node.default}\`${unit}`;
    return [`| \`${prefix}${key}\` | ${node.type} | ${standard} | ${node.sentence} |`];
  });
}
