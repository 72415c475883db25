/**
 * The set that all nodes of an exchange share, as it goes over the wire: a manifest with the digest of every part, its signature, and the parts. What is
 * signed is the manifest's text as it is.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MixError } from '../../schemas/errors/index.ts';

export type PartKind = 'code-system' | 'root' | 'dictionary';

/** One thing of the set: a code system (FHIR JSON), a root certificate (PEM), a dictionary (JSON). */
export interface ReleasePart {
  kind: PartKind;
  /** URL of a code system, name of anything else. */
  name: string;
  text: string;
  /** Concepts of a code system; 1 otherwise. */
  count: number;
}

const manifestShape = z.object({
  format: z.literal('mix-release/1'),
  /** OID of the exchange. */
  exchange: z.string().max(200),
  /** Counts up with every publication, so that an older set never takes the place of a newer. */
  sequence: z.number().int().min(1).max(1_000_000_000),
  version: z.string().min(1).max(64),
  publishedAt: z.number().int(),
  parts: z
    .array(
      z.object({
        kind: z.enum(['code-system', 'root', 'dictionary']),
        name: z.string().min(1).max(600),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        count: z.number().int().min(0),
      }),
    )
    .max(20_000),
});
export type Manifest = z.infer<typeof manifestShape>;

const wireShape = z.object({
  manifest: z.string().max(16 * 1024 * 1024),
  signature: z.string().max(64 * 1024),
  parts: z.record(z.string().regex(/^[0-9a-f]{64}$/), z.string()),
});

export interface Release {
  manifest: Manifest;
  /** What is signed. */
  manifestText: string;
  signature: string;
  /** By digest. */
  parts: ReadonlyMap<string, string>;
}

export const digestOf = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/** The manifest of these parts, in an order that follows from them. */
export function makeManifest(
  parts: readonly ReleasePart[],
  about: { exchange: string; sequence: number; publishedAt: number },
): Manifest {
  return {
    format: 'mix-release/1',
    exchange: about.exchange,
    sequence: about.sequence,
    version: `${new Date(about.publishedAt).toISOString().slice(0, 10)}.${about.sequence}`,
    publishedAt: about.publishedAt,
    parts: parts
      .map(({ kind, name, text, count }) => ({ kind, name, sha256: digestOf(text), count }))
      .sort((a, b) => (a.kind + a.name < b.kind + b.name ? -1 : 1)),
  };
}

/** Do two manifests name the same parts? */
export function sameParts(one: Manifest, other: Manifest): boolean {
  return JSON.stringify(one.parts) === JSON.stringify(other.parts);
}

export function writeRelease(release: Release): Buffer {
  return Buffer.from(
    JSON.stringify({
      manifest: release.manifestText,
      signature: release.signature,
      parts: Object.fromEntries(release.parts),
    }),
  );
}

const releaseBytesMax = 96 * 1024 * 1024;

/**
 * Reads a release; whether its signature holds is for who knows the roots, and comes first (`judge` gives what is wrong with it). Throws
 * `exchange.release` with the place of what is unsigned, damaged or missing.
 */
export function readRelease(
  bytes: Uint8Array,
  judge: (manifestText: string, signature: string) => string | undefined,
): Release {
  if (bytes.length > releaseBytesMax)
    throw new MixError('exchange.release', { detail: `more than ${releaseBytesMax} bytes` });
  const wire = shaped(wireShape, parse(Buffer.from(bytes).toString('utf8'), 'release'), 'release');
  const wrong = judge(wire.manifest, wire.signature);
  if (wrong !== undefined) throw new MixError('exchange.release', { place: 'signature', detail: wrong });
  const manifest = readManifest(wire.manifest);
  const parts = new Map<string, string>();
  manifest.parts.forEach(({ sha256 }, at) => {
    const text = Object.hasOwn(wire.parts, sha256) ? wire.parts[sha256] : undefined;
    if (text === undefined)
      throw new MixError('exchange.release', { place: `manifest.parts[${at}]`, detail: 'missing' });
    if (digestOf(text) !== sha256)
      throw new MixError('exchange.release', { place: `manifest.parts[${at}]`, detail: 'damaged' });
    parts.set(sha256, text);
  });
  return { manifest, manifestText: wire.manifest, signature: wire.signature, parts };
}

/** Throws `exchange.release`. */
export function readManifest(text: string): Manifest {
  return shaped(manifestShape, parse(text, 'manifest'), 'manifest');
}

function parse(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MixError('exchange.release', { place, detail: 'not JSON' });
  }
}

function shaped<T>(shape: z.ZodType<T>, value: unknown, place: string): T {
  const reading = shape.safeParse(value);
  if (reading.success) return reading.data;
  const path = reading.error.issues[0]?.path.slice(0, 3).join('.') ?? '';
  throw new MixError('exchange.release', {
    place: path === '' ? place : `${place}.${path.slice(0, 80)}`,
    detail: 'not of its form',
  });
}
