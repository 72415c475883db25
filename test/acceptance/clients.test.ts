/** Other people's MLLP clients are answered as they expect. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { Hl7Message } from '@medplum/core';
import { Hl7Client, ReturnAckCategory } from '@medplum/hl7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { admission, type Child, listenerLines, makeDir, startChild, writeSettings } from './outside.ts';

const PYTHON = '/usr/bin/python3';
const run = promisify(execFile);

function hasPythonClient(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import hl7.client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The client brings a core of its own version, whose message type is another one by name only. */
type Sent = Parameters<Hl7Client['sendAndWait']>[0];
const messageOf = (text: string) => Hl7Message.parse(text) as unknown as Sent;

const python = hasPythonClient();
const dir = makeDir();
let child: Child;
let port = 0;

beforeAll(async () => {
  child = await startChild(['node', writeSettings(dir.path, listenerLines('lab'))]);
  port = child.told.listeners[0]!.port;
});
afterAll(async () => {
  await child?.stop();
  dir.remove();
});

test('the client of @medplum/hl7: many in flight, each with its own answer', async () => {
  const client = new Hl7Client({ host: '127.0.0.1', port });
  const ids = Array.from({ length: 40 }, (_, at) => `MED${at}`);
  const answers = await Promise.all(
    ids.map((controlId, at) =>
      client.sendAndWait(messageOf(admission({ controlId, number: `61${at}`, charset: 'ASCII' }))),
    ),
  );
  const told = answers.map((answer) => [1, 2].map((at) => answer.getSegment('MSA')?.getField(at)?.toString()));
  expect(told).toEqual(ids.map((id) => ['AA', id]));
  await client.close();
});

test('the client of @medplum/hl7 in enhanced mode takes the accept acknowledgment and the application answer', async () => {
  const client = new Hl7Client({ host: '127.0.0.1', port });
  const message = messageOf(admission({ controlId: 'MEDENH', number: '6201', mode: 'AL,AL', charset: 'ASCII' }));
  const applied = await client.sendAndWait(message, { returnAck: ReturnAckCategory.APPLICATION });
  expect(applied.getSegment('MSA')?.getField(1)?.toString()).toBe('AA');
  await client.close();
});

test.skipIf(!python)(
  `the client of python-hl7${python ? '' : ' (skipped: /usr/bin/python3 has no module hl7)'}`,
  async () => {
    const script = `
import sys, hl7
from hl7.client import MLLPClient
with MLLPClient('127.0.0.1', int(sys.argv[1])) as client:
    for text in sys.argv[2:]:
        answer = hl7.parse(client.send_message(text).strip(b'\\x0b\\x1c\\r').decode('utf-8'))
        msa = answer.segment('MSA')
        print(str(msa[1]), str(msa[2]))
`;
    const texts = ['PY1', 'PY2'].map((controlId, at) => admission({ controlId, number: `630${at}` }));
    const { stdout } = await run(PYTHON, ['-c', script, String(port), ...texts], { timeout: 60_000 });
    expect(stdout.trim().split('\n')).toEqual(['AA PY1', 'AA PY2']);
  },
);

test.skipIf(!python)(
  `python-hl7 reads the answer to a batch as a batch${python ? '' : ' (skipped: /usr/bin/python3 has no module hl7)'}`,
  async () => {
    const script = `
import sys, hl7
from hl7.client import MLLPClient
with MLLPClient('127.0.0.1', int(sys.argv[1])) as client:
    answer = client.send_message(sys.argv[2]).strip(b'\\x0b\\x1c\\r').decode('utf-8')
    print(hl7.isfile(answer))
    for batch in hl7.parse_file(answer):
        print(str(batch.header[11]), str(batch.header[12]), str(batch.trailer[1]), *[f"{m.segment('MSA')[1]} {m.segment('MSA')[2]}" for m in batch])
`;
    const [one, two, three] = ['PB1', 'PB2', 'PB3'].map((controlId, at) =>
      admission({ controlId, number: `640${at}`, charset: 'ASCII' }),
    );
    const head = (name: string, id: string) => `${name}|^~\\&|LAB|WEST|MIX|EAST|||||${id}\r`;
    const file = `${head('FHS', 'F7')}${head('BHS', 'B7')}${one}${two}BTS|2\r${head('BHS', 'B8')}${three}BTS|1\rFTS|2\r`;
    const { stdout } = await run(PYTHON, ['-c', script, String(port), file], { timeout: 60_000 });
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toBe('True');
    expect(lines.slice(1).map((line) => line.replace(/^\w{20} /, ''))).toEqual(['B7 2 AA PB1 AA PB2', 'B8 1 AA PB3']);
  },
);
