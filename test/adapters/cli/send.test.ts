import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sendCommand } from '../../../adapters/cli/send.ts';
import { ackOf, controlId, listeners, message, start } from '../mllp/house.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mix-send-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  process.exitCode = undefined;
  vi.restoreAllMocks();
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

async function run(...args: string[]): Promise<{ out: string; exit: number | string | null | undefined }> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const program = new Command('mix-hie').exitOverride();
  sendCommand(program);
  await program.parseAsync(['node', 'mix-hie', 'send', ...args]);
  const exit = process.exitCode;
  process.exitCode = undefined;
  return { out, exit };
}

describe('send', () => {
  it('sends every message of every file and prints the codes in order', async () => {
    const listener = await start();
    const [one, many] = [join(folder, 'one.hl7'), join(folder, 'many.hl7')];
    writeFileSync(one, message('1'));
    writeFileSync(many, Buffer.concat(['2', '3', '4'].map((id) => message(id))));
    const { out, exit } = await run(one, many, '--to', `127.0.0.1:${listener.port}`, '--window', '2');
    expect(out).toBe(`${one} 1 AA\n${many} 1 AA\n${many} 2 AA\n${many} 3 AA\n`);
    expect(exit).toBeUndefined();
  });

  it('exits 1 when one is not accepted', async () => {
    const listener = await start({
      accept: async (bytes) => ({ ack: ackOf(bytes, controlId(bytes) === '2' ? 'AE' : 'CA') }),
    });
    const file = join(folder, 'two.hl7');
    writeFileSync(file, Buffer.concat([message('1'), message('2')]));
    const { out, exit } = await run(file, '--json', '--to', `127.0.0.1:${listener.port}`);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { file, message: 1, code: 'CA', ok: true },
      { file, message: 2, code: 'AE', ok: false },
    ]);
    expect(exit).toBe(1);
  });

  it('tells a file or a receiver that is not there, and wrong use', async () => {
    const listener = await start();
    await expect(run(join(folder, 'none.hl7'), '--to', `127.0.0.1:${listener.port}`)).rejects.toMatchObject({
      fault: { code: 'mllp.file-unreadable' },
    });
    await listener.close();
    await expect(run(join(folder, 'none.hl7'), '--to', `127.0.0.1:${listener.port}`)).rejects.toMatchObject({
      fault: { code: 'mllp.unreachable' },
    });
    await expect(run('x', '--to', 'nowhere')).rejects.toMatchObject({ name: 'CommanderError' });
    await expect(run('x', '--to', '127.0.0.1:1', '--tls')).rejects.toMatchObject({ name: 'CommanderError' });
  });
});
