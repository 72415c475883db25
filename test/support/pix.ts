/** Lines of systems outside of the exchange to the index of a test region, without sockets. */
import { createAuthorities } from '../../engine/authorities.ts';
import { authorize } from '../../engine/authorize.ts';
import { createQueries, type LineAsker, type Queries } from '../../engine/query.ts';
import { OID, type TestNode, type TestNodes } from './nodes.ts';

export const HOSP_A = `HOSP_A&${OID.a}.1&ISO`;
export const HOSP_B = `HOSP_B&${OID.b}.1&ISO`;

export const names = [
  { name: 'HOSP_A', oid: `${OID.a}.1` },
  { name: 'HOSP_B', oid: `${OID.b}.1` },
];

export interface Line {
  queries: Queries;
  /** The answer's segments. */
  ask(lines: string[], asker?: Partial<LineAsker>): Promise<string[]>;
}

/** A line to the index of a node; whoever asks is hospital a, and may find everybody. */
export function openLine(nodes: TestNodes, node: TestNode, limits: { pageSize?: number; max?: number } = {}): Line {
  const { clock } = nodes;
  const { store } = node;
  const queries = createQueries(
    {
      store,
      clock,
      log: { info() {}, warn() {}, error() {} },
      permit: (from, action, thing, reason, together) =>
        authorize({ store, clock }, from, action, thing, reason, together),
    },
    node.setup,
    createAuthorities(node.setup, names),
    { pageSize: limits.pageSize ?? 50, continuationsMax: limits.max ?? 100, continuationMs: 60_000 },
  );
  return {
    queries,
    async ask(lines, asker = {}) {
      const full: LineAsker = { from: node.subjectOf('a'), sees: 'all', kind: 'index', charset: 'utf-8', ...asker };
      const answer = await queries.answer(Buffer.from(`${lines.join('\r')}\r`), full);
      return answer.toString('utf8').split('\r').filter(Boolean);
    },
  };
}

export const header = (type: string, controlId = 'Q1'): string =>
  `MSH|^~\\&|PIX_CLIENT|WARD|MIX|REGION|20261123120000||${type}|${controlId}|P|2.5`;

export const q23 = (number: string, domains = ''): string[] => [
  header('QBP^Q23^QBP_Q21'),
  `QPD|IHE PIX Query|TAG1|${number}${domains === '' ? '' : `|${domains}`}`,
  'RCP|I',
];

export const q22 = (
  parameters: string,
  more: { domains?: string; limit?: number; pointer?: string } = {},
): string[] => [
  header('QBP^Q22^QBP_Q21'),
  `QPD|IHE PDQ Query|TAG2|${parameters}|||||${more.domains ?? ''}`,
  `RCP|I|${more.limit === undefined ? '' : `${more.limit}^RD`}`,
  ...(more.pointer === undefined ? [] : [`DSC|${more.pointer}|I`]),
];

/** Fields of the first segment of this name, `fields[0]` its name (MSH one lower than HL7 counts). */
export const fieldsOf = (answer: string[], name: string): string[] =>
  answer.find((line) => line.startsWith(`${name}|`))?.split('|') ?? [];
