/**
 * What all nodes of an exchange share: the global node publishes root certificates, code systems and dictionaries as a signed set with a number that counts
 * up; regions and hospitals take the newest from the node above, hold it apart from their own additions, and give it on. What is damaged, unsigned or
 * older never takes the place of what is in force.
 */
import { MixError } from '../schemas/errors/index.ts';
import type { FhirAnswer, NodeRole, Peer } from '../schemas/exchange.ts';
import type { Clock, Log, Store } from '../schemas/parts.ts';
import type { ReleaseView } from '../schemas/portal-exchange.ts';
import {
  digestOf,
  type Manifest,
  makeManifest,
  type PartKind,
  type Release,
  type ReleasePart,
  readCodeSystems,
  readManifest,
  readRelease,
  sameParts,
  writeRelease,
} from './codes/index.ts';

export interface AdoptParts {
  store: Store;
  clock: Clock;
  log: Log;
  /** Signs as this node; the global one only. */
  sign?(bytes: Uint8Array): string;
  /** Is this the word of the global node? `until`: the end of its certificate. */
  verify(
    bytes: Uint8Array,
    signature: string,
  ): { holds: true; signer: string; until: number } | { holds: false; reason: string };
  /** The node above, to take from. */
  above?: Peer;
}

export interface AdoptOptions {
  node: { name: string; role: NodeRole };
  /** OID of the exchange. */
  exchange: string;
  /** How often the node above is asked, in ms; 0: only by {@link Adoption.poll}. */
  pollMs: number;
}

export interface Adoption {
  /** Reads what is in force from the store, and begins to ask the node above. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * What lies in this node's own folder of codes. At the global node it is published when it differs from what is in force; elsewhere it is kept apart,
   * and adds to what is shared without changing it.
   */
  setOwn(parts: readonly ReleasePart[]): Promise<void>;
  /** Asks the node above now. Throws `exchange.release` and what {@link Peer.ask} throws; what is in force stays then. */
  poll(): Promise<'taken' | 'same'>;
  /** The answer to a node below; undefined where nothing is in force. */
  release(have: string | undefined): Promise<FhirAnswer | undefined>;
  /** What is in force, for people. */
  view(): Promise<ReleaseView | undefined>;
  /** The words of a code, of what is shared or of our own additions. */
  displayOf(system: string, code: string): string | undefined;
  /** Root certificates of the set in force, PEM. */
  roots(): string[];
}

/** What the store keeps of the set in force; parts lie under their digests. */
interface Kept {
  manifestText: string;
  signature: string;
  takenAt: number;
  from: string;
  signer: string;
  until: number;
}

const CURRENT = 'release/current';
const partName = (sha256: string): string => `release/part/${sha256}`;
const MEDIA_TYPE = 'application/json';
/** A signature whose certificate ends sooner is asked for anew, so that those below can check it. */
const FRESH_MS = 7 * 86_400_000;
const ANSWER_BYTES_MAX = 96 * 1024 * 1024;

interface InForce {
  release: Release;
  kept: Kept;
  displays: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export function createAdoption(parts: AdoptParts, options: AdoptOptions): Adoption {
  const { store, clock, log } = parts;
  const publishes = options.node.role === 'global' && parts.sign !== undefined;
  let inForce: InForce | undefined;
  let own: readonly ReleasePart[] = [];
  let ownDisplays: InForce['displays'] = new Map();
  let timer: NodeJS.Timeout | undefined;
  let asking: Promise<unknown> | undefined;
  let stopped = true;

  async function open(): Promise<void> {
    const kept = await store.getValue(CURRENT);
    if (kept === undefined) return;
    const read = JSON.parse(kept.toString('utf8')) as Kept;
    const manifest = readManifest(read.manifestText);
    const texts = await Promise.all(manifest.parts.map(({ sha256 }) => store.getValue(partName(sha256))));
    const found = new Map<string, string>();
    texts.forEach((text, at) => {
      if (text !== undefined) found.set(manifest.parts[at]!.sha256, text.toString('utf8'));
    });
    if (found.size < new Set(manifest.parts.map(({ sha256 }) => sha256)).size)
      throw new MixError('exchange.release', { place: 'store', detail: 'a part is missing' });
    inForce = forceOf({ manifest, manifestText: read.manifestText, signature: read.signature, parts: found }, read);
  }

  /** The parts first and the manifest last: a crash between leaves what was in force. */
  async function keep(release: Release, kept: Kept): Promise<void> {
    const next = forceOf(release, kept);
    const held = inForce?.release.parts;
    await Promise.all(
      [...release.parts]
        .filter(([sha256]) => held?.has(sha256) !== true)
        .map(([sha256, text]) => store.putValue(partName(sha256), Buffer.from(text))),
    );
    await store.putValue(CURRENT, Buffer.from(JSON.stringify(kept)));
    inForce = next;
    const { version, parts: all } = release.manifest;
    await store.commit({
      audit: [{ at: clock.now(), who: kept.from, action: 'update', outcome: 'done', what: 'release', reason: version }],
    });
    log.info({ version, parts: all.length, from: kept.from }, 'a set of shared codes is in force');
  }

  async function publish(): Promise<void> {
    const sign = parts.sign;
    if (!publishes || sign === undefined || own.length === 0) return;
    const now = clock.now();
    const before = inForce?.release.manifest;
    const about = { exchange: options.exchange, sequence: (before?.sequence ?? 0) + 1, publishedAt: now };
    const manifest = makeManifest(own, about);
    if (before !== undefined && sameParts(before, manifest)) return;
    await keepSigned(manifest, new Map(own.map(({ text }) => [digestOf(text), text])), sign);
  }

  async function keepSigned(
    manifest: Manifest,
    texts: Map<string, string>,
    sign: (bytes: Uint8Array) => string,
  ): Promise<void> {
    const manifestText = JSON.stringify(manifest);
    const signature = sign(Buffer.from(manifestText));
    const verdict = parts.verify(Buffer.from(manifestText), signature);
    if (!verdict.holds) throw new MixError('exchange.release', { place: 'signature', detail: verdict.reason });
    const { signer, until } = verdict;
    const kept = { manifestText, signature, takenAt: clock.now(), from: options.node.name, signer, until };
    await keep({ manifest, manifestText, signature, parts: texts }, kept);
  }

  async function poll(): Promise<'taken' | 'same'> {
    const { above } = parts;
    if (above === undefined) throw new MixError('exchange.not-here', { detail: 'no node above is set' });
    const fresh = inForce !== undefined && inForce.kept.until - clock.now() > FRESH_MS;
    const path = fresh ? `$release?have=${encodeURIComponent(inForce!.release.manifest.version)}` : '$release';
    // In no form of FHIR: the bytes are what is signed.
    const answer = await above.ask({ method: 'GET', path, accept: '*/*' });
    if (answer.status === 304) return 'same';
    if (answer.status === 404) return 'same';
    if (answer.status !== 200 || answer.body.length > ANSWER_BYTES_MAX)
      throw new MixError('exchange.release', { place: above.name, detail: `${answer.status}` });
    return take(answer.body, above.name);
  }

  async function take(bytes: Buffer, from: string): Promise<'taken' | 'same'> {
    let signed: { signer: string; until: number } | undefined;
    const release = readRelease(bytes, (text, signature) => {
      const verdict = parts.verify(Buffer.from(text), signature);
      if (!verdict.holds) return verdict.reason;
      signed = verdict;
      return undefined;
    });
    const { manifest } = release;
    const before = inForce?.release.manifest;
    if (manifest.exchange !== options.exchange)
      throw new MixError('exchange.release', { place: 'manifest.exchange', detail: 'of another exchange' });
    if (before !== undefined && manifest.sequence < before.sequence)
      throw new MixError('exchange.release', { place: 'manifest.sequence', detail: 'older than the one in force' });
    if (before !== undefined && manifest.sequence === before.sequence && !sameParts(before, manifest))
      throw new MixError('exchange.release', { place: 'manifest.parts', detail: 'two sets of one number' });
    const { signer = '', until = 0 } = signed ?? {};
    const { manifestText, signature } = release;
    const same = before?.sequence === manifest.sequence;
    const takenAt = same ? (inForce?.kept.takenAt ?? clock.now()) : clock.now();
    await keep(release, { manifestText, signature, takenAt, from, signer, until });
    return same ? 'same' : 'taken';
  }

  function askAgain(afterMs: number): void {
    if (stopped || parts.above === undefined || options.pollMs === 0) return;
    timer = setTimeout(() => {
      asking = poll()
        .catch((cause: unknown) => {
          const fault = cause instanceof MixError ? cause.fault : { code: 'record.unexpected' as const };
          log.warn(
            { code: fault.code, place: fault.place, detail: fault.detail },
            'no newer set of shared codes was taken',
          );
        })
        .finally(() => askAgain(options.pollMs * (0.75 + Math.random() / 2)));
    }, afterMs);
    timer.unref();
  }

  return {
    poll,
    async start() {
      stopped = false;
      await open();
      await publish();
      askAgain(Math.min(1_000, options.pollMs));
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await asking;
    },
    async setOwn(next) {
      own = next;
      ownDisplays = publishes ? new Map() : displaysOf(next);
      if (!stopped) await publish();
    },
    async release(have) {
      if (inForce === undefined) return undefined;
      const { manifest } = inForce.release;
      const headers = { etag: `"${manifest.version}"` };
      if (have === manifest.version) return { status: 304, headers };
      // The certificate that signed it may have been renewed since.
      if (publishes && parts.sign !== undefined && inForce.kept.until - clock.now() <= FRESH_MS)
        await keepSigned(manifest, new Map(inForce.release.parts), parts.sign);
      return { status: 200, headers, bytes: { mediaType: MEDIA_TYPE, body: writeRelease(inForce.release) } };
    },
    async view() {
      const local = publishes ? [] : countsOf(own);
      if (inForce === undefined) return local.length === 0 ? undefined : { version: 'none', parts: [], local };
      const { release, kept } = inForce;
      const view: ReleaseView = {
        version: release.manifest.version,
        publishedAt: new Date(release.manifest.publishedAt).toISOString(),
        takenAt: new Date(kept.takenAt).toISOString(),
        signer: kept.signer,
        parts: countsOf(release.manifest.parts),
        local,
      };
      if (kept.from !== options.node.name) view.from = kept.from;
      return view;
    },
    displayOf: (system, code) => inForce?.displays.get(system)?.get(code) ?? ownDisplays.get(system)?.get(code),
    roots() {
      const { release } = inForce ?? {};
      if (release === undefined) return [];
      return release.manifest.parts
        .filter(({ kind }) => kind === 'root')
        .map(({ sha256 }) => release.parts.get(sha256) ?? '');
    },
  };
}

/** Throws `exchange.release` when a part is not what its kind says: nothing of such a set comes into force. */
function forceOf(release: Release, kept: Kept): InForce {
  const parts: ReleasePart[] = release.manifest.parts.map(({ kind, name, sha256, count }) => ({
    kind,
    name,
    count,
    text: release.parts.get(sha256) ?? '',
  }));
  try {
    return { release, kept, displays: displaysOf(parts) };
  } catch (cause) {
    if (!(cause instanceof MixError)) throw cause;
    throw new MixError('exchange.release', { place: 'parts', detail: cause.fault.code });
  }
}

function displaysOf(parts: readonly ReleasePart[]): Map<string, ReadonlyMap<string, string>> {
  const displays = new Map<string, Map<string, string>>();
  for (const part of parts) {
    if (part.kind !== 'code-system') continue;
    for (const { url, concepts } of readCodeSystems(Buffer.from(part.text), { fileName: 'part.json' }))
      displays.set(url, new Map(concepts.map(({ code, display }) => [code, display])));
  }
  return displays;
}

const WORDS: Record<PartKind, string> = {
  'code-system': 'code systems',
  root: 'root certificates',
  dictionary: 'dictionaries',
};

function countsOf(parts: readonly { kind: PartKind; count: number }[]): ReleaseView['parts'] {
  const counts = (Object.keys(WORDS) as PartKind[])
    .map((kind) => ({ name: WORDS[kind], count: parts.filter((part) => part.kind === kind).length }))
    .filter(({ count }) => count > 0);
  const concepts = parts.reduce((sum, part) => sum + (part.kind === 'code-system' ? part.count : 0), 0);
  return concepts === 0 ? counts : [...counts, { name: 'codes', count: concepts }];
}
