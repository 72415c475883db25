/** Puts text right that cannot be parsed as sent: wrapped lines and glued segments. Only where a vendor profile asks for it. */
import type { VendorProfile } from '../../schemas/vendors/profile.ts';

/** What was repaired, without content: `wrapped line 7 joined`, `EVN split from MSH`. At most {@link repairsToldMax}. */
export interface RepairedText {
  text: string;
  repairs: string[];
}

const repairsToldMax = 50;
/** Longest run of glued segments that is looked for in a header. */
const headerLengthMax = 4096;

/**
 * The text of one decoded message as it can be parsed. Without a rule for it in the profile the very same text comes back.
 * A line is a segment when three letters or digits, the first a letter, stand before the message's own field separator
 * (HL7 v2.8.2 chapter 2.5.1); any other line continues the one before.
 */
export function repairText(text: string, profile: VendorProfile): RepairedText {
  const { joinWrappedLines, splitGluedSegments } = profile.text;
  if (!joinWrappedLines && splitGluedSegments.length === 0) return { text, repairs: [] };
  const at = text.indexOf('MSH');
  if (at < 0) return { text, repairs: [] };
  const separator = text.charAt(at + 3);
  const repairs: string[] = [];
  let repaired = text;
  if (splitGluedSegments.length > 0) repaired = splitHeader(repaired, at, separator, splitGluedSegments, repairs);
  if (joinWrappedLines) repaired = joinLines(repaired, separator, repairs);
  return { text: repaired, repairs };
}

function splitHeader(
  text: string,
  start: number,
  separator: string,
  names: readonly string[],
  repairs: string[],
): string {
  let end = start;
  while (end < text.length && end - start < headerLengthMax && text[end] !== '\r' && text[end] !== '\n') end += 1;
  const ending = text[end] === '\n' ? '\n' : '\r';
  let header = text.slice(start, end);
  // The glue has been seen behind the version; before field 9 the same letters are an application's name.
  let from = 0;
  for (let field = 0; field < 9 && from >= 0; field += 1) from = header.indexOf(separator, from + 1);
  if (from < 0) return text;
  let previous = 'MSH';
  for (const name of names) {
    const at = header.indexOf(name + separator, from + 1);
    if (at < 0) continue;
    header = `${header.slice(0, at)}${ending}${header.slice(at)}`;
    from = at + 1;
    repairs.push(`${name} split from ${previous}`);
    previous = name;
  }
  return repairs.length === 0 ? text : text.slice(0, start) + header + text.slice(end);
}

function joinLines(text: string, separator: string, repairs: string[]): string {
  const out: string[] = [];
  let line = 0;
  let start = 0;
  let pending = '';
  while (start < text.length) {
    let end = start;
    while (end < text.length && text.charCodeAt(end) !== 13 && text.charCodeAt(end) !== 10) end += 1;
    let next = end;
    if (next < text.length) next += text.charCodeAt(next) === 13 && text.charCodeAt(next + 1) === 10 ? 2 : 1;
    line += 1;
    const content = text.slice(start, end);
    const continues = out.length > 0 && content.trim() !== '' && !beginsSegment(content, separator);
    if (continues) {
      if (repairs.length < repairsToldMax) repairs.push(`wrapped line ${line} joined`);
      out.push(content);
    } else out.push(pending, content);
    pending = text.slice(end, next);
    start = next;
  }
  out.push(pending);
  return repairs.length === 0 ? text : out.join('');
}

function beginsSegment(line: string, separator: string): boolean {
  let at = 0;
  // Byte order mark or vertical tab before the header.
  while (at < line.length && (line.charCodeAt(at) === 0xfeff || line.charCodeAt(at) === 11)) at += 1;
  return line.charAt(at + 3) === separator && /^[A-Z][A-Z0-9]{2}$/.test(line.slice(at, at + 3));
}
