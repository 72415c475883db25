import type { ReactNode } from 'react';
import { Fragment } from 'react';

/** A control character as its picture of Unicode's block 2400, in a quiet tone; the rest as it is. */
export function showControls(text: string): ReactNode[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.split(/([\u0000-\u001f\u007f])/).map((part, at) => {
    const code = part.charCodeAt(0);
    const control = part.length === 1 && (code < 32 || code === 127);
    return control ? (
      <span key={at} className="control">
        {String.fromCharCode(code === 127 ? 0x2421 : 0x2400 + code)}
      </span>
    ) : (
      <Fragment key={at}>{part}</Fragment>
    );
  });
}

/** Text of a message with its control characters visible, a segment a line. */
export function VisibleText({ text, label }: { text: string; label: string }) {
  const lines = text.split(/(?<=\r\n|\r(?!\n)|\n)/);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by the keyboard
    <pre className="code" tabIndex={0} aria-label={label}>
      {lines.map((line, at) => (
        <Fragment key={at}>
          {showControls(line)}
          {'\n'}
        </Fragment>
      ))}
    </pre>
  );
}
