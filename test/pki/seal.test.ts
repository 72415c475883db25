import { createSecretKey, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { openKeyFile } from '../../pki/kek.ts';
import { openSeal } from '../../pki/seal.ts';

const kek = createSecretKey(randomBytes(32));

function code(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as { fault?: { code?: string } }).fault?.code;
  }
}

describe('seal', () => {
  it('opens what it sealed, whatever the bytes', () => {
    const seal = openSeal({ kek });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.string(), (plain, row) => {
        expect(seal.open('tenant', 't', row, seal.seal('tenant', 't', row, plain))).toEqual(Buffer.from(plain));
      }),
    );
  });

  it('refuses every flipped bit, every cut, another row, another table and another key', () => {
    const seal = openSeal({ kek });
    const sealed = seal.seal('person/1', 'entries', 'row', Buffer.from('potassium'));
    seal.seal('person/2', 'entries', 'row', Buffer.from('x'));
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const tampered = Buffer.from(sealed);
      tampered[bit >> 3]! ^= 1 << (bit & 7);
      expect(code(() => seal.open('person/1', 'entries', 'row', tampered))).toBe('seal.broken');
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(code(() => seal.open('person/1', 'entries', 'row', sealed.subarray(0, length)))).toBe('seal.broken');
    }
    expect(code(() => seal.open('person/1', 'entries', 'row2', sealed))).toBe('seal.broken');
    expect(code(() => seal.open('person/1', 'documents', 'row', sealed))).toBe('seal.broken');
    expect(code(() => seal.open('person/2', 'entries', 'row', sealed))).toBe('seal.broken');
    expect(code(() => seal.open('person/3', 'entries', 'row', sealed))).toBe('seal.broken');
  });

  it('never uses a nonce twice', () => {
    const seal = openSeal({ kek });
    const nonces = new Set<string>();
    for (let i = 0; i < 5_000; i++)
      nonces.add(seal.seal(`person/${i % 7}`, 't', 'r', Buffer.of(1)).toString('hex', 0, 12));
    expect(nonces.size).toBe(5_000);
  });

  it('hands out each new key once, wrapped, and another seal opens with it', () => {
    const seal = openSeal({ kek, keysOpenMax: 2 });
    const rows = ['a', 'b', 'c', 'd'].map((id) => ({
      id,
      sealed: seal.seal(`person/${id}`, 't', id, Buffer.from(id)),
    }));
    const keys = seal.takeNewKeys();
    expect(keys.map((key) => key.name)).toEqual(['person/a', 'person/b', 'person/c', 'person/d']);
    expect(seal.takeNewKeys()).toEqual([]);
    const other = openSeal({ kek });
    other.loadKeys(keys);
    for (const { id, sealed } of rows) {
      expect(seal.open(`person/${id}`, 't', id, sealed).toString()).toBe(id);
      expect(other.open(`person/${id}`, 't', id, sealed).toString()).toBe(id);
    }
    const wrong = openSeal({ kek: createSecretKey(randomBytes(32)) });
    wrong.loadKeys(keys);
    expect(code(() => wrong.open('person/a', 't', 'a', rows[0]!.sealed))).toBe('seal.broken');
    const swapped = openSeal({ kek });
    swapped.loadKeys([{ name: 'person/a', wrapped: keys[1]!.wrapped }]);
    expect(code(() => swapped.open('person/a', 't', 'a', rows[0]!.sealed))).toBe('seal.broken');
  });

  it('opens nothing under a destroyed key and makes no new one in its place', () => {
    const seal = openSeal({ kek });
    const sealed = seal.seal('person/a', 't', 'r', Buffer.from('x'));
    seal.loadKeys([{ name: 'person/a', wrapped: Buffer.alloc(0) }]);
    expect(code(() => seal.open('person/a', 't', 'r', sealed))).toBe('seal.shredded');
    expect(code(() => seal.seal('person/a', 't', 'r', Buffer.from('x')))).toBe('seal.shredded');
  });

  it('makes equal tokens of equal texts within a domain and a store only', () => {
    const seal = openSeal({ kek });
    const token = seal.token('number', 'MR1');
    expect(token).toHaveLength(12);
    const again = openSeal({ kek });
    again.loadKeys(seal.takeNewKeys());
    expect(again.token('number', 'MR1')).toEqual(token);
    expect(seal.token('name', 'MR1')).not.toEqual(token);
    expect(openSeal({ kek }).token('number', 'MR1')).not.toEqual(token);
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ maxLength: 24 }), { maxLength: 40 }), (texts) => {
        const tokens = seal.tokens('d', texts);
        const each = texts.map((text, i) => {
          expect(seal.token('d', text)).toEqual(tokens.subarray(i * 12, i * 12 + 12));
          return tokens.toString('hex', i * 12, i * 12 + 12);
        });
        expect(new Set(each).size).toBe(texts.length);
      }),
    );
  });
});

describe('key file', () => {
  const folders: string[] = [];
  const fresh = () => {
    const folder = mkdtempSync(join(tmpdir(), 'mix-kek-'));
    folders.push(folder);
    return join(folder, 'kek');
  };
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  it('is made once, for its owner only', () => {
    const file = fresh();
    const first = openKeyFile(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(openKeyFile(file).equals(first)).toBe(true);
    expect(readFileSync(file, 'latin1')).toMatch(/^[0-9a-f]{64}\n$/);
  });

  it.skipIf(process.platform === 'win32')('is refused when others may read it (POSIX modes)', () => {
    const file = fresh();
    openKeyFile(file);
    chmodSync(file, 0o640);
    expect(code(() => openKeyFile(file))).toBe('store.key-exposed');
  });

  it('is refused when it holds no key', () => {
    for (const text of ['', 'hello', 'ab'.repeat(33), 'x'.repeat(1000)]) {
      const file = fresh();
      writeFileSync(file, text, { mode: 0o600 });
      expect(code(() => openKeyFile(file))).toBe('store.key-unreadable');
    }
  });
});
