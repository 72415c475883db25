/** An invented patient index behind the portal's contract: a work list with each kind and state, decisions that count, and histories. */
import { MixError } from '../../schemas/errors/index.ts';
import type {
  ComparisonView,
  DecisionView,
  IdentityEventView,
  IdentityPortal,
  MatchDecision,
  MatchFact,
  MatchRow,
  MatchSide,
  MatchView,
} from '../../schemas/identity.ts';
import { patientRows, START } from './stub-data.ts';

const MINUTE = 60_000;
const iso = (at: number): string => new Date(at).toISOString();
const NODES = ['Invented General', 'Larch County', 'St. Brendan'];

const side = (person: number, node: number, more: Partial<MatchSide> = {}): MatchSide => {
  const row = patientRows[person]!;
  return {
    recordId: `record-${person + 1}-${node}`,
    personId: row.id,
    name: row.name,
    birthDate: row.birthDate,
    sex: row.sex,
    node: NODES[node]!,
    number: {
      system: `urn:oid:2.16.840.1.113883.3.9.${node}`,
      value: `${['M00', '88-', 'SB-'][node]}${4100 + person}`,
    },
    ...(row.mixNumber === undefined ? {} : { mixNumber: row.mixNumber }),
    ...more,
  };
};

/** `parts` as field, level and bits; what they add up to is worked out. */
function comparison(parts: [string, string, number][], rules: string[] = []): ComparisonView {
  const prior = -16.6;
  const weight = parts.reduce((sum, [, , bits]) => sum + bits, prior);
  const probability = 1 / (1 + 2 ** -weight);
  return {
    prior,
    weight,
    probability,
    verdict: probability > 0.99 && rules.length === 0 ? 'match' : probability > 0.05 ? 'possible' : 'no-match',
    thresholds: { possible: -4.2, match: 6.6 },
    parts: parts.map(([field, level, bits]) => ({ field, level, weight: bits })),
    rules,
  };
}

const fact = (field: string, title: string, one: string, other: string): MatchFact => ({
  field,
  title,
  values: [one, other],
  differ: one !== '' && other !== '' && one.toLowerCase() !== other.toLowerCase(),
});

const likely = comparison([
  ['given', 'form', 3.9],
  ['family', 'exact', 11.4],
  ['birth', 'digit', 7.2],
  ['sex', 'same-beside-given', 0.1],
  ['street', 'differ', -2.1],
  ['postcode', 'area', 1.3],
  ['city', 'differ-beside-postcode', -0.9],
  ['phone', 'exact', 9.8],
  ['rule', 'household', -9.6],
]);
const twins = comparison(
  [
    ['given', 'differ', -6.3],
    ['family', 'exact', 10.2],
    ['birth', 'exact', 13.1],
    ['sex', 'same', 0.9],
    ['street', 'exact', 7.7],
    ['postcode', 'exact', 6.4],
    ['rule', 'twins', -15.2],
  ],
  ['twins', 'newborn'],
);
const facts = [
  fact('name', 'Name', 'OKAFOR, Ruth Adaeze', 'Okafor, Ruthie Adaeze'),
  fact('birthDate', 'Born', '1940-01-10', '1940-01-19'),
  fact('gender', 'Sex', 'female', 'female'),
  fact('address', 'Address', '12 Larch Lane, Springhill, KS, 66083', '7 Mill Road, Spring Hollow, KS, 66031'),
  fact('phone', 'Phone', '555-0142', '555-0142'),
  fact('email', 'E-mail', '', 'r.okafor@mail.example'),
];

interface Item extends Omit<MatchView, 'may' | 'fourEyes'> {
  fourEyes?: boolean;
}

function item(
  id: string,
  kind: MatchRow['kind'],
  state: MatchRow['state'],
  sides: MatchSide[],
  more: Partial<Omit<Item, 'row'>> = {},
): Item {
  const at = START - Number(id.split('-')[1]) * 31 * MINUTE;
  const { comparison: told } = more;
  return {
    row: {
      id,
      kind,
      state,
      createdAt: iso(at),
      updatedAt: iso(at + 4 * MINUTE),
      ...(told === undefined ? {} : { probability: told.probability, weight: told.weight }),
      sides,
      from: kind === 'request' ? 'dora' : sides.at(-1)!.node,
    },
    facts: [],
    decisions: [],
    ...more,
  };
}

const decided = (by: string, decision: MatchDecision, reason: string, minutes = 20): DecisionView => ({
  at: iso(START - minutes * MINUTE),
  by,
  act: 'decided',
  decision,
  reason,
});

function items(): Item[] {
  const fed = side(3, 1, { name: 'PEMBERTON, Alice', birthDate: '2011-05-30', sex: 'female' });
  return [
    item('match-1', 'possible', 'open', [side(0, 0), side(1, 1, { name: 'Okafor, Ruthie Adaeze' })], {
      comparison: likely,
      facts,
    }),
    item('match-2', 'possible', 'open', [side(4, 0), side(5, 2)], { comparison: twins, facts: facts.slice(0, 4) }),
    item('match-3', 'overlay', 'open', [side(3, 1), fed], {
      facts: [
        fact('name', 'Name', patientRows[3]!.name, 'PEMBERTON, Alice'),
        fact('birthDate', 'Born', patientRows[3]!.birthDate ?? '', '2011-05-30'),
        fact('gender', 'Sex', 'male', 'female'),
        fact('address', 'Address', '3 Ash Court, Pine Hollow, KS, 67002', '3 Ash Court, Pine Hollow, KS, 67002'),
      ],
    }),
    item('match-4', 'storm', 'open', [side(6, 2)], {
      facts: [{ ...facts[0]!, values: ['TEST, Test'], differ: false }],
    }),
    item('match-5', 'possible', 'waiting-second', [side(2, 0), side(7, 1)], {
      comparison: likely,
      facts,
      fourEyes: true,
      decisions: [decided('dora', 'link', 'same photo on both forms')],
    }),
    item('match-6', 'possible', 'linked', [side(0, 0), side(0, 1)], {
      comparison: likely,
      facts,
      decisions: [decided('admin', 'link', 'called her, she moved in May')],
    }),
    item('match-7', 'possible', 'kept-apart', [side(2, 1), side(3, 2)], {
      comparison: twins,
      facts,
      decisions: [decided('dora', 'unlink', 'two brothers, the hospital says')],
    }),
    item('match-8', 'request', 'linked', [side(4, 1), side(5, 0)], {
      asks: 'merge-persons',
      facts,
      decisions: [decided('dora', 'link', 'registered twice at the desk')],
    }),
    item('match-9', 'possible', 'withdrawn', [side(6, 0), side(7, 2)], { comparison: twins, facts }),
  ];
}

export interface StubIdentity extends IdentityPortal {
  /** What people asked for, in order. */
  readonly identityAsked: { act: string; id: string; reason: string; other?: string; decision?: MatchDecision }[];
  /** Somebody else decides it. */
  decideElsewhere(id: string, by: string, decision: MatchDecision): MatchView;
  /** How many wait: the badge of the rail. */
  matchesWaiting(): number;
}

export function createStubIdentity(options: {
  empty: boolean;
  /** Told the persons of whom something changed. */
  onChange: (persons: string[]) => void;
}): StubIdentity {
  const all = options.empty ? [] : items();
  const asked: StubIdentity['identityAsked'] = [];
  const viewOf = (one: Item): MatchView => {
    const pending = one.decisions.findLast(({ act }) => act === 'decided');
    const { state } = one.row;
    return structuredClone({
      ...one,
      fourEyes: one.fourEyes === true,
      may: {
        decide: state === 'open',
        second: state === 'waiting-second' && pending?.by !== 'admin',
        undo: state === 'linked' || state === 'kept-apart' || (state === 'waiting-second' && pending?.by === 'admin'),
      },
    });
  };
  const found = (id: string): Item => {
    const one = all.find(({ row }) => row.id === id);
    if (one === undefined) throw new MixError('http.not-found');
    return one;
  };
  const settle = (one: Item, decision: DecisionView, state: MatchRow['state']): MatchView => {
    one.decisions.push(decision);
    one.row.state = state;
    one.row.updatedAt = decision.at;
    options.onChange(one.row.sides.map(({ personId }) => personId));
    return viewOf(one);
  };
  const now = (): string => new Date().toISOString();
  const decide = (one: Item, by: string, decision: MatchDecision, reason: string): MatchView => {
    const inForce = decision === 'link' ? 'linked' : 'kept-apart';
    if (one.row.state === 'waiting-second') {
      const pending = one.decisions.findLast(({ act }) => act === 'decided')!.decision;
      const same = pending === decision;
      return settle(
        one,
        { at: now(), by, act: same ? 'seconded' : 'refused', decision, reason },
        same ? inForce : 'open',
      );
    }
    if (one.row.state !== 'open') throw new MixError('mpi.settled');
    const first: DecisionView = { at: now(), by, act: 'decided', decision, reason };
    return settle(one, first, one.fourEyes === true ? 'waiting-second' : inForce);
  };
  const request = (asks: MatchView['asks'], id: string, reason: string, sides: MatchSide[]): MatchView => {
    const decision: MatchDecision = asks === 'link-persons' || asks === 'merge-persons' ? 'link' : 'unlink';
    const one = item(`match-${all.length + 1}`, 'request', 'open', sides, { asks });
    one.row.createdAt = now();
    one.row.from = 'admin';
    all.push(one);
    asked.push({ act: asks ?? '', id, reason });
    const inForce = decision === 'link' ? 'linked' : 'kept-apart';
    return settle(one, { at: now(), by: 'admin', act: 'decided', decision, reason }, inForce);
  };
  const indexOf = (personId: string): number =>
    Math.max(
      0,
      patientRows.findIndex(({ id }) => id === personId),
    );
  return {
    identityAsked: asked,
    matchesWaiting: () => all.filter(({ row }) => row.state === 'open' || row.state === 'waiting-second').length,
    decideElsewhere: (id, by, decision) => decide(found(id), by, decision, 'seen on paper'),
    async matches(_subject, { state, kind, person, cursor, limit = 50 }) {
      const rows = all
        .map(({ row }) => row)
        .filter(
          (row) =>
            (state === undefined
              ? row.state === 'open' || row.state === 'waiting-second'
              : state === 'all' || row.state === state) &&
            (kind ?? row.kind) === row.kind &&
            (person === undefined || row.sides.some(({ personId }) => personId === person)),
        );
      const from = Number(cursor ?? 0);
      const to = from + limit;
      return structuredClone({
        rows: rows.slice(from, to),
        count: rows.length,
        ...(to < rows.length ? { next: String(to) } : {}),
      });
    },
    match: async (_subject, id) => viewOf(found(id)),
    async decideMatch(_subject, id, { decision, reason }) {
      const view = decide(found(id), 'admin', decision, reason);
      asked.push({ act: 'decide', id, decision, reason });
      return view;
    },
    async undoMatch(_subject, id, { reason }) {
      const one = found(id);
      if (one.row.state === 'open' || one.row.state === 'withdrawn') throw new MixError('mpi.not-decided');
      asked.push({ act: 'undo', id, reason });
      const state = one.row.kind === 'request' ? 'withdrawn' : 'open';
      return settle(one, { at: now(), by: 'admin', act: 'undone', reason }, state);
    },
    linkPersons: async (_subject, ask) =>
      request('link-persons', ask.one, ask.reason, [side(indexOf(ask.one), 0), side(indexOf(ask.other), 1)]),
    unlinkRecord: async (_subject, ask) => request('unlink-record', ask.record, ask.reason, [side(0, 0), side(0, 1)]),
    mergePersons: async (_subject, ask) =>
      request('merge-persons', ask.survivor, ask.reason, [
        side(indexOf(ask.survivor), 0),
        side(indexOf(ask.retired), 1),
      ]),
    unmergePerson: async (_subject, ask) => request('unmerge', ask.person, ask.reason, [side(indexOf(ask.person), 0)]),
    identityHistory: async (_subject, personId) => history(personId),
    personAt: async (_subject, personId, at) => personAt(personId, at),
  };
}

/** The eighth person was merged into the first; the others only gained a record. */
function history(personId: string): { rows: IdentityEventView[]; count: number } {
  const [one, two] = ['record-1', 'record-2'];
  const event = (
    days: number,
    kind: IdentityEventView['event'],
    more: Partial<IdentityEventView>,
  ): IdentityEventView => ({
    at: iso(START - days * 1440 * MINUTE),
    event: kind,
    who: 'Invented General',
    reason: '',
    before: [one],
    after: [one],
    ...more,
  });
  const rows = [
    ...(personId === 'person-8'
      ? [event(1, 'merged', { who: 'dora', reason: 'registered twice', after: [], into: 'person-1' })]
      : []),
    event(3, 'joined', { who: 'matcher', after: [one, two] }),
    event(12, 'updated', {}),
    event(40, 'created', { before: [] }),
  ];
  return { rows, count: rows.length };
}

function personAt(personId: string, at: string): Awaited<ReturnType<IdentityPortal['personAt']>> {
  const row = patientRows.find(({ id }) => id === personId);
  if (row === undefined) throw new MixError('http.not-found');
  const days = (START - Date.parse(at)) / (1440 * MINUTE);
  const record = (index: number) => ({
    recordId: `record-${index + 1}`,
    node: NODES[index]!,
    number: side(0, index).number,
    version: days < 12 ? 2 : 1,
  });
  if (days > 40) return { asked: personId, at, records: [], numbers: [], facts: [] };
  return {
    asked: personId,
    at,
    personId,
    records: days < 3 ? [record(0), record(1)] : [record(0)],
    numbers: row.numbers.map(({ type, value }) => ({ type, value, system: 'urn:oid:2.16.840.1.113883.3.9.1' })),
    facts: [
      { field: 'name', title: 'Name', value: row.name },
      { field: 'birthDate', title: 'Born', value: row.birthDate ?? '' },
    ],
  };
}
