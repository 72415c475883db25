/** What every outlet must hold to, whatever it sends over. */
import { afterEach, describe, expect, test } from 'vitest';
import { MixError } from '../../schemas/errors/index.ts';
import type { Outlet } from '../../schemas/parts.ts';

/** A receiver of tests and the outlet that leads to it. */
export interface OutletUnderTest {
  outlet: Outlet;
  /** What arrived whole, in the order of its arrival. */
  received(): Promise<Buffer[]>;
  /** From now on refuses what comes; undefined where a receiver of this kind cannot. */
  refuse?(): Promise<void>;
  /** From now on answers that it may be tried again later. */
  stumble?(): Promise<void>;
  /** Is gone for the outlet, then there again. */
  vanish(): Promise<void>;
  comeBack(): Promise<void>;
  end(): Promise<void>;
}

const messageOf = (id: string, more = ''): Buffer =>
  Buffer.from(
    `MSH|^~\\&|MIX|HIE|LAB|AGH|20260501120000||ADT^A01|${id}|P|2.5.1\rPID|1||7^^^AGH^MR||Quillfeather^Isolde${more}\r`,
  );
const deliveryOf = (at: number): string => `018f3b0a-0000-7000-8000-${String(at).padStart(12, '0')}`;

export function outletContract(kind: string, open: () => Promise<OutletUnderTest>): void {
  describe(`${kind} outlet`, () => {
    let under: OutletUnderTest | undefined;
    afterEach(async () => {
      await under?.outlet.close();
      await under?.end();
      under = undefined;
    });
    const start = async (): Promise<OutletUnderTest> => {
      under = await open();
      return under;
    };
    const send = (to: OutletUnderTest, at: number, bytes = messageOf(`M${at}`)): Promise<{ receipt: string }> =>
      to.outlet.send({ bytes, deliveryId: deliveryOf(at), name: 'ADT^A01' });
    const faultOf = async (sending: Promise<unknown>): Promise<MixError> => {
      const error = await sending.then(
        () => undefined,
        (cause: unknown) => cause,
      );
      expect(error).toBeInstanceOf(MixError);
      expect((error as MixError).message).not.toMatch(/Quillfeather|Isolde/);
      return error as MixError;
    };

    test('brings the bytes as they are and gives a receipt', async () => {
      const to = await start();
      const bytes = Buffer.concat([messageOf('M1'), Buffer.from([0xe9, 0x00, 0x0d]), Buffer.alloc(300_000, 0x41)]);
      const { receipt } = await send(to, 1, bytes);
      expect(receipt).toMatch(/^[\x21-\x7e ]{1,200}$/);
      expect(receipt).not.toContain('Quillfeather');
      expect((await to.received()).map((one) => one.toString('latin1'))).toEqual([bytes.toString('latin1')]);
    });

    test('brings many that are sent at once, each once', async () => {
      const to = await start();
      await Promise.all(Array.from({ length: 30 }, (_, at) => send(to, at)));
      const ids = (await to.received()).map((one) => one.toString('latin1').split('|')[9]);
      expect(ids.sort()).toEqual(Array.from({ length: 30 }, (_, at) => `M${at}`).sort());
    });

    test('tells a receiver that is not there, and goes on when it is back', async () => {
      const to = await start();
      await send(to, 1);
      await to.vanish();
      const error = await faultOf(send(to, 2));
      expect(['outlet.unreachable', 'outlet.failed']).toContain(error.fault.code);
      expect(error.kind.retry).toBe(true);
      expect((await faultOf(send(to, 2))).fault.code).toBe('outlet.unreachable');
      await to.comeBack();
      await send(to, 3);
      const ids = (await to.received()).map((one) => one.toString('latin1').split('|')[9]);
      expect(ids).toContain('M3');
      expect(ids).not.toContain('M2');
    });

    test('tells a refusal as final and a stumble as not', async () => {
      const to = await start();
      if (to.stumble) {
        await to.stumble();
        const error = await faultOf(send(to, 1));
        expect([error.fault.code, error.kind.retry]).toEqual(['outlet.failed', true]);
      }
      if (to.refuse) await to.refuse();
      const odd = to.refuse ? send(to, 2) : to.outlet.send({ bytes: messageOf('M2'), deliveryId: '../x', name: 'x' });
      const error = await faultOf(odd);
      expect([error.fault.code, error.kind.retry]).toEqual(['outlet.refused', false]);
    });

    test('ends, and sends nothing after', async () => {
      const to = await start();
      await send(to, 1);
      await to.outlet.close();
      if (kind !== 'folder') expect((await faultOf(send(to, 2))).fault.code).toBe('outlet.unreachable');
      await to.outlet.close();
    });
  });
}
