/** What a sender sees: acknowledgments in both modes, repeats, garbage, batches, character sets, too long frames, a restart. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  admission,
  type Child,
  type Listed,
  listenerLines,
  makeDir,
  openWire,
  type Session,
  segment,
  signIn,
  startChild,
  until,
  writeSettings,
} from './outside.ts';

const dir = makeDir();
let child: Child;
let session: Session;

beforeAll(async () => {
  const settings = writeSettings(dir.path, listenerLines('lab'), ['mllp: { frameBytesMax: 65536 }']);
  child = await startChild(['node', settings]);
  session = await signIn(child.told);
});
afterAll(async () => {
  await child?.stop();
  dir.remove();
});

const wire = () => openWire(child.told.listeners[0]!.port);
const rowsOf = (controlId: string) =>
  session.get<Listed<{ id: string; state: string; conflict: boolean; ackCode: string }>>(
    `/api/messages?processing=all&control=${controlId}`,
  );

describe('original mode', () => {
  test('AA for a message that holds, with the sender and receiver changed places', async () => {
    const line = await wire();
    const answer = await line.ask(admission({ controlId: 'ORIG1', number: '5001' }));
    expect(segment(answer, 'MSA').slice(1, 3)).toEqual(['AA', 'ORIG1']);
    const header = segment(answer, 'MSH');
    expect([header[3], header[4], header[5], header[6]]).toEqual(['MIX', 'HIE', 'LAB', 'AGH']);
    expect(header[9]).toMatch(/^ACK/);
    expect(header[12]).toBe('2.5.1');
    line.close();
    await until(
      () => rowsOf('ORIG1'),
      ({ rows }) => rows[0]?.state === 'done',
    );
  });

  test('AE with segment, field and table 0357 code for a message that can not be acted on, which is kept', async () => {
    const line = await wire();
    const broken = admission({ controlId: 'ORIG2', number: '5002' }).replace(/PID\|[^\r]*\r/, '');
    const answer = await line.ask(broken);
    expect(segment(answer, 'MSA').slice(1, 3)).toEqual(['AE', 'ORIG2']);
    expect(segment(answer, 'ERR')[2]).toMatch(/^PID/);
    expect(segment(answer, 'ERR')[3]).toMatch(/^100\^/);
    line.close();
    await until(
      () => rowsOf('ORIG2'),
      ({ rows }) => rows[0]?.state === 'parked',
    );
  });

  test('before 2.5 the place stands in ERR-1', async () => {
    const line = await wire();
    const broken = admission({ controlId: 'ORIG3', number: '5003', version: '2.3.1' }).replace(/PID\|[^\r]*\r/, '');
    expect(segment(await line.ask(broken), 'ERR')[1]).toMatch(/^PID\^.*100/);
    line.close();
  });

  test('AR for a frame longer than the setting allows; the next message on a new line is taken', async () => {
    const line = await wire();
    const long = `${admission({ controlId: 'ORIG4', number: '5004' })}NTE|1||${'x'.repeat(70_000)}\r`;
    expect(segment(await line.ask(long), 'MSA').slice(1, 3)).toEqual(['AR', 'ORIG4']);
    line.close();
    expect((await rowsOf('ORIG4')).count).toBe(0);
    const next = await wire();
    expect(segment(await next.ask(admission({ controlId: 'ORIG5', number: '5005' })), 'MSA')[1]).toBe('AA');
    next.close();
  });
});

describe('enhanced mode', () => {
  test('CA at once and the application answer when it was processed', async () => {
    const line = await wire();
    const first = await line.ask(admission({ controlId: 'ENH1', number: '5101', mode: 'AL,AL' }));
    expect(segment(first, 'MSA').slice(1, 3)).toEqual(['CA', 'ENH1']);
    const second = await line.answer();
    expect(segment(second, 'MSA').slice(1, 3)).toEqual(['AA', 'ENH1']);
    expect(segment(second, 'MSH')[10]).not.toBe(segment(first, 'MSH')[10]);
    line.close();
  });

  test('CA for a message that was kept, then AE when its content does not hold', async () => {
    const line = await wire();
    const broken = admission({ controlId: 'ENH2', number: '5102', mode: 'AL,AL' }).replace(/PID\|[^\r]*\r/, '');
    expect(segment(await line.ask(broken), 'MSA')[1]).toBe('CA');
    expect(segment(await line.answer(), 'MSA').slice(1, 3)).toEqual(['AE', 'ENH2']);
    line.close();
  });

  test('nothing is answered where the sender wants nothing', async () => {
    const line = await wire();
    line.frame(admission({ controlId: 'ENH3', number: '5103', mode: 'NE,NE' }));
    const next = await line.ask(admission({ controlId: 'ENH4', number: '5104', mode: 'AL,NE' }));
    expect(segment(next, 'MSA').slice(1, 3)).toEqual(['CA', 'ENH4']);
    line.close();
    await until(
      () => rowsOf('ENH3'),
      ({ rows }) => rows[0]?.state === 'done',
    );
  });
});

describe('the same again', () => {
  test('the same message twice has the same answer and is one message', async () => {
    const line = await wire();
    const message = admission({ controlId: 'SAME1', number: '5201' });
    const first = await line.ask(message);
    expect(await line.ask(message)).toBe(first);
    line.close();
    const again = await wire();
    expect(await again.ask(message)).toBe(first);
    again.close();
    expect((await rowsOf('SAME1')).count).toBe(1);
  });

  test('the same control id with other bytes is kept, answered and marked', async () => {
    const line = await wire();
    expect(segment(await line.ask(admission({ controlId: 'SAME2', number: '5202' })), 'MSA')[1]).toBe('AA');
    expect(segment(await line.ask(admission({ controlId: 'SAME2', number: '5203' })), 'MSA')[1]).toBe('AA');
    line.close();
    const { rows } = await until(
      () => rowsOf('SAME2'),
      ({ rows }) => rows.length === 2 && rows.every((row) => row.state === 'done'),
    );
    expect(rows.map((row) => row.conflict).toSorted()).toEqual([false, true]);
  });
});

describe('whatever comes', () => {
  test('bytes that are no message are kept as they came and stand in the list of parked work', async () => {
    const garbage = Buffer.from([0x00, 0xff, 0xfe, 0x41, 0x7c, 0x09, 0xc3, 0x28, 0x20, 0x80]);
    const line = await wire();
    expect(segment(await line.ask(garbage), 'MSA')[1]).toMatch(/^A[ER]$/);
    line.close();
    const { rows } = await until(
      () => session.get<Listed<{ messageId: string; type: string }>>('/api/parked'),
      (page) => page.rows.some((row) => row.type === '?'),
    );
    const { messageId } = rows.find((row) => row.type === '?')!;
    const kept = await session.raw(`/api/messages/${messageId}/bytes`);
    expect(Buffer.from(await kept.arrayBuffer()).equals(garbage)).toBe(true);
  });

  test('a batch in one frame: a batch of one answer for each message', async () => {
    const line = await wire();
    const messages = ['BAT1', 'BAT2', 'BAT3'].map((controlId, at) => admission({ controlId, number: `530${at}` }));
    const answer = await line.ask(`FHS|^~\\&|LAB\rBHS|^~\\&|LAB\r${messages.join('')}BTS|3\rFTS|1\r`);
    const codes = [...answer.matchAll(/MSA\|(\w+)\|(\w+)/g)].map(([, code, id]) => `${code} ${id}`);
    expect(codes).toEqual(['AA BAT1', 'AA BAT2', 'AA BAT3']);
    const envelope = answer.split('\r').filter((line) => /^[BF][HT]S/.test(line));
    expect(envelope.map((line) => line.slice(0, 5))).toEqual(['FHS|^', 'BHS|^', 'BTS|3', 'FTS|1']);
    line.close();
    for (const id of ['BAT1', 'BAT2', 'BAT3']) expect((await rowsOf(id)).count).toBe(1);
  });

  test.each([
    ['8859/1', 'latin1'],
    ['UNICODE UTF-8', 'utf8'],
  ] as const)('names in %s reach the record', async (charset, encoding) => {
    const line = await wire();
    const number = charset === '8859/1' ? '5401' : '5402';
    const message = admission({ controlId: `CHAR${number}`, number, family: 'Håkonsdóttir', given: 'Élodie', charset });
    expect(segment(await line.ask(Buffer.from(message, encoding)), 'MSA')[1]).toBe('AA');
    line.close();
    const { rows } = await until(
      () => session.get<Listed<{ name: string }>>(`/api/patients?number=${number}`),
      (page) => page.count === 1,
    );
    expect(rows[0]!.name).toContain('Håkonsdóttir, Élodie');
  });

  test('frames in pieces and frames in one piece', async () => {
    const line = await wire();
    const messages = ['CUT1', 'CUT2'].map((controlId, at) => admission({ controlId, number: `550${at}` }));
    const bytes = Buffer.from(messages.map((text) => `\x0b${text}\x1c\r`).join(''));
    for (let at = 0; at < bytes.length; at += 97) {
      line.socket.write(bytes.subarray(at, at + 97));
      await new Promise((next) => setImmediate(next));
    }
    expect(segment(await line.answer(), 'MSA')[2]).toBe('CUT1');
    expect(segment(await line.answer(), 'MSA')[2]).toBe('CUT2');
    line.close();
  });

  test('test traffic is answered and stays out of the record', async () => {
    const line = await wire();
    const message = admission({ controlId: 'TEST1', number: '5601' }).replace('|P|2.5.1', '|T|2.5.1');
    expect(segment(await line.ask(message), 'MSA')[1]).toBe('AA');
    line.close();
    await until(
      () => rowsOf('TEST1'),
      ({ rows }) => rows[0]?.state === 'test',
    );
    expect((await session.get<Listed>('/api/patients?number=5601')).count).toBe(0);
    expect((await session.get<Listed>('/api/messages?control=TEST1')).count).toBe(0);
  });
});

describe('parked work', () => {
  test('a correction runs in the place of what was parked', async () => {
    const line = await wire();
    const whole = admission({ controlId: 'FIX1', number: '5701' });
    const answer = await line.ask(whole.replace(/PID\|[^\r]*\r/, ''));
    expect(segment(answer, 'MSA')[1]).toBe('AE');
    line.close();
    const { rows } = await until(
      () => rowsOf('FIX1'),
      (page) => page.rows[0]?.state === 'parked',
    );
    await session.post(`/api/messages/${rows[0]!.id}/rerun`, { reason: 'the sender left PID out', corrected: whole });
    await until(
      () => session.get<Listed>('/api/patients?number=5701'),
      (page) => page.count === 1,
    );
    const parked = await session.get<Listed<{ messageId: string }>>('/api/parked');
    expect(parked.rows.map((row) => row.messageId)).not.toContain(rows[0]!.id);
  });
});

describe('a restart', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)('goes on with the same data after %s', async (signal) => {
    const line = await wire();
    const controlId = `AGAIN${signal}`;
    const message = admission({ controlId, number: signal === 'SIGKILL' ? '5801' : '5802' });
    const first = await line.ask(message);
    line.close();
    await child.stop(signal);
    child = await startChild(['node', join(dir.path, 'node.yaml')]);
    expect(child.told.password).toBeUndefined();
    session = await signIn(child.told);
    const again = await wire();
    expect(await again.ask(message)).toBe(first);
    again.close();
    const { rows } = await until(
      () => rowsOf(controlId),
      (page) => page.rows[0]?.state === 'done',
    );
    expect(rows).toHaveLength(1);
  });
});
