/** The contract of outlets over MLLP, HTTP and folders. */
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listen, type MllpListener, openMllpOutlet } from '../../adapters/mllp/index.ts';
import { openFolderOutlet, openHttpOutlet } from '../../adapters/outlets/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import { createLog } from '../support/exchange.ts';
import { outletContract } from './outlet.ts';

const ackOf = (message: Buffer, code: string, error = ''): Buffer =>
  Buffer.from(
    `MSH|^~\\&|LAB|AGH|MIX|HIE|20260501120000||ACK|A1|P|2.5.1\rMSA|${code}|${message.toString('latin1').split('|')[9]}\r${error}`,
    'latin1',
  );

outletContract('MLLP', async () => {
  const all: Buffer[] = [];
  let answer = (message: Buffer): Buffer => ackOf(message, 'AA');
  const open = (port: number): Promise<MllpListener> =>
    listen({
      host: '127.0.0.1',
      port,
      source: { id: 'receiver', profile: 'plain', authority: '2.999', facility: 'X' },
      accept: async (bytes) => {
        all.push(Buffer.from(bytes));
        return { ack: answer(bytes) };
      },
      answerRefused: () => null,
      log: createLog(),
    });
  let listener = await open(0);
  const { port } = listener;
  return {
    outlet: openMllpOutlet({ id: 'lab', host: '127.0.0.1', port, plain: true, connectMs: 2_000, answerMs: 5_000 }),
    received: async () => all,
    refuse: async () => {
      answer = (message) =>
        ackOf(message, 'AE', 'ERR||PID^1^5|103^Table value not found^HL70357|E||||Quillfeather is odd\r');
    },
    stumble: async () => {
      answer = (message) => ackOf(message, 'AR', 'ERR|||207^Application internal error^HL70357|E\r');
    },
    vanish: () => listener.close(),
    comeBack: async () => {
      listener = await open(port);
    },
    end: () => listener.close(),
  };
});

outletContract('HTTP', async () => {
  const all: Buffer[] = [];
  let status = 200;
  const open = (port: number): Promise<Server> => {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (status < 300) all.push(Buffer.concat(chunks));
        response.writeHead(status, { location: '/there' }).end('Quillfeather');
      });
    });
    return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
  };
  const shut = (server: Server): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  let server = await open(0);
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    outlet: openHttpOutlet({ id: 'web', url: `http://127.0.0.1:${port}/in?x=1`, plain: true, answerMs: 5_000 }),
    received: async () => all,
    refuse: async () => {
      status = 422;
    },
    stumble: async () => {
      status = 503;
    },
    vanish: () => shut(server),
    comeBack: async () => {
      server = await open(port);
    },
    end: () => shut(server),
  };
});

outletContract('folder', async () => {
  const root = await mkdtemp(join(tmpdir(), 'mix-outlet-'));
  const folder = join(root, 'out');
  const hidden = join(root, 'hidden');
  return {
    outlet: openFolderOutlet({ id: 'files', folder }),
    received: async () => {
      const names = (await readdir(folder)).filter((name) => name.endsWith('.hl7')).sort();
      return Promise.all(names.map((name) => readFile(join(folder, name))));
    },
    vanish: async () => {
      await rename(folder, hidden);
      await writeFile(folder, 'no folder any more');
    },
    comeBack: async () => {
      await rm(folder);
      await rename(hidden, folder);
    },
    end: () => rm(root, { recursive: true, force: true }),
  };
});

describe('a folder', () => {
  test('holds files that are named by their delivery alone, whole ones only, and a repeat once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mix-outlet-'));
    const outlet = openFolderOutlet({ id: 'files', folder });
    const deliveryId = '018f3b0a-0000-7000-8000-000000000001';
    await writeFile(join(folder, `.${deliveryId}.part`), 'half of an earlier try');
    for (const text of ['first', 'again'])
      await outlet.send({ bytes: Buffer.from(text), deliveryId, name: 'Quillfeather^Isolde' });
    expect(await readdir(folder)).toEqual([`${deliveryId}.hl7`]);
    expect(await readFile(join(folder, `${deliveryId}.hl7`), 'utf8')).toBe('again');
    await rm(folder, { recursive: true });
  });
});

describe('outlets without TLS', () => {
  test('must be allowed', () => {
    const codeOf = (open: () => unknown): string | undefined => {
      try {
        open();
      } catch (error) {
        return error instanceof MixError ? error.fault.code : 'other';
      }
      return undefined;
    };
    expect(codeOf(() => openMllpOutlet({ id: 'a', host: 'x', port: 1 }))).toBe('settings.contradiction');
    expect(codeOf(() => openHttpOutlet({ id: 'a', url: 'http://x/' }))).toBe('settings.contradiction');
    expect(codeOf(() => openHttpOutlet({ id: 'a', url: 'ftp://x/' }))).toBe('settings.bad-value');
  });
});
