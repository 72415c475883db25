/** Clients that others wrote are answered right. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hl7Message } from '@medplum/core';
import { Hl7Client } from '@medplum/hl7';
import { afterEach, describe, expect, it } from 'vitest';
import { listeners, message, start } from './house.ts';

const mllpSend = '/usr/bin/mllp_send';
const hasPythonHl7 = existsSync(mllpSend) && runs('/usr/bin/python3', ['-c', 'import hl7']);

function runs(program: string, args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Their client brings a copy of @medplum/core of its own, whose class differs for the compiler alone. */
function theirs(bytes: Buffer): Parameters<Hl7Client['sendAndWait']>[0] {
  return Hl7Message.parse(bytes.toString('latin1')) as unknown as Parameters<Hl7Client['sendAndWait']>[0];
}

afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

describe('independent MLLP clients', () => {
  it('@medplum/hl7 gets the answer of each of its messages', async () => {
    const listener = await start();
    const client = new Hl7Client({ host: '127.0.0.1', port: listener.port });
    for (const id of ['M1', 'M2', 'M3']) {
      const answer = await client.sendAndWait(theirs(message(id)));
      expect(answer.getSegment('MSA')?.getField(1)?.toString()).toBe('AA');
      expect(answer.getSegment('MSA')?.getField(2)?.toString()).toBe(id);
    }
    await client.close();
  });

  it.skipIf(!hasPythonHl7)(
    `python3-hl7's mllp_send${hasPythonHl7 ? '' : ' (skipped: python3-hl7 is not installed)'} gets its answers`,
    async () => {
      const listener = await start();
      const folder = mkdtempSync(join(tmpdir(), 'mix-mllp-'));
      try {
        const file = join(folder, 'messages.hl7');
        writeFileSync(file, Buffer.concat([message('P1'), message('P2')]));
        const printed = await new Promise<string>((resolve, reject) => {
          execFile(
            '/usr/bin/python3',
            [mllpSend, '--loose', '-p', `${listener.port}`, '-f', file, '127.0.0.1'],
            (error, stdout) => (error ? reject(error) : resolve(stdout)),
          );
        });
        expect(printed).toContain('MSA|AA|P1');
        expect(printed).toContain('MSA|AA|P2');
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});
