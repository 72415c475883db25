/**
 * CCDs from the fixtures, from the outside corpora and from random records against the CDA schema (in process) and against the C-CDA R2.1
 * Schematron (the checker that stands beside the corpora). `MIX_CCD_ALL=1` sends every CCD to the Schematron, which takes about a second
 * each; without it every file is judged once and long files of one kind by samples.
 */
import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';
import { xmlRegisterFsInputProviders } from 'libxml2-wasm/lib/nodejs.mjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildCcd, checkCcd, renderCcdHtml } from '../../engine/ccda/index.ts';
import {
  decodeMessage,
  isMapped,
  normalizeMessage,
  parseMessage,
  repairText,
  scanHeader,
  splitBatch,
  toRecord,
} from '../../engine/hl7v2/index.ts';
import { createMemoryRecord } from '../../engine/record/index.ts';
import { chooseProfile } from '../../schemas/vendors/profile.ts';
import { anyRecord } from '../engine/ccda/arbitraries.ts';
import { fullRecord, header, smallRecord } from '../engine/ccda/records.ts';

const root = resolve(import.meta.dirname, '../..');
const corpora = resolve(root, process.env.MIX_CORPORA ?? '../shared/corpora');
const checker = join(corpora, '../tools/ccd-check');
const schema = join(corpora, 'schema/cda-sdtc-xsd/infrastructure/cda/CDA_SDTC.xsd');
const families = ['cpsi', 'mckesson', 'meditech', 'healthland'];
/** CCDs of one file that go to the Schematron. */
const judgedOfFile = process.env.MIX_CCD_ALL ? Number.POSITIVE_INFINITY : 8;

interface Made {
  name: string;
  xml: string;
}

/** The records of every message of a file, each by itself, as CCDs. */
function ccdsOf(file: string): Made[] {
  const bytes = readFileSync(file);
  const vendor = families.find((family) => file.slice(root.length).includes(`/${family}`)) ?? 'plain';
  const made: Made[] = [];
  for (const part of splitBatch(bytes).messages) {
    const profile = chooseProfile(vendor, scanHeader(part.bytes, 'utf-8'));
    const parsed = parseMessage(repairText(decodeMessage(part.bytes, 'utf-8').text, profile).text);
    if (parsed.message === undefined) continue;
    const { message } = normalizeMessage(parsed.message, profile);
    if (!isMapped(message)) continue;
    const source = { id: 'conformance', profile: vendor, authority: '1.2.3.4', facility: 'F' };
    const record = createMemoryRecord();
    const draft = toRecord(message, profile, { source, receivedAt: header.createdAt });
    for (const id of record.apply(draft, { messageId: 'm', sourceId: source.id })) {
      const person = record.person(id);
      if (person !== undefined)
        made.push({
          name: `${basename(file)}-${made.length}`,
          xml: buildCcd({ person, entries: record.entries(id) }, header),
        });
    }
  }
  return made;
}

/** Every nth of a list, so that at most `max` stay. */
function sample<T>(list: readonly T[], max: number): T[] {
  const step = Math.max(1, Math.ceil(list.length / max));
  return list.filter((_, i) => i % step === 0);
}

const files = [
  ...globSync(join(root, 'fixtures/{messages,traffic}/**/*.hl7')),
  ...(existsSync(corpora) ? globSync(join(corpora, 'hl7v2/**/*.{hl7,ndhl7,out}')) : []),
].sort();
const all: Made[] = [];
const judged: Made[] = [];

beforeAll(() => {
  for (const file of files) {
    const made = ccdsOf(file);
    all.push(...made);
    judged.push(...sample(made, judgedOfFile));
  }
  const random = fc.sample(anyRecord, { numRuns: 200, seed: 20_261_123 });
  const made = [smallRecord, fullRecord(), ...random].map((record, i) => ({
    name: `random-${i}`,
    xml: buildCcd(record, header),
  }));
  all.push(...made);
  judged.push(...sample(made, Math.max(judgedOfFile, 40)));
});

describe('CCDs of fixtures, corpora and random records', () => {
  test('there are some of each', () => {
    expect(files.length).toBeGreaterThan(0);
    expect(all.length).toBeGreaterThan(files.length / 2);
  });

  test('each passes its own check, and can be shown', () => {
    for (const { name, xml } of all) {
      expect(checkCcd(xml), name).toEqual([]);
      expect(renderCcdHtml(xml), name).toContain('<main>');
    }
  });

  test('each is its own exclusive canonical form', () => {
    for (const { name, xml } of all) {
      const document = XmlDocument.fromString(xml);
      const canonical = document.canonicalizeToString({ mode: 1 } as never);
      document.dispose();
      expect(canonical === xml, name).toBe(true);
    }
  });
});

const noSchema = existsSync(schema) ? '' : ' (skipped: the CDA schema is not there; set MIX_CORPORA)';
describe(`CDA and SDTC schema${noSchema}`, () => {
  let validator: XsdValidator | undefined;
  let source: XmlDocument | undefined;
  afterAll(() => {
    validator?.dispose();
    source?.dispose();
  });

  test.skipIf(noSchema !== '')('every CCD is valid', () => {
    xmlRegisterFsInputProviders();
    source = XmlDocument.fromBuffer(readFileSync(schema), { url: schema });
    validator = XsdValidator.fromDoc(source);
    for (const { name, xml } of all) {
      const document = XmlDocument.fromString(xml);
      try {
        expect(() => validator?.validate(document), name).not.toThrow();
      } finally {
        document.dispose();
      }
    }
  });
});

const noChecker = existsSync(checker) ? '' : ' (skipped: the checker is not there; set MIX_CORPORA)';
describe(`C-CDA R2.1 Schematron${noChecker}`, () => {
  test.skipIf(noChecker !== '')(
    'no CCD has an error',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'mix-ccd-'));
      try {
        const out = join(folder, 'out');
        mkdirSync(out);
        for (let i = 0; i < judged.length; i++)
          writeFileSync(
            join(out, `${i}-${judged[i]?.name.replace(/[^A-Za-z0-9._-]/g, '_')}.xml`),
            judged[i]?.xml.toWellFormed() ?? '',
          );
        const environment = {
          ...process.env,
          CCD_CHECK_CACHE: process.env.CCD_CHECK_CACHE ?? join(folder, 'cache'),
          MIX_CORPORA: corpora,
        };
        const run = promisify(execFile)(checker, [out], { env: environment, maxBuffer: 16 * 1024 * 1024 });
        const { stdout } = await run.catch((cause: { stdout?: string }) => ({ stdout: cause.stdout ?? String(cause) }));
        expect(stdout.trim()).toBe(
          `${judged.length} documents, 0 with schema errors, 0 with Schematron errors, 0 not judged as R2.1 CCDs`,
        );
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    1_800_000,
  );
});
