import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { openJetStreamBell } from '../../../engine/queue/index.ts';
import type { JobBell, JobNews, Log } from '../../../schemas/parts.ts';
import { startNats } from '../../support/nats.ts';

const server = await startNats();
const bells: JobBell[] = [];
let tenants = 0;

afterEach(async () => {
  for (const bell of bells.splice(0)) await bell.close();
});
afterAll(async () => {
  if (!('missing' in server)) await server.stop();
});

function open(url: string, tenant: string, sentences: string[] = []) {
  const say = (_facts: Record<string, unknown>, sentence: string): void => {
    sentences.push(sentence);
  };
  const log: Log = { info: say, warn: say, error: say };
  const bell = openJetStreamBell({ servers: [url], tenant, log });
  bells.push(bell);
  const heard: JobNews[] = [];
  const stop = bell.onRing((news) => heard.push(news));
  return { bell, heard, stop, sentences };
}

/** Each is told once that it listens now. */
const listening = (...all: { heard: JobNews[] }[]) =>
  vi.waitFor(() => {
    for (const one of all) expect(one.heard).toContainEqual({ kinds: [], ids: [] });
  }, 20_000);

const testAll = 'missing' in server ? describe.skip : describe;
const reason = 'missing' in server ? `JetStream (not tested here, ${server.missing})` : 'JetStream';
const url = 'missing' in server ? '' : server.url;

testAll(reason, () => {
  it('tells the other processes of a tenant, not this one and no other tenant', async () => {
    const tenant = `t${++tenants}`;
    const [a, b, other] = [open(url, tenant), open(url, tenant), open(url, `t${++tenants}`)];
    await listening(a, b, other);
    a.bell.ring({ kinds: ['process'], ids: ['1', '2'] });
    a.bell.ring({ kinds: ['document', 'process'], ids: ['3'] });
    await vi.waitFor(() => expect(b.heard.at(-1)).toEqual({ kinds: ['process', 'document'], ids: ['1', '2', '3'] }));
    b.bell.ring({ kinds: ['deliver/lab'], ids: ['4'] });
    await vi.waitFor(() => expect(a.heard.at(-1)).toEqual({ kinds: ['deliver/lab'], ids: ['4'] }));
    expect(a.heard.filter((news) => news.ids.includes('1'))).toEqual([]);
    expect(other.heard.filter((news) => news.ids.length > 0)).toEqual([]);
    b.stop();
    const before = b.heard.length;
    a.bell.ring({ kinds: ['process'], ids: ['5'] });
    b.bell.ring({ kinds: ['process'], ids: ['6'] });
    await vi.waitFor(() => expect(a.heard.at(-1)).toEqual({ kinds: ['process'], ids: ['6'] }));
    expect(b.heard).toHaveLength(before);
  });

  it('tells no more than its limit, whatever rings', async () => {
    const tenant = `t${++tenants}`;
    const [a, b] = [open(url, tenant), open(url, tenant)];
    await listening(a, b);
    for (let i = 0; i < 500; i++) a.bell.ring({ kinds: [`deliver/${i}`], ids: [`${i}`, `x${i}`] });
    await vi.waitFor(() => {
      const news = b.heard.at(-1)!;
      expect([news.ids.length, news.kinds.length]).toEqual([100, 200]);
    });
  });

  it('comes back after the server was away', async () => {
    if ('missing' in server || !server.restart) return;
    const tenant = `t${++tenants}`;
    const [a, b] = [open(url, tenant), open(url, tenant)];
    await listening(a, b);
    await server.restart();
    await vi.waitFor(() => {
      a.bell.ring({ kinds: ['process'], ids: ['again'] });
      expect(b.heard.at(-1)?.ids).toContain('again');
    }, 25_000);
  });
});

describe('JetStream that is not there', () => {
  it('is no reason to wait: the bell rings unheard, and it is told once', async () => {
    const { bell, sentences } = open('nats://127.0.0.1:1', 'none');
    bell.ring({ kinds: ['process'], ids: ['1'] });
    await vi.waitFor(() => expect(sentences).toEqual([expect.stringContaining('JetStream can not be used')]), 10_000);
    await bell.close();
  });
});
