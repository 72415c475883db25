/** The routes of the work list: what they hand on, and what they refuse at the door. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MatchRow, MatchView } from '../../../schemas/identity.ts';
import type { Portal } from '../../support/portal.ts';
import { startPortal } from '../../support/portal.ts';

const headers = { 'x-mix-portal': '1', 'content-type': 'application/json' };
let portal: Portal;
let cookie: string;
let open: MatchRow;

beforeAll(async () => {
  portal = await startPortal({ settings: { signInsPerMinute: 1000 } });
  cookie = await portal.signIn();
  const answer = await portal.ask('/api/matches?kind=possible&state=open&limit=5', { cookie, headers });
  expect(answer.status).toBe(200);
  open = ((await answer.json()) as { rows: MatchRow[] }).rows[0]!;
});
afterAll(() => portal.http.close());

const post = (path: string, body: unknown) =>
  portal.ask(path, { method: 'POST', cookie, headers, body: JSON.stringify(body) });

describe('the work list', () => {
  test('is listed by its filters, shown, decided and undone', async () => {
    expect(open).toMatchObject({ kind: 'possible', state: 'open' });
    const shown = await portal.ask(`/api/matches/${open.id}`, { cookie, headers });
    expect(((await shown.json()) as MatchView).row.id).toBe(open.id);
    const decided = await post(`/api/matches/${open.id}/decide`, { decision: 'unlink', reason: 'twins' });
    expect(decided.status).toBe(200);
    const undone = await post(`/api/matches/${open.id}/undo`, { reason: 'a slip' });
    expect(undone.status).toBe(200);
  });

  test.each([
    ['GET', '/api/matches?state=closed', undefined],
    ['GET', '/api/matches?kind=all', undefined],
    ['GET', '/api/matches?limit=501', undefined],
    ['GET', '/api/matches?color=red', undefined],
    ['POST', '/api/matches/x/decide', { decision: 'merge', reason: 'x' }],
    ['POST', '/api/matches/x/decide', { decision: 'link', reason: ' ' }],
    ['POST', '/api/matches/x/undo', {}],
    ['POST', '/api/identity/link', { one: 'a', reason: 'x' }],
    ['POST', '/api/identity/unlink', { record: 'a b', reason: 'x' }],
    ['POST', '/api/identity/merge', { survivor: 'a', retired: 'b', reason: 'x'.repeat(501) }],
    ['POST', '/api/identity/unmerge', { person: '', reason: 'x' }],
    ['GET', '/api/patients/person-1/at?at=yesterday', undefined],
    ['GET', '/api/patients/person-1/at', undefined],
  ])('%s %s with %j is refused before anything is asked', async (method, path, body) => {
    const answer = method === 'POST' ? await post(path, body) : await portal.ask(path, { cookie, headers });
    expect([400, 422]).toContain(answer.status);
  });

  test('a history and a person of a time are read', async () => {
    for (const path of ['history', `at?at=${encodeURIComponent('2026-11-23T12:00:00Z')}`])
      expect((await portal.ask(`/api/patients/person-1/${path}`, { cookie, headers })).status).toBe(200);
  });
});
