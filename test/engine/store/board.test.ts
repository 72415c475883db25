import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Board, type NewBoardJob } from '../../../engine/store/board.ts';

function job(seq: number, keys: string[], dueAt = 0): NewBoardJob {
  return {
    seq,
    id: `j${seq}`,
    kind: 'process',
    subject: `m${seq}`,
    keys,
    dueAt,
    latestAt: undefined,
    attempts: 0,
    lastFault: undefined,
  };
}

describe('board', () => {
  it('runs every job once, never two of one key at a time, and each key in order', () => {
    const acts = fc.array(fc.tuple(fc.constantFrom('lease', 'finish', 'retry', 'park'), fc.nat(5)), {
      minLength: 20,
      maxLength: 120,
    });
    const jobs = fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 }), {
      minLength: 1,
      maxLength: 25,
    });
    fc.assert(
      fc.property(jobs, acts, (keysOf, todo) => {
        const board = new Board(0, 1_000_000);
        for (const [i, keys] of keysOf.entries()) board.add(job(i, keys));
        const running = new Map<string, number>();
        const ended: number[] = [];
        const end = (id: string, seq: number) => {
          running.delete(id);
          ended.push(seq);
        };
        const lease = (limit: number) => {
          for (const one of board.lease(['process'], limit, 10)) {
            for (const seq of running.values()) expect(keysOf[seq]!.some((key) => one.keys.includes(key))).toBe(false);
            for (let older = 0; older < one.seq; older++) {
              if (!ended.includes(older)) expect(keysOf[older]!.some((key) => one.keys.includes(key))).toBe(false);
            }
            running.set(one.id, one.seq);
          }
        };
        for (const [act, n] of todo) {
          if (act === 'lease') lease(n + 1);
          const [id, seq] = [...running][n % Math.max(1, running.size)] ?? [];
          if (id === undefined || seq === undefined) continue;
          if (act === 'finish') {
            board.finish(id);
            end(id, seq);
          } else if (act === 'park') {
            board.park(id, false, { code: 'store.busy' });
            end(id, seq);
          } else if (act === 'retry') {
            board.retry(id, 0, { code: 'store.busy' });
            running.delete(id);
          }
        }
        for (let guard = 0; guard < 100 && ended.length < keysOf.length; guard++) {
          lease(100);
          for (const [id, seq] of [...running]) {
            board.finish(id);
            end(id, seq);
          }
        }
        expect([...ended].sort((a, b) => a - b)).toEqual(keysOf.map((_, i) => i));
        expect(board.waiting).toBe(0);
      }),
    );
  });

  it('puts a job that comes back before the younger ones, but never before one that runs', () => {
    const board = new Board(0, 1_000);
    board.add(job(5, ['k']));
    board.add(job(6, ['k']));
    expect(board.lease(['process'], 9, 0).map((one) => one.seq)).toEqual([5]);
    board.add(job(2, ['k']));
    expect(board.lease(['process'], 9, 0)).toEqual([]);
    board.finish('j5');
    expect(board.lease(['process'], 9, 0).map((one) => one.seq)).toEqual([2]);
    board.finish('j2');
    expect(board.lease(['process'], 9, 0).map((one) => one.seq)).toEqual([6]);
  });

  it('gives nothing that is held by a commit on its way', () => {
    const board = new Board(0, 1_000);
    board.add(job(1, []));
    board.hold(board.get('j1')!);
    expect(board.lease(['process'], 9, 0)).toEqual([]);
    board.unhold(board.get('j1')!, 50);
    expect(board.lease(['process'], 9, 49)).toEqual([]);
    expect(board.nextDue()).toBe(50);
    expect(board.lease(['process'], 9, 50)).toHaveLength(1);
  });
});
