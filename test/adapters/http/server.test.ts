import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Portal } from '../../support/portal.ts';
import { startPortal } from '../../support/portal.ts';
import { createStubEngine, ONE_TIME } from '../../support/stub-engine.ts';

const PORTAL = { 'x-mix-portal': '1' };
const JSON_BODY = { ...PORTAL, 'content-type': 'application/json' };
let portal: Portal;
let cookie: string;

beforeAll(async () => {
  portal = await startPortal({ settings: { signInsPerMinute: 1000 } });
  cookie = await portal.signIn();
});
afterAll(() => portal.http.close());

describe('without a session', () => {
  test('every route of the table answers 401 or 403', async () => {
    const routes = portal.http.routes();
    expect(routes.length).toBeGreaterThan(25);
    for (const { method, url } of routes) {
      const path = url.replace(':id', 'message-3').replace('*', 'patients');
      const answer = await portal.ask(path, { method, headers: PORTAL });
      expect([401, 403], `${method} ${path} answered ${answer.status}`).toContain(answer.status);
    }
  });

  test('only sign-in is open, and unknown addresses look like known ones', async () => {
    expect(portal.http.routes().filter((route) => route.open)).toEqual([
      { method: 'POST', url: '/api/sign-in', open: true },
    ]);
    for (const path of ['/', '/nothing', '/api/nothing', '/assets/x.js', '/health'])
      expect((await portal.ask(path)).status).toBe(401);
    expect((await portal.ask('/api/messages', { cookie: 'mix-session-1=made-up' })).status).toBe(401);
  });

  test('a browser gets the sign-in page with status 401, without script, and goes back to where it wanted', async () => {
    const answer = await portal.ask('/patients?q=<b>"x', { headers: { accept: 'text/html' } });
    const page = await answer.text();
    expect(answer.status).toBe(401);
    expect(page).toContain('Invented General Hospital');
    expect(page).not.toMatch(/<script/i);
    expect(page).not.toContain('<b>');
    expect(page).toContain('name="next" value="/patients?q=%3Cb%3E%22x"');
  });

  test('a link from another site makes the page ask once more, so that a Strict cookie is sent', async () => {
    const headers = { accept: 'text/html', 'sec-fetch-site': 'cross-site' };
    expect(await (await portal.ask('/patients', { headers })).text()).toContain('http-equiv="refresh"');
    expect(await (await portal.ask('/patients', { headers: { accept: 'text/html' } })).text()).not.toContain(
      'http-equiv',
    );
  });
});

describe('signing in', () => {
  const form = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
    portal.ask('/api/sign-in', { method: 'POST', headers, body: new URLSearchParams(fields) });

  test('sets a cookie that script cannot read and other sites do not send', async () => {
    const answer = await form({ name: 'admin', secret: ONE_TIME, next: '/patients?q=a' });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe('/patients?q=a');
    expect(answer.headers.get('set-cookie')).toMatch(/^mix-session-\d+=[^;]+; Path=\/; HttpOnly; SameSite=Strict$/);
  });

  test.each(['//evil.example/', '/\\evil.example', 'https://evil.example/', '/a\r\nb: c', 'javascript:alert(1)'])(
    'never leads to %j',
    async (next) => {
      const answer = await form({ name: 'admin', secret: ONE_TIME, next });
      expect(answer.headers.get('location')).toBe('/');
    },
  );

  test('a wrong password shows the form again, the name kept and the password not', async () => {
    const answer = await form({ name: 'admin"><i>', secret: 'guess-guess' });
    const page = await answer.text();
    expect(answer.status).toBe(401);
    expect(page).toContain('role="alert"');
    expect(page).toContain('admin&#34;&#62;&#60;i&#62;');
    expect(page).not.toContain('guess-guess');
  });

  test('guessing is slowed down, and the right password waits too', async () => {
    const other = await startPortal({ settings: { signInsPerMinute: 1000 } });
    const tryOnce = (secret: string) =>
      other.ask('/api/sign-in', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'admin', secret }),
      });
    const answers = [];
    for (let at = 0; at < 5; at += 1) answers.push((await tryOnce('wrong')).status);
    const last = await tryOnce(ONE_TIME);
    expect(answers).toEqual([401, 401, 401, 401, 429]);
    expect(last.status).toBe(429);
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
    await other.http.close();
  });

  test('the rate of tries of one address is bounded whatever the names', async () => {
    const other = await startPortal({ settings: { signInsPerMinute: 2 } });
    const statuses = [];
    for (let at = 0; at < 3; at += 1) statuses.push((await other.ask('/api/sign-in', { method: 'POST' })).status);
    expect(statuses).toEqual([401, 401, 429]);
    await other.http.close();
  });

  test('a one-time password opens only what is needed to choose an own one', async () => {
    const other = await startPortal({ engine: createStubEngine({ mustChangeSecret: true }) });
    const fresh = await other.signIn();
    const denied = await other.ask('/api/messages', { cookie: fresh });
    expect(denied.status).toBe(403);
    expect(await denied.json()).toMatchObject({ code: 'http.secret-must-change' });
    expect((await other.ask('/api/me', { cookie: fresh })).status).toBe(200);
    const change = (secret: string) =>
      other.ask('/api/secret', {
        method: 'POST',
        cookie: fresh,
        headers: JSON_BODY,
        body: JSON.stringify({ old: ONE_TIME, fresh: secret }),
      });
    expect((await change('short')).status).toBe(422);
    expect((await change('four unrelated words here')).status).toBe(204);
    expect((await other.ask('/api/messages', { cookie: fresh })).status).toBe(200);
    await other.http.close();
  });

  test('signing out ends the session', async () => {
    const other = await portal.signIn();
    expect((await portal.ask('/api/sign-out', { method: 'POST', cookie: other, headers: PORTAL })).status).toBe(204);
    expect((await portal.ask('/api/me', { cookie: other })).status).toBe(401);
  });
});

describe('calls that change something', () => {
  const rerun = (headers: Record<string, string>, body: unknown = { reason: 'the profile was mended' }) =>
    portal.ask('/api/messages/message-5/rerun', {
      method: 'POST',
      cookie,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  test.each([
    ['no header of ours', {}],
    ['another origin', { ...PORTAL, origin: 'https://evil.example' }],
    ['an opaque origin', { ...PORTAL, origin: 'null' }],
    ['another site by fetch metadata', { ...PORTAL, 'sec-fetch-site': 'cross-site' }],
    ['a sister site', { ...PORTAL, 'sec-fetch-site': 'same-site' }],
  ])('are refused with %s', async (_name, headers) => {
    const before = portal.engine.asked.reruns.length;
    const answer = await rerun(headers);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: 'http.foreign-origin' });
    expect(portal.engine.asked.reruns.length).toBe(before);
  });

  test('are done from the own origin, with what was typed', async () => {
    const answer = await rerun(
      { ...PORTAL, origin: portal.url },
      { reason: ' the profile was mended ', corrected: 'MSH|' },
    );
    expect(answer.status).toBe(200);
    expect(portal.engine.asked.reruns.at(-1)).toEqual({
      id: 'message-5',
      reason: 'the profile was mended',
      corrected: 'MSH|',
    });
  });

  test('want a reason', async () => {
    const answer = await rerun(PORTAL, { reason: '  ' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'http.bad-input', place: 'reason' });
  });

  test('have bounded bodies of known types', async () => {
    const large = await portal.ask('/api/secret', {
      method: 'POST',
      cookie,
      headers: JSON_BODY,
      body: JSON.stringify({ old: 'x'.repeat(300_000) }),
    });
    expect([large.status, (await large.json()).code]).toEqual([413, 'http.too-large']);
    const xml = await portal.ask('/api/secret', {
      method: 'POST',
      cookie,
      headers: { ...PORTAL, 'content-type': 'application/xml' },
      body: '<a/>',
    });
    expect([xml.status, (await xml.json()).code]).toEqual([415, 'http.unsupported-media']);
    const broken = await portal.ask('/api/secret', { method: 'POST', cookie, headers: JSON_BODY, body: '{' });
    expect([broken.status, (await broken.json()).code]).toEqual([400, 'http.bad-input']);
  });
});

describe('reading', () => {
  test.each([
    '/api/me',
    '/api/overview',
    '/api/messages?state=parked&limit=5',
    '/api/messages/message-3',
    '/api/messages/message-3/record',
    '/api/patients?q=okafor',
    '/api/patients/person-1',
    '/api/patients/person-1/bundle',
    '/api/entries/entry-1/history',
    '/api/documents/document-2',
    '/api/sources',
    '/api/parked',
    '/api/audit?who=admin',
    '/api/search?q=oka',
    '/health',
  ])('%s answers JSON and is kept by no cache', async (path) => {
    const answer = await portal.ask(path, { cookie });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('application/json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(Date.parse(answer.headers.get('x-mix-session-ends') ?? '')).toBeGreaterThan(0);
  });

  test.each([
    ['/api/messages?state=lost', 'state'],
    ['/api/messages?limit=100000', 'limit'],
    ['/api/messages?colour=red', 'colour'],
    ['/api/patients?birth=1940-13-45', 'birth'],
    ['/api/messages/a%20b', 'id'],
  ])('%s is refused with its place', async (path, place) => {
    const answer = await portal.ask(path, { cookie });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'http.bad-input', place });
  });

  test('what is not there answers 404 with code and fix', async () => {
    const answer = await portal.ask('/api/messages/nobody', { cookie });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({
      code: 'http.not-found',
      sentence: 'there is no such thing here',
      fix: 'check the address',
    });
  });

  test('an unexpected failure tells a reference and keeps what it said out of answer and log', async () => {
    const engine = createStubEngine();
    engine.overview = () => Promise.reject(new Error('select * from persons where name = Okafor'));
    const other = await startPortal({ engine });
    const answer = await other.ask('/api/overview', { cookie: await other.signIn() });
    const body = await answer.json();
    expect(answer.status).toBe(500);
    expect(body.code).toBe('http.unexpected');
    expect(JSON.stringify([body, other.logged])).not.toContain('Okafor');
    expect(other.logged[0]).toMatchObject({ route: '/api/overview', reference: body.reference });
    await other.http.close();
  });

  test('CSV gives every row of the filter, formulas disarmed', async () => {
    const engine = createStubEngine();
    engine.arrive().controlId = '=1+1,"x"';
    const other = await startPortal({ engine });
    const answer = await other.ask('/api/messages.csv?source=meditech-adt', { cookie: await other.signIn() });
    const lines = (await answer.text()).trimEnd().split('\r\n');
    expect(lines[0]).toMatch(/^received,source,type/);
    expect(lines.length).toBe(1 + 36);
    expect(lines[1]).toContain(`"'=1+1,""x"""`);
    await other.http.close();
  });

  test('bytes come as received, as a file', async () => {
    const answer = await portal.ask('/api/messages/message-3/bytes', { cookie });
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="message-message-3.hl7"');
    expect(Buffer.from(await answer.arrayBuffer()).toString()).toMatch(/^MSH\|\^~\\&\|LAB\|.*\r$/s);
  });

  test('a background refresh does not put off the end of the session', async () => {
    await portal.ask('/api/overview', { cookie, headers: { 'x-mix-background': '1' } });
    expect(portal.engine.asked.touches.at(-1)).toBe(false);
    await portal.ask('/api/overview', { cookie });
    expect(portal.engine.asked.touches.at(-1)).toBe(true);
  });

  test('headers forbid inline script, frames and foreign things', async () => {
    const { headers } = await portal.ask('/', { headers: { accept: 'text/html' } });
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('same-origin');
  });
});

describe('live', () => {
  async function readUntil(answer: Response, wanted: string): Promise<string> {
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes(wanted)) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
    }
    await reader.cancel();
    return text;
  }

  test('notes of a burst come as one event, and the stream ends with the session', async () => {
    const engine = createStubEngine();
    const other = await startPortal({ engine, settings: { liveStreamsMax: 2 } });
    const session = await other.signIn();
    const answer = await other.ask('/api/live', { cookie: session });
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    engine.arrive();
    engine.arrive();
    const text = await readUntil(answer, 'event: note');
    const note = JSON.parse(/data: (.*)/.exec(text)![1]!);
    expect(note.messages.length).toBe(2);
    expect(note.persons).toEqual(['person-1']);

    const ended = await other.ask('/api/live', { cookie: session });
    engine.endSessions();
    expect(await readUntil(ended, 'event: ended')).toContain('event: ended');
    await other.http.close();
  });

  test('streams are bounded', async () => {
    const other = await startPortal({ settings: { liveStreamsMax: 1 } });
    const session = await other.signIn();
    const first = await other.ask('/api/live', { cookie: session });
    const second = await other.ask('/api/live', { cookie: session });
    expect(first.status).toBe(200);
    expect(second.status).toBe(503);
    await first.body?.cancel();
    await other.http.close();
  });
});
