/** As much of FHIR Shorthand (http://hl7.org/fhir/uv/shorthand) as IHE's examples use: instances with rules of assignment. */

export interface FshInstance {
  id: string;
  of: string;
  resource: Record<string, unknown>;
}

const lists = new Set(
  'entry parameter part identifier extension contained name given telecom category coding content author relatesTo securityLabel event related profile security link note address'.split(
    ' ',
  ),
);
const codings = new Set(['format', 'security']);
const codes = new Set(['language']);
const base = 'https://profiles.ihe.net/ITI/MHD/';
const resourceOf: Record<string, string> = {
  SubmissionSet: 'List',
  Folder: 'List',
  ProvideBundle: 'Bundle',
  PatchParameters: 'Parameters',
  PDQmPatient: 'Patient',
  PDQmMatchInput: 'Patient',
  MatchParametersIn: 'Parameters',
  MatchParametersOut: 'Bundle',
  QueryPatientResourceResponseMessage: 'Bundle',
};

/** The instances of the files, by id; contained and bundled ones put in their places. */
export function readFsh(texts: string[]): Map<string, FshInstance> {
  const raw = new Map<string, { of: string; rules: [string, string][] }>();
  for (const text of texts) {
    for (const part of text.split(/^Instance:/m).slice(1)) {
      const id = part.slice(0, part.indexOf('\n')).trim();
      const of = /^InstanceOf:\s*(\S+)/m.exec(part)?.[1] ?? '';
      const rules = [...part.matchAll(/^\* (\S+)\s*=\s*(.+)$/gm)].map((rule): [string, string] => [
        rule[1]!,
        rule[2]!.trim(),
      ]);
      raw.set(id, { of, rules });
    }
  }
  const made = new Map<string, FshInstance>();
  const make = (id: string): FshInstance => {
    const known = made.get(id);
    if (known !== undefined) return known;
    const { of, rules } = raw.get(id)!;
    const last = of.split('.').at(-1)!;
    const resource: Record<string, unknown> = { resourceType: resourceOf[last] ?? last };
    if (of.startsWith('IHE.MHD.')) resource['meta'] = { profile: [`${base}StructureDefinition/${of}`] };
    const instance = { id, of, resource };
    made.set(id, instance);
    const slices = new Map<string, number>();
    for (const [path, value] of rules) {
      const one = raw.has(value) ? make(value) : undefined;
      const isContained = path.startsWith('contained');
      const given =
        one === undefined ? readValue(path, value, rules) : isContained ? { ...one.resource, id: value } : one.resource;
      assign(resource, path, given, slices);
    }
    return instance;
  };
  for (const id of raw.keys()) make(id);
  return made;
}

function readValue(path: string, text: string, rules: [string, string][]): unknown {
  const element = path.split('.').at(-1)!.replace(/\[.*/, '');
  const reference = /^Reference\((.+)\)$/.exec(text)?.[1];
  if (reference !== undefined) {
    const isContained = rules.some(([other, value]) => other.startsWith('contained') && value === reference);
    return { reference: isContained ? `#${reference}` : reference };
  }
  // A text of several lines: nothing here reads one.
  if (text.startsWith('"""')) return '';
  if (text.startsWith('"')) return JSON.parse(text.replace(/\s+\/\/.*$/, ''));
  if (/^\d+$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  const code = /^([^#\s]*)#(\S+)(?:\s+".*")?$/.exec(text);
  if (code === null) return text;
  const system = code[1] === 'MHDlistTypes' ? `${base}CodeSystem/MHDlistTypes` : code[1]!;
  if (system === '' || codes.has(element)) return code[2];
  const coding = { system, code: code[2] };
  return codings.has(element) ? coding : { coding: [coding] };
}

/** `entry[DocumentRefs][+].request.url`; a slice's new element takes the next place of its list. */
function assign(resource: Record<string, unknown>, path: string, value: unknown, slices: Map<string, number>): void {
  const steps = path.split(/\.(?![^[]*\])/);
  let at = resource;
  let where = '';
  steps.forEach((step, index) => {
    const name = step.replace(/\[.*/, '');
    const marks = [...step.matchAll(/\[([^\]]+)\]/g)].map((mark) => mark[1]!);
    const isLast = index === steps.length - 1;
    where += `.${step.replace(/\[[+=]\]/g, '')}`;
    // Within a Reference it is one.
    const isOne = name === 'identifier' && /^(related|target)/.test(steps[index - 1] ?? '');
    if (!lists.has(name) || isOne) {
      if (isLast) at[name] = value;
      else at = inside(at, name, () => ({}));
      return;
    }
    const list = inside<unknown[]>(at, name, () => []);
    const place = placeIn(list, where, marks, slices);
    if (isLast) list[place] = value;
    else {
      const slice = marks.find((mark) => !/^[+=\d]/.test(mark));
      at = inside(list as unknown as Record<string, unknown>, `${place}`, () => sliceOf(name, slice));
    }
  });
}

/** What stands there, made when nothing does. */
function inside<T = Record<string, unknown>>(at: Record<string, unknown>, name: string, make: () => T): T {
  if (at[name] === undefined) at[name] = make();
  return at[name] as T;
}

function placeIn(list: unknown[], where: string, marks: string[], slices: Map<string, number>): number {
  const number = marks.find((mark) => /^\d+$/.test(mark));
  if (number !== undefined) return Number(number);
  const key = where;
  if (marks.includes('+') || !slices.has(key)) slices.set(key, marks.length === 0 ? 0 : list.length);
  return slices.get(key)!;
}

function sliceOf(name: string, slice: string | undefined): Record<string, unknown> {
  if (name === 'extension' && slice !== undefined) return { url: `${base}StructureDefinition/ihe-${slice}` };
  if (name === 'identifier' && slice !== undefined) return { use: slice === 'uniqueId' ? 'usual' : 'official' };
  return {};
}
