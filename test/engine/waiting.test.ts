/** Who waits for the application acknowledgment, and for how long. */
import { describe, expect, it } from 'vitest';
import { createWaiting } from '../../engine/waiting.ts';

describe('waiting for what becomes of a message', () => {
  it('tells everybody who waits for it, and nobody else', async () => {
    const waiting = createWaiting({ now: () => 0 }, { max: 10, waitMs: 1_000 });
    const [first, again, other] = [waiting.wait('a'), waiting.wait('a'), waiting.wait('b')];
    waiting.tell('a', [{ code: 'hl7v2.unknown-type' }]);
    expect(await Promise.all([first, again])).toEqual([
      [{ code: 'hl7v2.unknown-type' }],
      [{ code: 'hl7v2.unknown-type' }],
    ]);
    expect(waiting.size).toBe(1);
    waiting.tell('b', []);
    expect(await other).toEqual([]);
    expect(waiting.size).toBe(0);
  });

  it('lets the oldest go when there are too many', async () => {
    const waiting = createWaiting({ now: () => 0 }, { max: 2, waitMs: 1_000 });
    const waits = ['a', 'b', 'c'].map((id) => waiting.wait(id));
    expect(await waits[0]).toBeUndefined();
    expect(waiting.size).toBe(2);
    for (const id of ['a', 'b', 'c']) waiting.tell(id, []);
    expect(await Promise.all(waits)).toEqual([undefined, [], []]);
  });

  it('lets those go whose time is over', async () => {
    let now = 0;
    const waiting = createWaiting({ now: () => now }, { max: 10, waitMs: 1_000 });
    const early = waiting.wait('a');
    now = 500;
    const late = waiting.wait('b');
    now = 1_000;
    waiting.tell('c', []);
    expect(await early).toBeUndefined();
    expect(waiting.size).toBe(1);
    waiting.tell('b', []);
    expect(await late).toEqual([]);
  });
});
