/** An invented exchange behind the portal's contract: nodes, deliveries, a registry, settings and alerts. */
import { MixError } from '../../schemas/errors/index.ts';
import type { NodeRole } from '../../schemas/exchange.ts';
import type {
  AlertView,
  DeliveryRow,
  ExchangePortal,
  PlaceView,
  RegistryView,
  Resend,
  SettingView,
} from '../../schemas/portal-exchange.ts';
import { patientRows, START } from './stub-data.ts';

const MINUTE = 60_000;
const iso = (at: number): string => new Date(at).toISOString();
const wave = (base: number, swing: number, period: number): number[] =>
  Array.from({ length: 60 }, (_, minute) =>
    Math.max(0, Math.round(base + swing * Math.sin(minute / period) + ((minute * 7) % 5) - 2)),
  );
const unreachable = {
  code: 'exchange.unreachable',
  sentence: 'the other node can not be reached',
  fix: 'nothing now; it is tried again. Look whether that node is up and the line stands',
} as const;
const refused = {
  code: 'exchange.unknown-domain',
  place: 'Patient.identifier',
  sentence: 'the assigning authority is not one of the sending node',
  fix: 'feed only numbers of your own authorities, or have the authority added to the settings of the node above',
} as const;

function place(name: string, kind: PlaceView['kind'], relation: PlaceView['relation'], more: Partial<PlaceView> = {}) {
  const perMinute = more.perMinute ?? wave(12, 6, 5);
  return {
    name,
    kind,
    relation,
    state: 'up',
    since: iso(START - 300 * MINUTE),
    waiting: 0,
    parked: 0,
    total: 8_412,
    lagSeconds: 0,
    lastSentAt: iso(START - MINUTE),
    usual: { low: 6, high: 18 },
    ...more,
    perMinute,
  } satisfies PlaceView;
}

const HOSPITAL: PlaceView[] = [
  place('Prairie Region', 'region', 'above', {
    address: 'https://region.example:8443',
    organization: '2.16.840.1.113883.3.9.20',
    waiting: 3,
    lagSeconds: 4,
    lastHeardAt: iso(START - 20_000),
    heardPerMinute: wave(4, 2, 7),
  }),
  place('archive-folder', 'folder', 'outlet', {
    address: 'archive',
    perMinute: wave(5, 3, 4),
    usual: { low: 2, high: 8 },
  }),
  place('state-registry', 'mllp', 'outlet', {
    address: 'registry.example:2575',
    state: 'down',
    since: iso(START - 38 * MINUTE),
    fault: unreachable,
    waiting: 61,
    parked: 2,
    lagSeconds: 2_290,
    perMinute: wave(3, 2, 6).map((count, at) => (at > 21 ? 0 : count)),
    usual: { low: 1, high: 5 },
  }),
  ...['meditech-adt', 'mckesson-orders', 'cpsi-lab', 'healthland-all'].map((name, at) =>
    place(name, 'source', 'source', {
      address: `127.0.0.1:${2575 + at}`,
      state: at === 3 ? 'silent' : 'up',
      parked: at * 2,
      total: 12_400 - at * 2_900,
      lastHeardAt: iso(START - at * 14 * MINUTE),
      perMinute:
        at === 3 ? wave(9, 4, 6).map((count, minute) => (minute > 17 ? 0 : count)) : wave(8 + at * 9, 5, 4 + at),
    }),
  ),
];
const REGION: PlaceView[] = [
  place('National', 'global', 'above', {
    address: 'https://global.example:8443',
    perMinute: wave(3, 2, 8),
    usual: { low: 1, high: 5 },
  }),
  place('Invented General', 'hospital', 'below', {
    heardPerMinute: wave(18, 8, 6),
    perMinute: wave(6, 3, 5),
    usual: { low: 3, high: 9 },
  }),
  place('Larch County', 'hospital', 'below', {
    state: 'trying',
    since: iso(START - 3 * MINUTE),
    fault: unreachable,
    waiting: 12,
    lagSeconds: 95,
    heardPerMinute: wave(9, 4, 7),
  }),
  place('St. Brendan', 'hospital', 'below', {
    state: 'down',
    since: iso(START - 26 * 60 * MINUTE),
    fault: unreachable,
    waiting: 140,
    parked: 4,
    lagSeconds: 93_600,
    perMinute: new Array<number>(60).fill(0),
    heardPerMinute: new Array<number>(60).fill(0),
  }),
  place('Springhill Clinic', 'hospital', 'below', {
    state: 'unknown',
    since: undefined,
    total: 0,
    lastSentAt: undefined,
    perMinute: new Array<number>(60).fill(0),
    usual: undefined,
  }),
];

const OUTLETS = ['Prairie Region', 'archive-folder', 'state-registry'];
const KINDS = ['feed', 'document', 'message', 'numbers', 'withdraw'] as const;

export function deliveryRow(index: number): DeliveryRow {
  const person = patientRows[index % patientRows.length]!;
  const kind = KINDS[index % 7 === 6 ? 4 : index % 3]!;
  const outlet = kind === 'message' ? OUTLETS[1 + (index % 2)]! : OUTLETS[0]!;
  const parked = index % 19 === 4;
  const state = parked ? 'parked' : index < 4 ? 'waiting' : index % 11 === 7 ? 'superseded' : 'sent';
  const at = START - index * 1.7 * MINUTE;
  const row: DeliveryRow = {
    id: `delivery-${index}`,
    outlet,
    kind,
    state,
    thing:
      kind === 'message' ? `message-${index}` : kind === 'document' || kind === 'withdraw' ? 'document-2' : person.id,
    link:
      kind === 'message'
        ? `/messages/message-${index}`
        : kind === 'feed'
          ? `/patients/${person.id}`
          : '/documents/document-2',
    person: { id: person.id, name: person.name },
    createdAt: iso(at),
    attempts: parked ? 7 : index === 1 ? 3 : state === 'waiting' || state === 'superseded' ? 0 : 1,
  };
  if (state === 'sent')
    return { ...row, lastAt: iso(at + 900), receipt: kind === 'message' ? 'AA' : `Patient/${person.id}` };
  if (parked) return { ...row, lastAt: iso(at + 40_000), fault: refused };
  if (index === 1) return { ...row, lastAt: iso(at + 9_000), nextAt: iso(at + 60_000), fault: unreachable };
  return row;
}

const NAMES = patientRows.map((row) => row.name);

function registry(role: NodeRole, personId: string): RegistryView {
  const at = iso(START - 47 * MINUTE);
  const number = (type: string, value: string, from: string, mark?: 'mix' | 'xpid') => ({
    type,
    value,
    system: `urn:oid:2.16.840.1.113883.3.9.${type === 'PN' ? '1.1' : from.length}`,
    from,
    at,
    ...(mark === undefined ? {} : { mark }),
  });
  const xpid = '019aaf31-7f4c-7d1e-9a55-0d2f1c3b4a59';
  const numbers = [
    number('PN', '204-118-7010', 'National', 'mix'),
    number('PI', xpid, 'Prairie Region', 'xpid'),
    number('MR', 'M004100', role === 'hospital' ? 'meditech-adt' : 'Invented General'),
    ...(role === 'hospital' ? [number('AN', 'V77100', 'meditech-adt')] : [number('MR', '88-2041', 'Larch County')]),
  ];
  const documents = [
    {
      id: 'document-2',
      title: 'Continuity of Care Document',
      createdAt: iso(START - 20 * MINUTE),
      state: 'current' as const,
      home: role === 'hospital' ? 'Invented General Hospital' : 'Invented General',
      keptHere: role === 'hospital',
      mediaType: 'text/xml',
      bytes: 56_120,
      retrieved: [{ by: 'Larch County', at: iso(START - 12 * MINUTE) }],
    },
    {
      id: 'document-1',
      title: 'Continuity of Care Document',
      createdAt: iso(START - 2 * 1440 * MINUTE),
      state: 'superseded' as const,
      home: role === 'hospital' ? 'Invented General Hospital' : 'Larch County',
      keptHere: true,
      mediaType: 'text/xml',
      bytes: 48_006,
      retrieved: [],
    },
  ];
  if (role === 'hospital') return { mixNumber: '204-118-7010', xpid, numbers, locals: [], facts: [], documents };
  const name = NAMES[Number(personId.split('-')[1]) - 1] ?? 'OKAFOR, Ruth';
  return {
    mixNumber: '204-118-7010',
    xpid,
    numbers,
    locals: ['Invented General', 'Larch County', 'St. Brendan'].map((node, index) => ({
      node,
      number: number('MR', ['M004100', '88-2041', 'SB-70031'][index]!, node),
      fedAt: iso(START - (index + 1) * 47 * MINUTE),
      gone: index === 2,
    })),
    facts: [
      { field: 'name', title: 'Name', values: [name, name, name], differ: false },
      { field: 'birthDate', title: 'Born', values: ['1940-01-10', '1940-01-10', '1940-10-01'], differ: true },
      { field: 'gender', title: 'Sex', values: ['female', 'female', 'female'], differ: false },
      {
        field: 'address',
        title: 'Address',
        values: ['12 Larch Lane, Springhill, KS, 66083', '', '7 Mill Road, Springhill, KS, 66083'],
        differ: true,
      },
      { field: 'phone', title: 'Phone', values: ['555-0142', '555-0142', ''], differ: false },
    ],
    documents,
  };
}

const setting = (path: string, sentence: string, more: Partial<SettingView> = {}): SettingView => ({
  key: path.split('.').at(-1)!,
  path,
  is: 'setting',
  sentence,
  type: 'text',
  mark: 'default',
  members: [],
  ...more,
});
const group = (key: string, sentence: string, members: SettingView[]): SettingView => ({
  key,
  path: key,
  is: 'group',
  sentence,
  mark: 'none',
  members,
});
const ROOMS: SettingView[] = [
  group('node', 'The node itself', [
    setting('node.name', 'name of the node, shown on its pages and in its certificate', {
      value: 'invented-general',
      mark: 'changed',
    }),
    setting('node.zone', 'time zone of the hospital, for times that come without one', {
      value: 'America/Chicago',
      mark: 'changed',
    }),
    setting('node.dataDir', 'where the node keeps its data', {
      value: '/var/lib/mix',
      standard: 'data',
      type: 'folder',
      mark: 'changed',
    }),
  ]),
  group('deliver', 'How work that waits for others is sent', [
    setting('deliver.inFlightMax', 'deliveries under way at once to one outlet', {
      value: '16',
      standard: '16',
      type: 'whole number, 1 to 1000',
    }),
    setting('deliver.firstRetryMs', 'first pause after a failure; each next is twice as long, with jitter', {
      value: '250',
      standard: '1000',
      unit: 'ms',
      type: 'whole number, 10 to 600000',
      mark: 'changed',
    }),
  ]),
  {
    key: 'listeners',
    path: 'listeners',
    is: 'list',
    sentence: 'Where EMRs send their messages',
    value: '1',
    mark: 'none',
    members: [
      {
        key: 'meditech-adt',
        path: 'listeners[0]',
        is: 'item',
        sentence: '',
        mark: 'none',
        members: [
          setting('listeners[0].port', 'TCP port', { value: '2575', mark: 'changed' }),
          setting('listeners[0].tls.key', 'private key, PEM', { value: 'file: pki/listener.key', mark: 'secret' }),
          setting('listeners[0].plain', 'allow a connection without TLS', { mark: 'absent' }),
        ],
      },
    ],
  },
];
const RELEASE = {
  version: '2026.11.2',
  from: 'National',
  publishedAt: iso(START - 9 * 1440 * MINUTE),
  takenAt: iso(START - 8 * 1440 * MINUTE),
  signer: 'CN=National exchange root',
  parts: [
    { name: 'code systems', count: 42 },
    { name: 'value sets', count: 118 },
    { name: 'roots', count: 2 },
  ],
  local: [{ name: 'local codes', count: 7 }],
};

function alertRows(): AlertView[] {
  const alert = (id: string, rule: AlertView['rule'], about: string, more: Partial<AlertView>): AlertView => ({
    id,
    rule,
    about,
    grave: 'warning',
    sentence: '',
    fix: '',
    state: 'open',
    since: iso(START - 42 * MINUTE),
    lastAt: iso(START - MINUTE),
    count: 1,
    link: '/exchange',
    ...more,
  });
  return [
    alert('alert-1', 'outlet', 'state-registry', {
      grave: 'danger',
      sentence: 'state-registry can not be reached; 61 deliveries wait, the oldest for 38 minutes',
      fix: 'look whether that system is up and the line stands; what waits goes by itself then',
      link: '/deliveries?outlet=state-registry&state=waiting',
      count: 14,
    }),
    alert('alert-2', 'silence', 'healthland-all', {
      sentence: 'healthland-all has been silent for 42 minutes; usually it sends every 3',
      fix: 'ask who runs that system whether its interface is up',
      link: '/sources',
    }),
    alert('alert-3', 'certificate', 'listener', {
      sentence: 'the certificate of the listener meditech-adt ends in 12 days',
      fix: 'renew it, then put it where the settings point',
      link: '/settings',
      state: 'acknowledged',
      acknowledged: { by: 'admin', at: iso(START - 30 * MINUTE), note: 'ordered, comes on Thursday' },
    }),
    alert('alert-4', 'errors', 'cpsi-lab', {
      sentence: 'one message in five of cpsi-lab was parked',
      fix: 'look at what they have in common',
      link: '/messages?source=cpsi-lab&state=parked',
      state: 'over',
      since: iso(START - 300 * MINUTE),
      overAt: iso(START - 240 * MINUTE),
      count: 31,
    }),
  ];
}

export interface StubExchange extends ExchangePortal {
  readonly told: {
    resends: Resend[];
    withdrawn: { id: string; reason: string }[];
    acknowledged: { id: string; note: string }[];
  };
}

export function createStubExchange(options: { role: NodeRole; empty: boolean }): StubExchange {
  const rows = options.empty ? [] : Array.from({ length: 96 }, (_, index) => deliveryRow(index));
  const alerts = options.empty ? [] : alertRows();
  const told: StubExchange['told'] = { resends: [], withdrawn: [], acknowledged: [] };
  const places = options.empty ? [] : options.role === 'hospital' ? HOSPITAL : REGION;
  function found<T>(thing: T | undefined): T {
    if (thing === undefined) throw new MixError('http.not-found');
    return thing;
  }
  const document = {
    id: 'far-1',
    title: 'Continuity of Care Document',
    createdAt: iso(START - 300 * MINUTE),
    state: 'current' as const,
    home: 'Larch County',
    mediaType: 'text/xml',
    bytes: 41_220,
  };
  return {
    told,
    async exchange() {
      return {
        self: {
          name: 'Invented General Hospital',
          role: options.role,
          organization: 'Invented General Hospital',
          waiting: 3,
          parked: 8,
        },
        places,
        release: RELEASE,
      };
    },
    async deliveries(_subject, filter) {
      const matching = rows.filter(
        (row) =>
          (filter.outlet ?? row.outlet) === row.outlet &&
          (filter.state ?? row.state) === row.state &&
          (filter.kind ?? row.kind) === row.kind &&
          (filter.person ?? row.person?.id) === row.person?.id,
      );
      const from = Number(filter.cursor ?? 0);
      const to = from + (filter.limit ?? 50);
      return {
        rows: matching.slice(from, to),
        count: matching.length,
        ...(to < matching.length ? { next: String(to) } : {}),
      };
    },
    async delivery(_subject, id) {
      const row = found(rows.find((one) => one.id === id));
      return {
        row,
        steps: [
          { at: row.createdAt, step: 'created' },
          ...(row.lastAt === undefined
            ? []
            : [
                {
                  at: row.lastAt,
                  step: row.state === 'waiting' ? ('tried' as const) : (row.state as 'sent' | 'parked'),
                  detail: row.fault?.sentence ?? row.receipt,
                },
              ]),
          ...(row.nextAt === undefined ? [] : [{ at: row.nextAt, step: 'next' as const }]),
        ],
        others: rows.filter((one) => one.thing === row.thing && one.id !== row.id).slice(0, 4),
        canResend: row.state === 'parked',
      };
    },
    async resend(_subject, ask) {
      told.resends.push(ask);
      const parked = rows.filter(
        (row) => row.state === 'parked' && (ask.ids?.includes(row.id) ?? row.outlet === ask.outlet),
      );
      // Two a call, so that a page has to ask more than once.
      for (const row of parked.slice(0, 2)) Object.assign(row, { state: 'waiting', fault: undefined });
      return { resent: Math.min(2, parked.length), left: Math.max(0, parked.length - 2) };
    },
    registry: async (_subject, id) => registry(options.role, id),
    async withdraw(_subject, id, reason) {
      told.withdrawn.push({ id, reason });
    },
    elsewhere: async () => ({
      asked: 'Prairie Region',
      at: iso(START),
      documents: [document, { ...document, id: 'far-2', home: 'St. Brendan', state: 'superseded', bytes: 39_007 }],
    }),
    documentElsewhere: async (_subject, personId, id) => ({
      document: { ...document, id },
      personId,
      html: '<h1>Continuity of Care Document</h1><p>From Larch County.</p>',
      text: '<?xml version="1.0" encoding="UTF-8"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3"/>\n',
      sha256: '7b0e7a6d1f5c2f0c9e7d4a1b8c3f6e5d4c3b2a190817263544536271809fedcb',
      retrievedAt: iso(START),
    }),
    settings: async () => ({
      rooms: ROOMS,
      version: '0.1.0',
      startedAt: iso(START - 3 * 1440 * MINUTE),
      release: RELEASE,
    }),
    async alerts(_subject, filter) {
      const matching = alerts.filter(
        (alert) => (filter.state ?? alert.state) === alert.state && (filter.rule ?? alert.rule) === alert.rule,
      );
      return { rows: matching, count: matching.length };
    },
    async acknowledge(_subject, id, note) {
      const alert = found(alerts.find((one) => one.id === id));
      told.acknowledged.push({ id, note });
      Object.assign(alert, { state: 'acknowledged', acknowledged: { by: 'admin', at: iso(START), note } });
    },
  };
}
