/**
 * Encryption at rest, row by row: AES-256-GCM (NIST SP 800-38D) under named data keys, each wrapped by the key-encryption key.
 */
import {
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { MixError } from '../schemas/errors/index.ts';
import type { Seal, WrappedKey } from '../schemas/parts.ts';

const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;
const tokenBytes = 12;
const blockBytes = 16;
/** Invocations of one counter; a new random prefix is drawn after them (SP 800-38D 8.2.1). */
const counterMax = 0xffff_ffff;
const domainsMax = 64;
/** Digests of long texts that stay in memory: a key is asked for by its token, then written by it. */
const digestsMax = 8_192;
const digestedMax = 256;

export interface SealOptions {
  /** 256-bit key that wraps the data keys; see `openKeyFile`. */
  kek: KeyObject;
  /** How many opened data keys stay in memory. Default 20,000. */
  keysOpenMax?: number;
}

/**
 * A {@link Seal} over a key-encryption key. Data keys are random and made at their first use, so that destroying a wrapped key
 * (an empty one in `loadKeys`) makes everything under it unreadable for good.
 * Errors: `seal.broken`, `seal.shredded`.
 */
export function openSeal(options: SealOptions): Seal {
  return new RowSeal(options.kek, options.keysOpenMax ?? 20_000);
}

class RowSeal implements Seal {
  readonly #kek: KeyObject;
  readonly #keysOpenMax: number;
  /** Every wrapped key of the store as latin1 text; an empty text is a destroyed key. */
  readonly #wrapped = new Map<string, string>();
  /** Opened keys, the least recently used first. */
  readonly #opened = new Map<string, KeyObject>();
  /** The key used last: the rows of a person are sealed one after another. */
  #last: { name: string; key: KeyObject } | undefined;
  #fresh: WrappedKey[] = [];
  /** Token ciphers by domain. ECB over single blocks is the keyed function itself: one AES pass, no chaining wanted. */
  readonly #tokenCiphers = new Map<string, Cipheriv>();
  #prefix: Buffer = randomBytes(8);
  #counter = 0;

  constructor(kek: KeyObject, keysOpenMax: number) {
    this.#kek = kek;
    this.#keysOpenMax = keysOpenMax;
  }

  seal(keyName: string, table: string, row: string, plain: Uint8Array): Buffer {
    return this.#encrypt(this.#keyFor(keyName), associated(table, row, keyName), plain);
  }

  open(keyName: string, table: string, row: string, sealed: Uint8Array): Buffer {
    return decrypt(this.#existingKey(keyName), associated(table, row, keyName), sealed);
  }

  token(domain: string, text: string): Buffer {
    // Asked one by one are the identities of messages, of which each is new: nothing to be remembered.
    const block = Buffer.alloc(blockBytes);
    if (!writeShort(block, 0, text)) hash('sha256', text, 'buffer').copy(block, 0, 0, blockBytes);
    return Buffer.from(this.#tokenCipher(domain).update(block).subarray(0, tokenBytes));
  }

  tokens(domain: string, texts: readonly string[]): Buffer {
    const blocks = Buffer.alloc(texts.length * blockBytes);
    for (let i = 0; i < texts.length; i++) writeBlock(blocks, i * blockBytes, texts[i]!);
    const passed = this.#tokenCipher(domain).update(blocks);
    const tokens = Buffer.allocUnsafe(texts.length * tokenBytes);
    for (let i = 0; i < texts.length; i++) {
      passed.copy(tokens, i * tokenBytes, i * blockBytes, i * blockBytes + tokenBytes);
    }
    return tokens;
  }

  takeNewKeys(): WrappedKey[] {
    const fresh = this.#fresh;
    if (fresh.length > 0) this.#fresh = [];
    return fresh;
  }

  loadKeys(keys: WrappedKey[]): void {
    for (const key of keys) {
      this.#wrapped.set(key.name, key.wrapped.toString('latin1'));
      this.#opened.delete(key.name);
      this.#last = undefined;
      if (key.name === 'tenant') this.#tokenCiphers.clear();
    }
  }

  #nonce(): Buffer {
    if (this.#counter >= counterMax) {
      this.#prefix = randomBytes(8);
      this.#counter = 0;
    }
    const nonce = Buffer.allocUnsafe(nonceBytes);
    this.#prefix.copy(nonce, 0);
    nonce.writeUInt32BE(this.#counter++, 8);
    return nonce;
  }

  #encrypt(key: KeyObject, additional: Buffer, plain: Uint8Array): Buffer {
    const nonce = this.#nonce();
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    cipher.setAAD(additional);
    const body = cipher.update(plain);
    cipher.final();
    const sealed = Buffer.allocUnsafe(nonceBytes + body.length + tagBytes);
    nonce.copy(sealed, 0);
    body.copy(sealed, nonceBytes);
    cipher.getAuthTag().copy(sealed, nonceBytes + body.length);
    return sealed;
  }

  #keyFor(name: string): KeyObject {
    if (this.#last?.name === name) return this.#last.key;
    if (this.#opened.has(name) || this.#wrapped.has(name)) return this.#existingKey(name);
    const bytes = randomBytes(keyBytes);
    const key = createSecretKey(bytes);
    const wrapped = this.#encrypt(this.#kek, associated('keys', name, 'kek'), bytes);
    bytes.fill(0);
    this.#wrapped.set(name, wrapped.toString('latin1'));
    this.#fresh.push({ name, wrapped });
    this.#remember(name, key);
    return key;
  }

  #existingKey(name: string): KeyObject {
    if (this.#last?.name === name) return this.#last.key;
    const opened = this.#opened.get(name);
    if (opened) {
      this.#opened.delete(name);
      this.#opened.set(name, opened);
      this.#last = { name, key: opened };
      return opened;
    }
    const wrapped = this.#wrapped.get(name);
    if (wrapped === undefined) throw new MixError('seal.broken', { detail: 'no key of this name' });
    if (wrapped === '') throw new MixError('seal.shredded');
    const bytes = decrypt(this.#kek, associated('keys', name, 'kek'), Buffer.from(wrapped, 'latin1'));
    const key = createSecretKey(bytes);
    bytes.fill(0);
    this.#remember(name, key);
    return key;
  }

  #remember(name: string, key: KeyObject): void {
    this.#opened.set(name, key);
    this.#last = { name, key };
    if (this.#opened.size <= this.#keysOpenMax) return;
    for (const oldest of this.#opened.keys()) {
      this.#opened.delete(oldest);
      return;
    }
  }

  #tokenCipher(domain: string): Cipheriv {
    const known = this.#tokenCiphers.get(domain);
    if (known) return known;
    // The tenant key itself is only ever used through GCM and this derivation (RFC 5869).
    const secret = this.#keyFor('tenant').export();
    const derived = hkdfSync('sha256', secret, Buffer.alloc(0), `mix-hie token ${domain}`, keyBytes);
    secret.fill(0);
    const cipher = createCipheriv('aes-256-ecb', createSecretKey(Buffer.from(derived)), null);
    cipher.setAutoPadding(false);
    if (this.#tokenCiphers.size >= domainsMax) this.#tokenCiphers.clear();
    this.#tokenCiphers.set(domain, cipher);
    return cipher;
  }
}

/** Row names never hold the separator's byte, so two different rows never share their additional data. */
function associated(table: string, row: string, keyName: string): Buffer {
  return Buffer.from(`${table}\u0000${row}\u0000${keyName}`);
}

/** Up to 15 bytes stand as they are behind the 0x80 mark that ends them; longer texts are hashed first. */
function writeBlock(blocks: Buffer, at: number, text: string): void {
  if (!writeShort(blocks, at, text)) digestOf(text).copy(blocks, at, 0, blockBytes);
}

function writeShort(blocks: Buffer, at: number, text: string): boolean {
  if (text.length >= blockBytes) return false;
  const length = Buffer.byteLength(text);
  if (length >= blockBytes) return false;
  blocks.write(text, at);
  blocks[at + length] = 0x80;
  return true;
}

const digests = new Map<string, Buffer>();

/** The first 16 bytes of the SHA-256 of a text. */
function digestOf(text: string): Buffer {
  const known = digests.get(text);
  if (known) return known;
  const digest = hash('sha256', text, 'buffer').subarray(0, blockBytes);
  if (text.length > digestedMax) return digest;
  if (digests.size >= digestsMax) digests.clear();
  digests.set(text, digest);
  return digest;
}

function decrypt(key: KeyObject, additional: Buffer, sealed: Uint8Array): Buffer {
  if (sealed.length < nonceBytes + tagBytes) throw new MixError('seal.broken', { detail: 'too short' });
  const end = sealed.length - tagBytes;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(additional);
  decipher.setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(nonceBytes, end));
  try {
    decipher.final();
  } catch {
    plain.fill(0);
    throw new MixError('seal.broken');
  }
  return plain;
}
