/** What a node shares with all of its exchange, or adds for itself: its folder of codes, and the line to the node above. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Adoption, createAdoption, partsOfFile } from '../engine/index.ts';
import { signAsNode, verifyNodeSignature } from '../pki/index.ts';
import { MixError } from '../schemas/errors/index.ts';
import type { Peer } from '../schemas/exchange.ts';
import type { Clock, Log, Store } from '../schemas/parts.ts';
import type { Settings } from '../schemas/settings/index.ts';
import type { NodeKeys } from './node-keys.ts';

export interface SharedCodes {
  adoption: Adoption;
  /** Reads the folder, publishes or asks the node above, and goes on with it. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Undefined for a node that stands alone. The global node signs with its face, and publishes the roots of the exchange with its codes. */
export function openSharedCodes(
  settings: Settings,
  parts: { store: Store; clock: Clock; log: Log; keys: NodeKeys; peers: ReadonlyMap<string, Peer> },
): SharedCodes | undefined {
  const { exchange, node } = settings;
  if (exchange === undefined) return undefined;
  const { store, clock, log, keys } = parts;
  const isGlobal = node.role === 'global';
  const publisher = isGlobal
    ? node.organization.oid
    : exchange.nodes.find(({ role }) => role === 'global')?.organization;
  const wanted = { role: 'global' as const, ...(publisher === undefined ? {} : { organization: publisher }) };
  const aboveRole = node.role === 'hospital' ? 'region' : 'global';
  const aboveName = isGlobal ? undefined : exchange.nodes.find(({ role }) => role === aboveRole)?.name;
  const above = aboveName === undefined ? undefined : parts.peers.get(aboveName);
  const adoption = createAdoption(
    {
      store,
      clock,
      log,
      verify(bytes, signature) {
        const verdict = verifyNodeSignature(bytes, signature, { ...keys.trust(), at: clock.now() }, wanted);
        if (!verdict.holds) return verdict;
        return { holds: true, signer: `${verdict.name.role} ${verdict.name.organization}`, until: verdict.until };
      },
      ...(isGlobal ? { sign: (bytes: Uint8Array) => signAsNode(bytes, keys.face()) } : {}),
      ...(above === undefined ? {} : { above }),
    },
    { node: { name: node.name, role: node.role }, exchange: exchange.oid, pollMs: exchange.releaseMs },
  );
  const roots = isGlobal
    ? exchange.roots.flatMap((file, at) => partsOfFile(`root-${at + 1}.pem`, readFileSync(file)))
    : [];
  let folder: CodeFolder | undefined;
  return {
    adoption,
    async start() {
      folder = await watchCodeFolder({
        folder: exchange.codes,
        log,
        read: partsOfFile,
        take: (own) => adoption.setOwn([...roots, ...own]),
      });
      await adoption.start();
    },
    async stop() {
      await folder?.close();
      await adoption.stop();
    },
  };
}

const FILES_MAX = 5_000;
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const LOOK_MS = 2_000;
const readable = /\.(json|xml|csv|pem)$/i;

export interface CodeFolder {
  close(): Promise<void>;
}

/**
 * Watches a folder (made when it is not there). `read` makes parts of a file and may throw; `take` gets all that could be read, now and whenever something
 * changed. A file that can not be read is told in the log and left out; the others count.
 */
export async function watchCodeFolder<T>(options: {
  folder: string;
  log: Log;
  read(fileName: string, bytes: Buffer): T[];
  take(parts: T[]): Promise<void>;
  lookMs?: number;
}): Promise<CodeFolder> {
  const { folder, log } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const known = new Map<string, { stamp: string; parts: T[] }>();
  let looking: Promise<void> | undefined;
  let isClosed = false;
  let isUnsettled = false;

  /** What changes is taken over once it has been quiet from one look to the next: an import writes many files. */
  async function look(isFirst: boolean): Promise<void> {
    const names = readdirSync(folder)
      .filter((name) => readable.test(name))
      .sort()
      .slice(0, FILES_MAX);
    let isChanged = false;
    for (const name of [...known.keys()]) if (!names.includes(name)) isChanged = known.delete(name) || isChanged;
    for (const name of names) {
      const { mtimeMs, size, ino } = statSync(join(folder, name));
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (known.get(name)?.stamp === stamp) continue;
      known.set(name, { stamp, parts: readOne(name, size) });
      isChanged = true;
    }
    if (isChanged) isUnsettled = true;
    if (!isFirst && (isChanged || !isUnsettled)) return;
    await options.take([...known.values()].flatMap(({ parts }) => parts));
    isUnsettled = false;
  }

  function readOne(name: string, size: number): T[] {
    try {
      if (size > FILE_BYTES_MAX) throw new MixError('codes.too-large', { detail: `more than ${FILE_BYTES_MAX} bytes` });
      return options.read(name, readFileSync(join(folder, name)));
    } catch (cause) {
      const fault = cause instanceof MixError ? cause.fault : { code: 'codes.malformed' as const };
      log.warn({ file: name, code: fault.code, place: fault.place }, 'a file of the codes folder can not be read');
      return [];
    }
  }

  function lookAgain(): void {
    if (isClosed || looking !== undefined) return;
    looking = look(false)
      .catch((cause: unknown) => {
        const code = cause instanceof MixError ? cause.fault.code : 'record.unexpected';
        log.warn({ code }, 'the codes folder could not be taken over');
      })
      .finally(() => {
        looking = undefined;
      });
  }

  await look(true);
  const timer = setInterval(lookAgain, options.lookMs ?? LOOK_MS);
  timer.unref();
  return {
    async close() {
      isClosed = true;
      clearInterval(timer);
      await looking;
    },
  };
}
