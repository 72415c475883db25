/** The files of a folder that hold HL7v2 messages. What an interface writes has many endings, so the beginning of a file decides too. */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { MixError } from '../../schemas/errors/index.ts';

/** Endings that nobody uses for anything else. */
const SURE = new Set(['.hl7', '.ndhl7', '.hl7v2']);
/** Endings of text that may have something before the first header. */
const TEXT = new Set(['.out', '.txt', '.dat', '.msg', '.log', '']);
const HEAD_BYTES = 64 * 1024;
const FILES_MAX = 1_000_000;
const DEPTH_MAX = 64;

export interface MessageFile {
  path: string;
  /** Nothing in it looks like a message, and it was not named itself. */
  passedOver: boolean;
}

/** Files under the paths in the order of their names. Links to folders are not followed. Throws `convert.unreadable` for a path that is not there. */
export function messageFiles(paths: string[]): MessageFile[] {
  const found: MessageFile[] = [];
  for (const path of paths) {
    if (statOf(path).isDirectory()) gather(path, found, 0);
    else found.push({ path, passedOver: false });
  }
  return found;
}

function statOf(path: string): NonNullable<ReturnType<typeof statSync>> {
  try {
    return statSync(path)!;
  } catch (cause) {
    throw new MixError('convert.unreadable', { place: path, cause });
  }
}

function gather(folder: string, found: MessageFile[], depth: number): void {
  if (depth > DEPTH_MAX)
    throw new MixError('convert.too-many-files', { place: folder, detail: `${DEPTH_MAX} folders deep` });
  const inner = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const one of inner) {
    const path = join(folder, one.name);
    if (one.isDirectory()) gather(path, found, depth + 1);
    else if (one.isFile() || (one.isSymbolicLink() && isFile(path))) {
      if (found.length >= FILES_MAX)
        throw new MixError('convert.too-many-files', { place: folder, detail: `${FILES_MAX}` });
      found.push({ path, passedOver: !looksLikeMessages(path) });
    }
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function looksLikeMessages(path: string): boolean {
  const ending = extname(path).toLowerCase();
  if (SURE.has(ending)) return true;
  const head = headOf(path);
  // A file that can't be read is told when its turn comes.
  if (head === undefined) return true;
  return TEXT.has(ending)
    ? /(?:^|[\r\n\v])[ \t]*(?:MSH|FHS|BHS)[^A-Za-z0-9\s]/.test(head)
    : /^[\s\v\ufeff]*(?:MSH|FHS|BHS)[^A-Za-z0-9\s]/.test(head);
}

/** The first bytes as Latin-1, or as UTF-16 where a mark says so. */
function headOf(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(HEAD_BYTES);
    const head = bytes.subarray(0, readSync(file, bytes, 0, HEAD_BYTES, 0));
    if (head[0] === 0xfe && head[1] === 0xff)
      return head
        .subarray(0, head.length & ~1)
        .swap16()
        .toString('utf16le');
    if (head[0] === 0xff && head[1] === 0xfe) return head.toString('utf16le');
    return head.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}
