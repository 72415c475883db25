/** Files of a node's own folder as parts of a set: `.pem` a root certificate, `.dictionary.json` a dictionary, anything else code systems. */
import { MixError } from '../../schemas/errors/index.ts';
import { readCodeSystems, writeCodeSystem } from './code-system.ts';
import type { ReleasePart } from './release.ts';

const dictionary = /\.dictionary\.json$/i;
const rootBytesMax = 64 * 1024;

/** Throws `codes.malformed`, `codes.too-large`, `xml.*`. */
export function partsOfFile(fileName: string, bytes: Uint8Array): ReleasePart[] {
  if (/\.pem$/i.test(fileName)) {
    const text = Buffer.from(bytes).toString('latin1');
    const certificates = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
    if (certificates.length === 0 || bytes.length > rootBytesMax)
      throw new MixError('codes.malformed', { detail: 'no certificate' });
    return certificates.map((one, at) => ({
      kind: 'root',
      name: certificates.length === 1 ? fileName : `${fileName}#${at + 1}`,
      text: `${one}\n`,
      count: 1,
    }));
  }
  if (dictionary.test(fileName))
    return [{ kind: 'dictionary', name: fileName.replace(dictionary, ''), text: compactJson(bytes), count: 1 }];
  return readCodeSystems(bytes, { fileName }).map((system) => ({
    kind: 'code-system',
    name: system.url,
    text: writeCodeSystem(system),
    count: system.concepts.length,
  }));
}

function compactJson(bytes: Uint8Array): string {
  try {
    return JSON.stringify(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    throw new MixError('codes.malformed', { detail: 'not JSON' });
  }
}
