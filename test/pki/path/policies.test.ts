import { describe, expect, test } from 'vitest';
import type { PolicyInputs } from '../../../pki/index.ts';
import { ANY_POLICY, EXT, type Ext, issue, type Party } from '../../support/chains.ts';
import { told } from './chain.ts';

const [A, B, C, D] = ['1.2.3.1', '1.2.3.2', '1.2.3.3', '1.2.3.4'];

interface Step {
  policies?: string[];
  maps?: [string, string][];
  explicit?: number;
  mapping?: number;
  any?: number;
  /** The same name as the one above it. */
  isSelfIssued?: boolean;
}

/** The answer for a chain of steps below a root; the last one is the leaf. */
function answer(steps: Step[], policies: PolicyInputs = {}): string {
  const root = issue({ ca: true, subject: 'CN=root' });
  const all: Party[] = [];
  for (const [at, step] of steps.entries()) {
    const isLeaf = at === steps.length - 1;
    const more: Ext[] = [];
    if (step.policies) more.push(EXT.policies(step.policies));
    if (step.maps) more.push(EXT.mappings(step.maps));
    if (step.explicit !== undefined || step.mapping !== undefined)
      more.push(EXT.policyConstraints(step.explicit, step.mapping));
    if (step.any !== undefined) more.push(EXT.inhibitAny(step.any));
    const issuer: Party = all.at(-1) ?? root;
    const subject = step.isSelfIssued ? issuer.name : `CN=step ${at}`;
    all.push(issue({ ca: !isLeaf, issuer, subject, with: more }));
  }
  return told(all.at(-1)!, { roots: [root], intermediates: all.slice(0, -1), policies });
}

const p = (...policies: string[]): Step => ({ policies });
const only = (...initialPolicySet: string[]): PolicyInputs => ({ initialPolicySet, explicitPolicy: true });

const CASES: [string, Step[], PolicyInputs, boolean][] = [
  ['none, and none wanted', [{}, {}], {}, true],
  ['none, and some wanted', [{}, {}], { explicitPolicy: true }, false],
  ['none, and one named but not demanded', [{}, {}], { initialPolicySet: [A] }, true],
  ['the same all the way', [p(A), p(A)], only(A), true],
  ['another wanted', [p(A), p(A)], only(B), false],
  ['one of many', [p(A, B), p(B, C)], only(C, B), true],
  ['none in common', [p(A), p(B)], { explicitPolicy: true }, false],
  ['missing in the middle', [p(A), {}, p(A)], { explicitPolicy: true }, false],
  ['any above', [p(ANY_POLICY), p(A)], only(A), true],
  ['any below', [p(A), p(ANY_POLICY)], only(A), true],
  ['any below, another wanted', [p(A), p(ANY_POLICY)], only(B), false],
  ['any all the way', [p(ANY_POLICY), p(ANY_POLICY)], only(D), true],
  ['any, inhibited from the start', [p(ANY_POLICY), p(A)], { ...only(A), inhibitAny: true }, false],
  ['any, inhibited by an authority', [{ ...p(A), any: 0 }, p(ANY_POLICY)], only(A), false],
  ['any, inhibited later', [{ ...p(A), any: 1 }, p(ANY_POLICY), p(A)], only(A), true],
  ['any, inhibited too late to matter', [{ ...p(A), any: 1 }, p(ANY_POLICY), p(ANY_POLICY)], only(A), false],
  [
    'any in an authority that changes its keys',
    [{ ...p(A), any: 0 }, { ...p(ANY_POLICY), isSelfIssued: true }, p(A)],
    only(A),
    true,
  ],
  ['mapped', [{ ...p(A), maps: [[A, B]] }, p(B)], only(A), true],
  ['mapped, wanted by the name below', [{ ...p(A), maps: [[A, B]] }, p(B)], only(B), false],
  ['mapped, not used', [{ ...p(A), maps: [[A, B]] }, p(A)], only(A), false],
  ['mapped twice', [{ ...p(A), maps: [[A, B]] }, { ...p(B), maps: [[B, C]] }, p(C)], only(A), true],
  [
    'mapped to two',
    [
      {
        ...p(A),
        maps: [
          [A, B],
          [A, C],
        ],
      },
      p(C),
    ],
    only(A),
    true,
  ],
  ['mapped below any', [{ ...p(ANY_POLICY), maps: [[A, B]] }, p(B)], only(A), true],
  [
    'mapped, inhibited from the start',
    [{ ...p(A), maps: [[A, B]] }, p(B)],
    { ...only(A), inhibitMapping: true },
    false,
  ],
  ['mapped, inhibited by an authority', [{ ...p(A), mapping: 0 }, { ...p(A), maps: [[A, B]] }, p(B)], only(A), false],
  ['mapped, inhibited later', [{ ...p(A), mapping: 1 }, { ...p(A), maps: [[A, B]] }, p(B)], only(A), true],
  ['demanded by an authority', [{ ...p(A), explicit: 0 }, p(B)], {}, false],
  ['demanded by an authority, and there', [{ ...p(A), explicit: 0 }, p(A)], {}, true],
  ['demanded by an authority, of another set', [{ ...p(A), explicit: 0 }, p(A)], { initialPolicySet: [B] }, false],
  ['demanded two below', [{ explicit: 2 }, {}, {}], {}, false],
  ['demanded three below', [{ explicit: 3 }, {}, {}], {}, true],
  ['demanded by the leaf', [{}, { explicit: 0 }], {}, false],
  ['demanded, with key changes that do not count', [{ explicit: 2 }, { isSelfIssued: true }, {}], {}, true],
];

describe('policies (RFC 5280 6.1, RFC 9618)', () => {
  test.each(CASES)('%s', (_what, steps, inputs, holds) => {
    expect(answer(steps, inputs)).toBe(holds ? 'ok' : 'chain.policy');
  });

  test('that cross at every step cost no more than their number', () => {
    const policies = Array.from({ length: 30 }, (_, at) => `1.2.9.${at}`);
    const crossing = policies.flatMap((from) => policies.map((to): [string, string] => [from, to]));
    const steps: Step[] = [...Array.from({ length: 9 }, () => ({ policies, maps: crossing })), p(policies[3]!)];
    expect(answer(steps, only(policies[7]!))).toBe('ok');
    expect(answer(steps, only(A))).toBe('chain.policy');
  });

  test('beyond count end in a verdict', () => {
    const policies = Array.from({ length: 150 }, (_, at) => `1.2.9.${at}`);
    const crossing = policies.flatMap((from) => policies.map((to): [string, string] => [from, to]));
    const steps: Step[] = [...Array.from({ length: 8 }, () => ({ policies, maps: crossing })), p(policies[3]!)];
    expect(answer(steps, only(policies[7]!))).toBe('chain.limit policies');
  });
});
