import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SECRET_VARIABLE } from '../../../adapters/cli/portal-client.ts';
import { resendCommand } from '../../../adapters/cli/resend.ts';
import { type Portal, startPortal } from '../../support/portal.ts';
import { createStubEngine, ONE_TIME } from '../../support/stub-engine.ts';
import { runCommand } from './command.ts';

let portal: Portal;

beforeAll(async () => {
  portal = await startPortal();
});
afterAll(() => portal.http.close());
afterEach(() => {
  delete process.env[SECRET_VARIABLE];
});

const run = (args: string[], secret = ONE_TIME, node = portal.url) => {
  process.env[SECRET_VARIABLE] = secret;
  return runCommand(resendCommand, ['resend', '--node', node, '--user', 'admin', '--reason', 'mended', ...args]);
};

async function parked(): Promise<{ id: string; outlet: string }[]> {
  const cookie = await portal.signIn();
  const answer = await portal.ask('/api/deliveries?state=parked&limit=100', { cookie });
  return ((await answer.json()) as { rows: { id: string; outlet: string }[] }).rows;
}

describe('mix-hie resend', () => {
  it('sends one delivery again', async () => {
    const [one] = await parked();
    const ran = await run(['--delivery', one!.id]);
    expect(ran).toMatchObject({ exit: 0, err: '' });
    expect(ran.out).toBe('named: 1 sent again\n1 sent again, 0 still parked\n');
    expect((await parked()).map(({ id }) => id)).not.toContain(one!.id);
  });

  it('sends all of an outlet again, in as many calls as it takes', async () => {
    const { outlet } = (await parked())[0]!;
    const count = (await parked()).filter((one) => one.outlet === outlet).length;
    const ran = await run(['--outlet', outlet, '--json']);
    expect(JSON.parse(ran.out)).toEqual({ resent: count, left: 0, outlets: { [outlet]: { resent: count, left: 0 } } });
    expect((await parked()).some((one) => one.outlet === outlet)).toBe(false);
  });

  it('sends all again', async () => {
    const ran = await run(['--all', '--json']);
    expect(ran.exit).toBe(0);
    expect(JSON.parse(ran.out)).toMatchObject({ left: 0 });
  });

  it.for<[string, string[], string]>([
    ['a wrong password', ['--all'], 'admit.wrong-secret'],
    ['a delivery without an id', ['--delivery', ''], 'http.bad-input'],
  ])('tells %s', async ([what, args, code]) => {
    const failed = await run(args, what === 'a wrong password' ? 'WRON-GWRO-NGWR-ONGW' : ONE_TIME).catch(
      (cause: unknown) => cause,
    );
    expect(failed).toHaveProperty('fault.code', code);
  });

  it('tells that a one-time password opens nothing but the choice of another', async () => {
    const other = await startPortal({ engine: createStubEngine({ mustChangeSecret: true }) });
    const failed = await run(['--all'], ONE_TIME, other.url).catch((cause: unknown) => cause);
    await other.http.close();
    expect(failed).toHaveProperty('fault.code', 'http.secret-must-change');
  });

  it('tells a node that can not be reached', async () => {
    const gone = await startPortal();
    await gone.http.close();
    const failed = await run(['--all'], ONE_TIME, gone.url).catch((cause: unknown) => cause);
    expect(failed).toHaveProperty('fault.code', 'exchange.unreachable');
  });

  it.for([[[]], [['--all', '--outlet', 'region']]])('wants one of the three: %o', async ([args]) => {
    expect((await run(args!)).exit).toBe(2);
  });
});
