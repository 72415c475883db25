/** A whole engine on a store of its own, for tests that look at what messages do. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, type Engine, type EngineOptions, type EngineParts } from '../../engine/index.ts';
import { type OpenedStore, openStore } from '../../engine/store/index.ts';
import {
  createAuthority,
  generateKey,
  issueCertificate,
  openKeyFile,
  openSeal,
  readCertificates,
  signDocument,
  verifyDocument,
} from '../../pki/index.ts';
import type { Source } from '../../schemas/parts.ts';

export interface Hospital {
  engine: Engine;
  store: OpenedStore;
  /** Sends a message (segments joined with CR) and gives MSA-1 of the answer. */
  send(segments: string[], sourceId?: string): Promise<string>;
  /** Waits until no job waits or runs; parked ones may stay. */
  settled(): Promise<void>;
  /** The person of a medical record number, opened. */
  personOf(number: string, sourceId?: string): Promise<Awaited<ReturnType<OpenedStore['person']>>>;
  close(): Promise<void>;
}

const sources: Source[] = [
  { id: 'east', profile: 'plain', authority: '2.16.840.1.113883.19.9.1', facility: 'EAST' },
  { id: 'west', profile: 'plain', authority: '2.16.840.1.113883.19.9.2', facility: 'WEST' },
];

export async function openHospital(
  documents: EngineOptions['documents'] = { when: 'on-demand', quietMs: 0, latestMs: 0 },
  more: { parts?: Partial<EngineParts>; options?: Partial<EngineOptions> } = {},
): Promise<Hospital> {
  const folder = mkdtempSync(join(tmpdir(), 'mix-hospital-'));
  const store = await openStore({
    file: join(folder, 'store.sqlite'),
    seal: openSeal({ kek: openKeyFile(join(folder, 'kek')) }),
    clock: { now: Date.now },
  });
  const authority = createAuthority({ subject: { commonName: 'Test Authority' } });
  const pair = generateKey();
  const issued = issueCertificate(authority, {
    profile: 'document-signer',
    subject: { commonName: 'Test Signer' },
    publicKey: pair.publicKey,
  });
  const chain = readCertificates(issued.chainPem);
  const roots = [authority.certificate];
  const engine = createEngine(
    {
      store,
      clock: { now: Date.now },
      log: { info() {}, warn() {}, error() {} },
      sign: (document, now) => signDocument(document, { key: pair.privateKey, certificateChain: chain }, now),
      verify({ bytes, signature, id }) {
        const verdict = verifyDocument(bytes, signature, { roots, at: Date.now() }, { documentId: id });
        return verdict.holds
          ? { holds: true, signer: verdict.signer.subject }
          : { holds: false, signer: '', reason: verdict.reason };
      },
      ...more.parts,
    },
    {
      node: { name: 'test', role: 'hospital', facility: 'TEST', zone: 'UTC', version: '0' },
      organization: { name: 'Test Hospital', oid: '2.16.840.1.113883.19.9' },
      processing: 'P',
      documents,
      sessionMinutes: 15,
      sources: sources.map((source) => ({
        source,
        profile: source.profile,
        charset: 'utf-8',
        acknowledgment: 'original',
        zone: 'UTC',
        processing: 'P',
        listener: 'test',
      })),
      ...more.options,
    },
  );
  engine.start();
  const settled = async (): Promise<void> => {
    for (let tries = 0; (await store.counts()).ready > 0; tries += 1) {
      if (tries > 1_000) throw new Error('the jobs did not come to an end');
      await new Promise((next) => setTimeout(next, 10));
    }
  };
  return {
    engine,
    store,
    settled,
    async send(segments, sourceId = 'east') {
      const { ack } = await engine.accept(Buffer.from(segments.join('\r')), sourceId);
      return /MSA\|(\w+)/.exec(ack?.toString() ?? '')?.[1] ?? '';
    },
    async personOf(number, sourceId = 'east') {
      const system = `urn:oid:${sources.find((one) => one.id === sourceId)!.authority}`;
      const found = await store.personsByIdentifier([{ system, value: number }]);
      const id = [...found.values()][0];
      return id === undefined ? undefined : store.person(id);
    },
    async close() {
      await engine.stop();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

let counter = 0;

/** MSH with a control id of its own. */
export function msh(
  type: string,
  more: { control?: string; processing?: string; accept?: string; application?: string } = {},
): string {
  counter += 1;
  const { control = `C${counter}`, processing = 'P', accept = '', application = '' } = more;
  return `MSH|^~\\&|EMR|EAST|MIX|MIX|20260401120000||${type}|${control}|${processing}|2.5.1|||${accept}|${application}`;
}
