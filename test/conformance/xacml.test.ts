import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { compilePolicy, evaluatePolicy, readRequest, writeResponse } from '../../policies/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import { attributeOf, readXml, textOf, type XmlElement } from '../../schemas/xml.ts';

const cases = resolve(
  import.meta.dirname,
  '../..',
  process.env.MIX_CORPORA ?? '../shared/corpora',
  'xacml/authzforce-odd',
);
const there = existsSync(cases);
/** How many of the cases agree; to be raised, never lowered. */
const AGREE = 230;

function elements(element: XmlElement): XmlElement[] {
  return element.children.filter((node): node is XmlElement => typeof node !== 'string');
}

/** Decision, status, obligations and advice, in a form in which order does not count. */
function summary(xml: string | Buffer): unknown {
  return elements(readXml(xml))
    .map((result) => {
      const named = (name: string): XmlElement | undefined => elements(result).find((one) => one.local === name);
      const done = [named('Obligations'), named('AssociatedAdvice')]
        .flatMap((list) => (list ? elements(list) : []))
        .map((one) => {
          const assignments = elements(one).map((each) => `${attributeOf(each, 'AttributeId')}=${textOf(each).trim()}`);
          return `${one.local} ${attributeOf(one, 'ObligationId') ?? attributeOf(one, 'AdviceId')} ${assignments.sort().join('|')}`;
        });
      return { decision: textOf(named('Decision')!).trim(), done: done.sort() };
    })
    .sort((a, b) => a.decision.localeCompare(b.decision));
}

/** What we answer to one case: the response, or the code of the refusal. */
function answer(folder: string): { response?: string; refused?: string } {
  try {
    const policies = existsSync(join(folder, 'Policies')) ? join(folder, 'Policies') : folder;
    const library =
      policies === folder
        ? []
        : readdirSync(policies)
            .filter((name) => name !== 'Policy.xml')
            .map((name) => readFileSync(join(policies, name)));
    const policy = compilePolicy(readFileSync(join(policies, 'Policy.xml')), library);
    const singles = readRequest(readFileSync(join(folder, 'Request.xml')));
    return {
      response: writeResponse(
        singles.map(({ attributes, included }) => ({
          included,
          result: evaluatePolicy(policy, attributes, Date.now()),
        })),
      ),
    };
  } catch (error) {
    if (error instanceof MixError) return { refused: error.fault.code };
    throw error;
  }
}

test.skipIf(!there)(
  `${AGREE} XACML 3.0 conformance cases agree${there ? '' : ' (left out: the corpora are not here)'}`,
  () => {
    const names = readdirSync(cases).sort();
    const wrong = names.filter((name) => {
      const folder = join(cases, name);
      const { response, refused } = answer(folder);
      const mustRefuse = existsSync(join(folder, 'Response.xml.ignore'));
      if (mustRefuse) return !refused?.startsWith('policy.');
      return (
        response === undefined ||
        JSON.stringify(summary(response)) !== JSON.stringify(summary(readFileSync(join(folder, 'Response.xml'))))
      );
    });
    expect(wrong).toEqual([]);
    expect(names.length - wrong.length).toBe(AGREE);
  },
);
