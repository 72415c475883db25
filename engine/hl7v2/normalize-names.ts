/** Names whose suffix or degree stands where it should not: split over components, or inside the family name. */
import type { Delimiters } from '../../schemas/hl7v2/message.ts';
import type { Rule } from '../../schemas/vendors/profile.ts';
import { splitAt, withoutTail } from './normalize-draft.ts';

type SuffixRule = Extract<Rule, { op: 'name-suffix' }>;

/** A PN, XPN or XCN with generation in the suffix component and degree in the degree component (HL7 v2.8.2 chapter 2A.3.87, 2A.3.89). */
export function joinNameSuffix(raw: string, d: Delimiters, rule: SuffixRule): string {
  return splitAt(raw, d.repetition)
    .map((repetition) => {
      const components = splitAt(repetition, d.component);
      const changed = joinComponents(components, rule, d);
      return changed ? withoutTail(changed).join(d.component) : repetition;
    })
    .join(d.repetition);
}

function joinComponents(components: readonly string[], rule: SuffixRule, d: Delimiters): string[] | undefined {
  const out = components.slice();
  const family = rule.family - 1;
  const [suffix, prefix, degree] = [family + 3, family + 4, family + 5];
  while (out.length <= degree) out.push('');
  let changed = splitFamily(out, family, suffix, rule, d);
  const parts = [out[suffix]!, out[prefix]!, out[degree]!];
  for (const [from, to] of [
    [0, 3],
    [0, 2],
    [1, 3],
    [0, 1],
    [1, 2],
  ] as const) {
    const run = parts.slice(from, to);
    if (run.some((part) => part === '' || part === '""')) continue;
    const text = bare(run.join(''));
    const isDegree = rule.degrees.includes(text);
    const isGeneration = rule.generations.includes(text);
    if ((!isDegree && !isGeneration) || (isGeneration && from === 0 && to === 1)) continue;
    const target = isDegree ? degree : suffix;
    if (out[target] !== '' && (target - suffix < from || target - suffix >= to)) continue;
    for (let at = from; at < to; at += 1) out[suffix + at] = '';
    out[target] = text;
    changed = true;
    break;
  }
  return changed ? out : undefined;
}

function splitFamily(out: string[], family: number, suffix: number, rule: SuffixRule, d: Delimiters): boolean {
  const text = out[family] ?? '';
  // A family name with subcomponents is a proper FN.
  if (d.subcomponent !== '' && text.includes(d.subcomponent)) return false;
  const cut = text.lastIndexOf(' ');
  if (cut < 1 || out[suffix] !== '' || !rule.generations.includes(bare(text.slice(cut + 1)))) return false;
  out[suffix] = bare(text.slice(cut + 1));
  out[family] = text.slice(0, cut).replace(/[ ,]+$/, '');
  return true;
}

function bare(text: string): string {
  return text.replace(/[. ,]/g, '').toUpperCase();
}
