import type { ReactNode } from 'react';
import { createElement, Fragment } from 'react';

const NAMES =
  'NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US'.split(
    ' ',
  );

/** A control character as its name in a small frame (few fonts draw Unicode's pictures of them); the rest as it is. */
export function showControls(text: string): ReactNode {
  const parts = text.split(/([\u0000-\u001f\u007f])/).map((part) => {
    const code = part.charCodeAt(0);
    const name = part.length === 1 ? (code === 127 ? 'DEL' : NAMES[code]) : undefined;
    return name === undefined ? part : createElement('span', { className: 'control' }, name);
  });
  return createElement(Fragment, null, ...parts);
}

/** Text of a message with its control characters visible, a segment a line. */
export function VisibleText({ text, label }: { text: string; label: string }) {
  const lines = text.split(/(?<=\r\n|\r(?!\n)|\n)/).flatMap((line) => [showControls(line), '\n']);
  return <Code label={label}>{createElement(Fragment, null, ...lines)}</Code>;
}

/** Machine text that may scroll; reached by the keyboard so that it can be. */
export function Code({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by the keyboard
    <section className="code" tabIndex={0} aria-label={label}>
      <pre>{children}</pre>
    </section>
  );
}
