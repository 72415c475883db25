/**
 * The outside messages through the command: every message becomes a CCD or is refused with code and place, every CCD holds, and what the
 * messages say stands in header and entries (`extract-ccd.ts` looks for it, from the raw text). `MIX_CCD_ALL=1` sends every CCD to the
 * Schematron; without it a sample of each type of message.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';
import { xmlRegisterFsInputProviders } from 'libxml2-wasm/lib/nodejs.mjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { catalogue, type FaultCode } from '../../schemas/errors/index.ts';
import { ccdParts, standsIn, wantedOf } from './extract-ccd.ts';
import { rawParts, rawType } from './extract-raw.ts';

const root = resolve(import.meta.dirname, '../..');
const corpora = resolve(root, process.env.MIX_CORPORA ?? '../shared/corpora');
const folder = join(corpora, 'hl7v2');
const checker = join(corpora, '../tools/ccd-check');
const schema = join(corpora, 'schema/cda-sdtc-xsd/infrastructure/cda/CDA_SDTC.xsd');
const absent = !existsSync(folder);
const why = absent ? ' (skipped: no corpora; set MIX_CORPORA)' : '';
const noSchema = absent || !existsSync(schema);
const noChecker = absent || !existsSync(checker);
/** Documents of one type of message that go to the Schematron. */
const judgedOfType = process.env.MIX_CCD_ALL ? Number.POSITIVE_INFINITY : 4;

const listed = new Set(
  'ADT^A01 ADT^A02 ADT^A03 ADT^A04 ADT^A05 ADT^A08 ADT^A11 ADT^A13 ADT^A28 ADT^A31 ADT^A40 ORU^R01 MDM^T02 VXU^V04 ORM^O01 OML^O21 OMG^O19 RDE^O01 RDE^O11'.split(
    ' ',
  ),
);

interface Line {
  file: string;
  position: number;
  type: string;
  refused: boolean;
  outputs: string[];
  faults: { code: FaultCode; place?: string }[];
  passedOver?: true;
}

interface Run {
  lines: Line[];
  exit: number;
  report: string;
}

async function convert(out: string, ...flags: string[]): Promise<Run> {
  const args = [join(root, 'adapters/cli/launch.js'), 'convert', '--json', '--out', out, ...flags, folder];
  const done = promisify(execFile)(process.execPath, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  const { stdout, stderr, code } = await done
    .then((result) => ({ ...result, code: 0 }))
    .catch((cause: { stdout: string; stderr: string; code: number }) => cause);
  const lines = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
  return { lines, exit: code, report: stderr };
}

/** Runs the checker that stands beside the corpora over files; gives its last lines. */
async function judge(files: string[], work: string): Promise<string> {
  const environment = {
    ...process.env,
    CCD_CHECK_CACHE: process.env.CCD_CHECK_CACHE ?? join(work, 'cache'),
    MIX_CORPORA: corpora,
  };
  const run = promisify(execFile)(checker, files, { env: environment, maxBuffer: 16 * 1024 * 1024 });
  const { stdout } = await run.catch((cause: { stdout?: string }) => ({ stdout: cause.stdout ?? String(cause) }));
  return stdout.trim();
}

const none = (count: number): string =>
  `${count} documents, 0 with schema errors, 0 with Schematron errors, 0 not judged as R2.1 CCDs`;

describe.skipIf(absent)(`the outside messages through convert${why}`, () => {
  let work = '';
  let single: Run;
  let merged: Run;
  const documents = (name: string): string[] =>
    readdirSync(join(work, name))
      .sort()
      .map((file) => join(work, name, file));

  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), 'mix-convert-'));
    single = await convert(join(work, 'ccd'), '--to', 'ccd');
    merged = await convert(join(work, 'merged'), '--to', 'ccd', '--merge');
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  test('every file is told, and every message in it becomes a document or is refused with code and place', () => {
    const told = new Map<string, Line[]>();
    for (const line of single.lines) told.set(line.file, [...(told.get(line.file) ?? []), line]);
    const files = (readdirSync(folder, { recursive: true, encoding: 'utf8' }) as string[])
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile());
    expect([...told.keys()].sort()).toEqual(files.sort());
    const wrong: string[] = [];
    for (const [file, lines] of told) {
      if (lines[0]?.passedOver) {
        // Nothing is passed over that has a message in it: a header at the very beginning.
        if (/^\ufeff?\s*MSH/.test(readFileSync(file, 'utf8'))) wrong.push(`${file}: passed over`);
        continue;
      }
      const raw = rawParts(file);
      if (raw.length !== lines.length) wrong.push(`${file}: ${raw.length} messages, ${lines.length} told`);
      for (const [at, line] of lines.entries()) {
        const [first] = line.faults;
        if (line.refused === line.outputs.length > 0) wrong.push(`${file} ${at + 1}: refused and written, or neither`);
        if (line.refused && (first?.place === undefined || !Object.hasOwn(catalogue, first.code)))
          wrong.push(`${file} ${at + 1}: refused without code or place`);
        const type = rawType(raw[at] ?? 'MSH|^~\\&|');
        if (!listed.has(type) && line.refused && first?.place !== 'MSH-9' && first?.place !== 'MSH-2')
          wrong.push(`${file} ${at + 1}: ${type} refused at ${first?.place}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(documents('ccd').length).toBe(single.lines.flatMap(({ outputs }) => outputs).length);
    expect(single.exit).toBe(single.lines.some(({ refused }) => refused) ? 1 : 0);
  });

  test('a message of a listed type is refused only where it names no patient', () => {
    const refused = single.lines.filter((line) => line.refused && listed.has(line.type));
    const codes = refused.map(({ faults }) => `${faults[0]?.code} ${faults[0]?.place}`);
    expect(codes.filter((code) => !/^hl7v2\.required-(field PID-3|segment PID)/.test(code))).toEqual([]);
    const counts = new Map<string, number>();
    for (const { faults, refused: no } of single.lines)
      if (no) counts.set(faults[0]!.code, (counts.get(faults[0]!.code) ?? 0) + 1);
    const messages = single.lines.filter((line) => !line.passedOver);
    console.log(
      `${messages.length} messages: ${documents('ccd').length} CCDs, refused: ${[...counts].map(([code, n]) => `${code} ${n}`).join(', ')}; ${single.lines.length - messages.length} files without a message`,
    );
    expect(messages.length - refused.length).toBeGreaterThan(400);
  });

  test('the patient, every final result, allergy, diagnosis, drug and dose stand in header and entries', () => {
    const lost: string[] = [];
    const looked = new Map<string, number>();
    let falselyFound = 0;
    const texts = new Map<string, string[]>();
    for (const { file, position, outputs } of single.lines) {
      if (outputs.length === 0) continue;
      if (!texts.has(file)) texts.set(file, rawParts(file));
      const parts = outputs.map((name) => ccdParts(readFileSync(join(work, 'ccd', `${name}.xml`), 'utf8')));
      for (const wanted of wantedOf(texts.get(file)?.[position - 1] ?? '')) {
        looked.set(wanted.name, (looked.get(wanted.name) ?? 0) + 1);
        if (!standsIn(parts, wanted)) lost.push(`${file} ${position}: ${wanted.name}`);
        // The extractor itself must be able to fail.
        const other = { ...wanted, texts: wanted.texts.map((text) => `${text}\u00a4`) };
        if (standsIn(parts, other)) falselyFound++;
      }
    }
    const total = [...looked.values()].reduce((sum, n) => sum + n, 0);
    console.log(
      `facts looked for in CCDs: ${total}, lost ${lost.length} (${[...looked].map(([name, n]) => `${name.trim()} ${n}`).join(', ')})`,
    );
    expect(lost).toEqual([]);
    expect(falselyFound).toBe(0);
    expect(total).toBeGreaterThan(3000);
    for (const name of ['AL1-3', 'DG1-3', 'RXE-2', 'RXA-5', 'PID-5', 'PID-11', 'OBX-5 NM', 'OBX-5 ED'])
      expect(looked.get(name), name).toBeGreaterThan(3);
  });

  test.skipIf(noSchema)('every document and every merged one is valid by the CDA schema', () => {
    xmlRegisterFsInputProviders();
    const source = XmlDocument.fromBuffer(readFileSync(schema), { url: schema });
    const validator = XsdValidator.fromDoc(source);
    try {
      for (const file of [...documents('ccd'), ...documents('merged')]) {
        const document = XmlDocument.fromBuffer(readFileSync(file));
        expect(() => validator.validate(document), file).not.toThrow();
        document.dispose();
      }
    } finally {
      validator.dispose();
      source.dispose();
    }
  });

  test('merged: one document a patient, none lost', () => {
    const patients = merged.lines.filter((line) => line.file === undefined);
    expect(patients.length).toBeGreaterThan(50);
    expect(documents('merged').length).toBe(patients.length);
    const messages = merged.lines.filter((line) => line.file !== undefined);
    expect(messages.map(({ refused }) => refused)).toEqual(single.lines.map(({ refused }) => refused));
  });

  test.skipIf(noChecker)('no document has a Schematron error', async () => {
    const ofType = new Map<string, number>();
    const chosen: string[] = [];
    for (const { type, outputs } of single.lines)
      for (const name of outputs) {
        const n = ofType.get(type) ?? 0;
        ofType.set(type, n + 1);
        if (n < judgedOfType) chosen.push(join(work, 'ccd', `${name}.xml`));
      }
    // The largest merged records hold what comes together only there.
    const large = documents('merged').sort((a, b) => statSync(b).size - statSync(a).size);
    chosen.push(...large.slice(0, judgedOfType * 2));
    expect(await judge(chosen, work)).toBe(none(chosen.length));
  });
});
