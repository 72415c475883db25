import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameReader, frameOf, type Refusal } from '../../../adapters/mllp/frame.ts';

interface Heard {
  messages: string[];
  refusals: { code: string; bytes: number; head: string }[];
}

function read(chunks: Buffer[], options: { max?: number; end?: boolean; stopAfterEach?: boolean } = {}): Heard {
  const heard: Heard = { messages: [], refusals: [] };
  const reader = createFrameReader({
    frameBytesMax: options.max,
    onFrame: (message) => {
      heard.messages.push(message.toString('latin1'));
      return !options.stopAfterEach;
    },
    onRefused: (refusal: Refusal) => {
      heard.refusals.push({ code: refusal.code, bytes: refusal.bytes, head: refusal.head.toString('latin1') });
      return !options.stopAfterEach;
    },
  });
  for (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) at += reader.push(chunk.subarray(at));
  }
  if (options.end !== false) reader.end();
  return heard;
}

function cut(bytes: Buffer, places: number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const chunks: Buffer[] = [];
  let from = 0;
  for (const place of [...sorted, bytes.length]) {
    if (place > from) chunks.push(bytes.subarray(from, place));
    from = Math.max(from, place);
  }
  return chunks;
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('frame reader', () => {
  it('gives the same messages and refusals for any cut of any stream', () => {
    const bit = fc.constantFrom(
      '\x0b',
      '\x1c',
      '\r',
      '\n',
      '\x0bMSH|',
      '\x1c\r',
      'MSH|^~\\&|',
      'BHS|',
      'x',
      'long text '.repeat(7),
    );
    const stream = fc.array(bit, { maxLength: 60 }).map((bits) => bytesOf(bits.join('')));
    const max = fc.constantFrom(3, 40, 1000);
    fc.assert(
      fc.property(stream, fc.array(fc.nat(4000), { maxLength: 40 }), max, fc.boolean(), (bytes, places, max, stop) => {
        const whole = read([bytes], { max });
        expect(read(cut(bytes, places), { max, stopAfterEach: stop })).toEqual(whole);
        expect(
          read(
            [...bytes].map((byte) => Buffer.of(byte)),
            { max },
          ),
        ).toEqual(whole);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives every framed message back, whatever its bytes, when they hold none of the frame’s own', () => {
    const byte = fc.integer({ min: 0, max: 255 }).map((n) => (n === 0x0b || n === 0x1c ? 0x41 : n));
    const message = fc.array(byte, { maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.nat(3000), { maxLength: 20 }),
        (messages, places) => {
          const heard = read(cut(Buffer.concat(messages.map(frameOf)), places));
          expect(heard.refusals).toEqual([]);
          expect(heard.messages).toEqual(messages.map((one) => one.toString('latin1')));
        },
      ),
    );
  });

  it('takes a frame without copying when it lies in one chunk', () => {
    const chunk = frameOf(bytesOf('MSH|one'));
    let taken: Buffer | undefined;
    createFrameReader({
      onFrame: (message) => {
        taken = message;
        return true;
      },
      onRefused: () => true,
    }).push(chunk);
    expect(taken?.buffer).toBe(chunk.buffer);
    expect(taken?.byteOffset).toBe(chunk.byteOffset + 1);
  });

  it('skips a too large frame to its end, keeps its head, and takes the next', () => {
    const large = bytesOf(`MSH|${'a'.repeat(5000)}`);
    const stream = Buffer.concat([frameOf(large), frameOf(bytesOf('MSH|two'))]);
    for (const chunks of [[stream], cut(stream, [700, 1500, 3000, 5004, 5005, 5006])]) {
      const heard = read(chunks, { max: 2000 });
      expect(heard.messages).toEqual(['MSH|two']);
      expect(heard.refusals).toEqual([{ code: 'mllp.frame-too-large', bytes: 5004, head: `MSH|${'a'.repeat(1020)}` }]);
    }
  });

  it('holds no more than the head of a too large frame', () => {
    const reader = createFrameReader({ frameBytesMax: 100_000, onFrame: () => true, onRefused: () => true });
    reader.push(Buffer.of(0x0b));
    for (let n = 0; n < 100; n += 1) reader.push(Buffer.alloc(10_000, 0x61));
    expect(reader.heldBytes).toBeLessThanOrEqual(1024);
  });

  it('does not join a frame that was never ended with the next one', () => {
    const heard = read([bytesOf('\x0bMSH|first patient\r\x0bMSH|second patient\r\x1c\r')]);
    expect(heard.messages).toEqual(['MSH|second patient\r']);
    expect(heard.refusals.map((one) => one.code)).toEqual(['mllp.frame-unended']);
  });

  it('keeps a vertical tab that a word processor left in a text', () => {
    expect(read([frameOf(bytesOf('MSH|a\rOBX|one\x0btwo'))]).messages).toEqual(['MSH|a\rOBX|one\x0btwo']);
  });

  it('takes FS without CR before the next frame, and at rest', () => {
    expect(read([bytesOf('\x0bMSH|1\x1c\x0bMSH|2\x1c')], { end: true }).messages).toEqual(['MSH|1', 'MSH|2']);
    const messages: string[] = [];
    const reader = createFrameReader({
      onFrame: (one) => {
        messages.push(one.toString());
        return true;
      },
      onRefused: () => true,
    });
    reader.push(bytesOf('\x0bMSH|1\x1c'));
    expect(messages).toEqual([]);
    reader.settle();
    reader.push(bytesOf('\r\x0bMSH|2\x1c\r'));
    expect(messages).toEqual(['MSH|1', 'MSH|2']);
  });

  it('names a message that came without a frame, and other noise', () => {
    expect(read([bytesOf('MSH|^~\\&|x\r')]).refusals.map((one) => one.code)).toEqual(['mllp.no-frame']);
    const heard = read([bytesOf('GET / HTTP/1.1\r\n\x0bMSH|1\x1c\r\r\n\x0bMSH|2\x1c\r')]);
    expect(heard.refusals.map((one) => [one.code, one.bytes])).toEqual([['mllp.noise', 16]]);
    expect(heard.messages).toEqual(['MSH|1', 'MSH|2']);
  });

  it('tells an unfinished frame at the end of the stream', () => {
    expect(read([bytesOf('\x0bMSH|1\r')]).refusals).toEqual([
      { code: 'mllp.frame-unended', bytes: 6, head: 'MSH|1\r' },
    ]);
  });

  it('stops reading when asked and goes on where it stopped', () => {
    const chunk = Buffer.concat(['1', '2', '3'].map((text) => frameOf(bytesOf(text))));
    const messages: string[] = [];
    const reader = createFrameReader({
      onFrame: (one) => {
        messages.push(one.toString());
        return false;
      },
      onRefused: () => true,
    });
    expect(reader.push(chunk)).toBe(4);
    expect(messages).toEqual(['1']);
    expect(reader.push(chunk.subarray(4))).toBe(4);
    expect(messages).toEqual(['1', '2']);
  });
});
