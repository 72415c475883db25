/** An engine of invented data behind the portal's contract, for tests of the HTTP door and of the pages. */
import { MixError } from '../../schemas/errors/index.ts';
import type { NodeRole } from '../../schemas/exchange.ts';
import type { Admitted, LiveNote, Me, MessageRow, PortalEngine, Rerun } from '../../schemas/portal.ts';
import { messageRow, messageView, patientRows, patientView, START } from './stub-data.ts';
import { createStubExchange, type StubExchange } from './stub-exchange.ts';
import { createStubIdentity, type StubIdentity } from './stub-identity.ts';

export interface StubEngine extends PortalEngine, StubExchange, StubIdentity {
  /** A message comes in now: joins the list and is told to live pages. */
  arrive(): MessageRow;
  /** How many live pages listen. */
  listening(): number;
  /** Ends every session, as a restart would. */
  endSessions(): void;
  readonly asked: { reruns: ({ id: string } & Rerun)[]; touches: (boolean | undefined)[] };
}

export const ONE_TIME = 'ABCD-EFGH-JKLM-NPQR';

export function createStubEngine(
  options: { mustChangeSecret?: boolean; empty?: boolean; sessionMinutes?: number; role?: NodeRole } = {},
): StubEngine {
  let secret = ONE_TIME;
  let mustChangeSecret = options.mustChangeSecret ?? false;
  const sessions = new Set<string>();
  const listeners = new Set<(note: LiveNote) => void>();
  const rows = options.empty === true ? [] : Array.from({ length: 140 }, (_, index) => messageRow(index));
  const asked: StubEngine['asked'] = { reruns: [], touches: [] };
  const endsAt = (): string => new Date(Date.now() + (options.sessionMinutes ?? 30) * 60_000).toISOString();
  const subject = (): Admitted => ({ id: 'admin', mustChangeSecret, sessionEndsAt: endsAt() });
  const me = (): Me => ({
    id: 'admin',
    name: 'admin',
    roles: ['administrator', 'interface-analyst', 'doctor', 'privacy-officer'],
    mustChangeSecret,
    sessionEndsAt: endsAt(),
    node: {
      name: 'Invented General Hospital',
      role: options.role ?? 'hospital',
      facility: 'IGH',
      zone: 'America/Chicago',
      version: '0.1.0',
    },
  });
  function found<T>(thing: T | undefined): T {
    if (thing === undefined) throw new MixError('http.not-found');
    return thing;
  }
  const holds = (text: string, part?: string): boolean =>
    part === undefined || text.toLowerCase().includes(part.toLowerCase());

  const identity = createStubIdentity({
    empty: options.empty === true,
    onChange(persons) {
      for (const listener of listeners) listener({ messages: [], persons, documents: [], overview: true });
    },
  });

  return {
    ...identity,
    ...createStubExchange({ role: options.role ?? 'hospital', empty: options.empty === true }),
    asked,
    arrive() {
      const row = {
        ...messageRow(0),
        id: `message-new-${rows.length}`,
        receivedAt: new Date().toISOString(),
        controlId: `NEW${rows.length}`,
      };
      rows.unshift(row);
      for (const listener of listeners)
        listener({
          messages: [{ id: row.id, sourceId: row.sourceId, state: row.state, type: row.type }],
          persons: ['person-1'],
          documents: [],
          overview: true,
        });
      return row;
    },
    listening: () => listeners.size,
    endSessions: () => sessions.clear(),
    async signIn(ask) {
      if (ask.name !== 'admin' || ask.secret !== secret) return { ok: false, fault: { code: 'admit.wrong-secret' } };
      const token = `token-${sessions.size}-${Math.random().toString(36).slice(2)}`;
      sessions.add(token);
      return { ok: true, token, me: me() };
    },
    async admit(token, how) {
      asked.touches.push(how?.touch);
      return sessions.has(token) ? subject() : undefined;
    },
    async signOut(token) {
      sessions.delete(token);
    },
    async changeSecret(_subject, old, fresh) {
      if (old !== secret) throw new MixError('admit.wrong-secret');
      if (fresh.length < 12) throw new MixError('admit.weak-secret');
      secret = fresh;
      mustChangeSecret = false;
    },
    me: async () => me(),
    async overview() {
      return {
        status: rows.length === 0 ? 'ok' : 'warning',
        risks:
          rows.length === 0
            ? []
            : [
                {
                  kind: 'silence',
                  sentence: 'healthland-all has been silent for 42 minutes; usually it sends every 3',
                  link: '/sources',
                },
                { kind: 'parked', sentence: '8 messages wait for a person', link: '/parked' },
              ],
        counts: {
          messages: rows.length,
          persons: 8,
          entries: 412,
          documents: 12,
          waiting: 3,
          parked: 8,
          storeBytes: 4_812_310,
          ...(me().node.role === 'hospital' ? {} : { matches: identity.matchesWaiting() }),
        },
        ...(rows.length === 0 ? {} : { samples: { sent: 140, of: 400 } }),
      };
    },
    async messages(_subject, filter) {
      const matching = rows.filter(
        (row) =>
          holds(row.sourceId, filter.source) &&
          (filter.state === undefined || row.state === filter.state) &&
          (filter.type === undefined || row.type.startsWith(filter.type)) &&
          holds(row.patientName ?? '', filter.name) &&
          holds(row.controlId, filter.control) &&
          (filter.number === undefined || row.patientNumbers.includes(filter.number)),
      );
      const from = Number(filter.cursor ?? 0);
      const to = from + (filter.limit ?? 50);
      return {
        rows: matching.slice(from, to),
        count: matching.length,
        ...(to < matching.length ? { next: String(to) } : {}),
      };
    },
    message: async (_subject, id) => messageView(found(rows.find((row) => row.id === id))),
    messageBytes: async (_subject, id) => ({
      bytes: Buffer.from(messageView(found(rows.find((row) => row.id === id))).text),
      charset: 'utf8',
    }),
    async rerun(_subject, id, ask) {
      found(rows.find((row) => row.id === id));
      asked.reruns.push({ id, ...ask });
      return { id };
    },
    record: async (_subject, id) => ({
      bundle: { resourceType: 'Bundle', type: 'collection', id: found(rows.find((row) => row.id === id)).id },
    }),
    async patients(_subject, filter) {
      const known = options.empty === true ? [] : patientRows;
      const matching = known.filter(
        (row) =>
          holds(`${row.name} ${row.numbers.map((number) => number.value).join(' ')} ${row.birthDate}`, filter.q) &&
          holds(row.name, filter.name) &&
          holds(row.birthDate ?? '', filter.birth) &&
          holds(row.numbers.map((number) => number.value).join(' '), filter.number),
      );
      return { rows: matching, count: matching.length };
    },
    patient: async (_subject, id) => patientView(found(patientRows.find((row) => row.id === id))),
    patientBundle: async (_subject, id) => ({
      bundle: { resourceType: 'Bundle', type: 'collection', id: found(patientRows.find((row) => row.id === id)).id },
    }),
    entryHistory: async (_subject, id) =>
      [2, 1].map((version) => ({
        version,
        at: new Date(START - version * 3_600_000).toISOString(),
        status: 'final',
        removed: false,
        source: { sourceId: 'cpsi-lab', messageId: 'message-3' },
        resource: { resourceType: 'Basic', id, code: { text: `version ${version}` } },
      })),
    async document(_subject, id) {
      if (!id.startsWith('document-')) throw new MixError('http.not-found');
      return {
        id,
        personId: 'person-1',
        version: 2,
        state: 'current',
        createdAt: new Date(START).toISOString(),
        html: CCD_HTML,
        xml: '<?xml version="1.0" encoding="UTF-8"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3">\n  <title>Continuity of Care Document</title>\n</ClinicalDocument>\n',
        sha256: '7b0e7a6d1f5c2f0c9e7d4a1b8c3f6e5d4c3b2a190817263544536271809fedcb',
        signature: { holds: true, signer: 'CN=Invented General node' },
      };
    },
    makeDocument: async () => ({ id: 'document-3' }),
    async sources() {
      if (options.empty === true) return [];
      return ['meditech-adt', 'mckesson-orders', 'cpsi-lab', 'healthland-all'].map((id, at) => ({
        id,
        profile: id.split('-')[0]!,
        facility: 'Invented General',
        listener: `127.0.0.1:${2575 + at}`,
        lastAt: new Date(START - at * 14 * 60_000).toISOString(),
        total: 12_400 - at * 2_900,
        parked: at * 2,
        perMinute: Array.from({ length: 60 }, (_, minute) =>
          at === 3 && minute > 17 ? 0 : Math.round(6 + 5 * Math.sin(minute / (4 + at)) + ((minute * 7) % 5)),
        ),
        silent: at === 3,
        notCarried: [
          { field: 'PID-15', name: 'Primary Language', count: 120 - at },
          { field: 'PV1-44', name: 'Admit Date/Time', count: 61 },
          { field: 'ZLB-1', name: '', count: 12 },
        ],
      }));
    },
    async parked() {
      const parked = rows.filter((row) => row.state === 'parked');
      return {
        rows: parked.map((row, at) => ({
          jobId: `job-${at}`,
          messageId: row.id,
          link: `/messages/${row.id}`,
          kind: 'process',
          since: row.receivedAt,
          type: row.type,
          sourceId: row.sourceId,
          fault: row.fault!,
          blocks: at === 1,
        })),
        count: parked.length,
      };
    },
    audit: async () => ({
      rows: Array.from({ length: 30 }, (_, at) => ({
        at: new Date(START - at * 61_000).toISOString(),
        who: at % 5 === 4 ? 'meditech-adt' : 'admin',
        action: ['read', 'search', 'sign-in', 'rerun', 'create'][at % 5]!,
        outcome: at % 11 === 7 ? 'Deny' : 'Permit',
        what: ['patient', 'messages', 'session', 'message', 'message'][at % 5]!,
        thing: at % 5 === 0 ? 'person-1' : undefined,
        reason: at % 5 === 3 ? 'profile was corrected' : undefined,
      })),
      count: 30,
    }),
    async search(_subject, q) {
      const patients = patientRows.filter((row) => holds(`${row.name} ${row.numbers[0]!.value}`, q)).slice(0, 5);
      const found = rows.filter((row) => holds(row.controlId, q)).slice(0, 3);
      return [
        ...patients.map((row) => ({
          kind: 'patient' as const,
          id: row.id,
          title: row.name,
          detail: `${row.birthDate} · ${row.numbers[0]!.value}`,
          link: `/patients/${row.id}`,
        })),
        ...found.map((row) => ({
          kind: 'message' as const,
          id: row.id,
          title: `${row.type} ${row.controlId}`,
          detail: row.sourceId,
          link: `/messages/${row.id}`,
        })),
        ...(holds('sources', q) ? [{ kind: 'page' as const, id: 'sources', title: 'Sources', link: '/sources' }] : []),
      ];
    },
    subscribe(_subject, listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

const CCD_HTML = `<h1>Continuity of Care Document</h1>
<table><tbody><tr><th>Patient</th><td>Ruth Okafor</td><th>Born</th><td>10 January 1940</td></tr><tr><th>Sex</th><td>Female</td><th>Number</th><td>M004100</td></tr></tbody></table>
<section><h2>Allergies and adverse reactions</h2><table><thead><tr><th>Substance</th><th>Reaction</th><th>Status</th></tr></thead><tbody><tr><td>Penicillin</td><td>Hives</td><td>active</td></tr><tr><td>Latex</td><td></td><td>active</td></tr></tbody></table></section>
<section><h2>Results</h2><table><thead><tr><th>Test</th><th>Value</th><th>Range</th><th>Time</th></tr></thead><tbody><tr><td>Glucose</td><td>182 mg/dL (high)</td><td>70 to 99</td><td>2026-11-23 02:10</td></tr><tr><td>Sodium</td><td>139 mmol/L</td><td>135 to 145</td><td>2026-11-23 02:10</td></tr></tbody></table></section>
<section><h2>Medications</h2><p>No information</p></section>`;
