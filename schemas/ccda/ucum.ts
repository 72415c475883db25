/**
 * UCUM as far as a CCD needs it: which texts are valid units (The Unified Code for Units of Measure, case sensitive), and the valid
 * unit for what hospital systems write instead.
 */

const metric = new Set([
  'm',
  's',
  'g',
  'rad',
  'K',
  'C',
  'cd',
  'mol',
  'sr',
  'Hz',
  'N',
  'Pa',
  'J',
  'W',
  'A',
  'V',
  'F',
  'Ohm',
  'S',
  'Wb',
  'Cel',
  'T',
  'H',
  'lm',
  'lx',
  'Bq',
  'Gy',
  'Sv',
  'l',
  'L',
  'ar',
  't',
  'bar',
  'u',
  'eV',
  'eq',
  'osm',
  'kat',
  'U',
  'cal',
  'B',
  'bit',
  'By',
  'Bd',
  'm[H2O]',
  'm[Hg]',
  '[iU]',
  '[IU]',
  'cal_th',
  'Ci',
  'dyn',
  'erg',
  'P',
  'St',
  'G',
  'R',
  'RAD',
  'REM',
  'kg',
]);
const plain = new Set([
  '10*',
  '10^',
  '[pi]',
  '%',
  '[ppth]',
  '[ppm]',
  '[ppb]',
  '[pptr]',
  'gon',
  'deg',
  "'",
  "''",
  'min',
  'h',
  'd',
  'a',
  'a_j',
  'mo',
  'wk',
  'mo_j',
  'atm',
  '[lbf_av]',
  '[in_i]',
  '[ft_i]',
  '[yd_i]',
  '[mi_i]',
  '[in_us]',
  '[ft_us]',
  '[sin_i]',
  '[sft_i]',
  '[gal_us]',
  '[qt_us]',
  '[pt_us]',
  '[foz_us]',
  '[cup_us]',
  '[tbs_us]',
  '[tsp_us]',
  '[tbs_m]',
  '[tsp_m]',
  '[cup_m]',
  '[foz_m]',
  '[gr]',
  '[lb_av]',
  '[oz_av]',
  '[dr_av]',
  '[ston_av]',
  '[stone_av]',
  '[lb_tr]',
  '[degF]',
  '[Btu]',
  '[HP]',
  '[diop]',
  '[drp]',
  '[pH]',
  '[Ch]',
  "[arb'U]",
  "[USP'U]",
  "[anti'Xa'U]",
  "[GPL'U]",
  "[MPL'U]",
  "[APL'U]",
  '[CFU]',
  '[cfu_i]',
  '[HPF]',
  '[LPF]',
  '[kn_i]',
  '[mesh_i]',
  "[Amb'a'1'U]",
  "[beth'U]",
  '[CCID_50]',
  '[EID_50]',
  '[PFU]',
  '[FFU]',
  '[BAU]',
  '[AU]',
  '[Lf]',
  "[bdsk'U]",
  "[ka'U]",
  "[knk'U]",
  "[mclg'U]",
  "[tb'U]",
  "[todd'U]",
  "[dye'U]",
  "[smgy'U]",
  "[D'ag'U]",
  '[FEU]',
  '[ELU]',
  '[EU]',
  '[S]',
  "[hnsf'U]",
  "[p'diop]",
  '[MET]',
  "[hp'_X]",
  '[RFU]',
  "[in_i'H2O]",
  "[in_i'Hg]",
  '[car_Au]',
  '[CPT]',
  '[psi]',
  '[acr_us]',
  '[NTU]',
  '[FNU]',
  '[PRU]',
  "[wood'U]",
  "[BETH'U]",
  '[pca_pr]',
  '[mi_us]',
  '[Cal]',
]);
const prefixes = ['Y', 'Z', 'E', 'P', 'T', 'G', 'M', 'k', 'h', 'da', 'd', 'c', 'm', 'u', 'n', 'p', 'f', 'a', 'z', 'y'];

const known = new Map<string, boolean>();

/** Whether a text is a valid UCUM unit. Bounded: 64 characters, and at most 2,000 answers are remembered. */
export function isUcum(unit: string): boolean {
  const before = known.get(unit);
  if (before !== undefined) return before;
  const answer = unit.length > 0 && unit.length <= 64 && /^[!-~]+$/.test(unit) && readTerm(unit);
  if (known.size < 2_000) known.set(unit, answer);
  return answer;
}

function readTerm(unit: string): boolean {
  // Terms are components joined by . and / ; brackets of grouping are taken off from the inside out.
  let term = unit.replace(/\{[!-z|~]*\}/g, '{}');
  for (let round = 0; round < 4; round++) {
    const inner = /(^|[./(])\(([^()]+)\)(?:[+-]?[0-9]+)?/.exec(term);
    if (inner === null) break;
    if (!readComponents(inner[2] ?? '')) return false;
    term = `${term.slice(0, inner.index)}${inner[1]}{}${term.slice(inner.index + inner[0].length)}`;
  }
  return readComponents(term.startsWith('/') ? term.slice(1) : term);
}

function readComponents(term: string): boolean {
  return splitOutside(term).every(isComponent);
}

/** Splits at . and / that stand outside square brackets. */
function splitOutside(term: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let depth = 0;
  for (let i = 0; i < term.length; i++) {
    const c = term[i];
    if (c === '[') depth++;
    else if (c === ']') depth--;
    else if (depth === 0 && (c === '.' || c === '/')) {
      parts.push(term.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(term.slice(start));
  return parts;
}

function isComponent(component: string): boolean {
  if (component === '{}') return true;
  const bare = component.endsWith('{}') ? component.slice(0, -2) : component;
  if (/^[0-9]+$/.test(bare)) return true;
  if (/^10[*^][+-]?[0-9]*$/.test(bare)) return true;
  const atom = bare.replace(/[+-]?[0-9]+$/, '');
  if (metric.has(atom) || plain.has(atom)) return true;
  return prefixes.some((prefix) => atom.startsWith(prefix) && metric.has(atom.slice(prefix.length)));
}

/** What is written instead, in lower case without blanks, and the UCUM unit that it means. */
const synonyms: Readonly<Record<string, string>> = {
  mmhg: 'mm[Hg]',
  'mm(hg)': 'mm[Hg]',
  'mm[hg]': 'mm[Hg]',
  cmh2o: 'cm[H2O]',
  bpm: '/min',
  'beats/min': '/min',
  'beat/min': '/min',
  'breaths/min': '/min',
  '/minute': '/min',
  'br/min': '/min',
  'resp/min': '/min',
  'breath/min': '/min',
  lb: '[lb_av]',
  lbs: '[lb_av]',
  pound: '[lb_av]',
  pounds: '[lb_av]',
  oz: '[oz_av]',
  in: '[in_i]',
  inch: '[in_i]',
  inches: '[in_i]',
  ins: '[in_i]',
  ft: '[ft_i]',
  feet: '[ft_i]',
  f: '[degF]',
  degf: '[degF]',
  'degf.': '[degF]',
  fahrenheit: '[degF]',
  '\u00b0f': '[degF]',
  degc: 'Cel',
  cel: 'Cel',
  celsius: 'Cel',
  '\u00b0c': 'Cel',
  kgs: 'kg',
  cms: 'cm',
  percent: '%',
  pct: '%',
  'kg/m^2': 'kg/m2',
  'kg/m\u00b2': 'kg/m2',
  'kg/m**2': 'kg/m2',
  'kg/sqm': 'kg/m2',
  'meq/l': 'meq/L',
  'mmol/l': 'mmol/L',
  'umol/l': 'umol/L',
  'mg/dl': 'mg/dL',
  'g/dl': 'g/dL',
  'gm/dl': 'g/dL',
  'ng/ml': 'ng/mL',
  'ug/ml': 'ug/mL',
  'mcg/ml': 'ug/mL',
  'ug/dl': 'ug/dL',
  'mcg/dl': 'ug/dL',
  'pg/ml': 'pg/mL',
  'mg/l': 'mg/L',
  'g/l': 'g/L',
  'u/l': 'U/L',
  'iu/l': '[iU]/L',
  'miu/l': 'm[iU]/L',
  'uiu/ml': 'u[iU]/mL',
  'miu/ml': 'm[iU]/mL',
  'iu/ml': '[iU]/mL',
  'u/ml': 'U/mL',
  ml: 'mL',
  mls: 'mL',
  cc: 'mL',
  mg: 'mg',
  mcg: 'ug',
  ug: 'ug',
  gm: 'g',
  gms: 'g',
  grams: 'g',
  iu: '[iU]',
  units: 'U',
  unit: 'U',
  'thou/ul': '10*3/uL',
  'k/ul': '10*3/uL',
  'x10e3/ul': '10*3/uL',
  '10e3/ul': '10*3/uL',
  '10*3/ul': '10*3/uL',
  '10^3/ul': '10*3/uL',
  'x10^3/ul': '10*3/uL',
  'th/mm3': '10*3/mm3',
  'k/mm3': '10*3/mm3',
  '10^9/l': '10*9/L',
  '10*9/l': '10*9/L',
  'x10^9/l': '10*9/L',
  '10e9/l': '10*9/L',
  'm/ul': '10*6/uL',
  'mil/ul': '10*6/uL',
  'x10e6/ul': '10*6/uL',
  '10e6/ul': '10*6/uL',
  '10*6/ul': '10*6/uL',
  '10^6/ul': '10*6/uL',
  '10^12/l': '10*12/L',
  '10*12/l': '10*12/L',
  '10e12/l': '10*12/L',
  fl: 'fL',
  mosm: 'mosm',
  'mosm/kg': 'mosm/kg',
  'ml/min': 'mL/min',
  'ml/h': 'mL/h',
  'ml/hr': 'mL/h',
  'mm/hr': 'mm/h',
  sec: 's',
  secs: 's',
  seconds: 's',
  mins: 'min',
  minutes: 'min',
  hr: 'h',
  hrs: 'h',
  hours: 'h',
  hour: 'h',
  days: 'd',
  day: 'd',
  weeks: 'wk',
  months: 'mo',
  years: 'a',
  year: 'a',
  yrs: 'a',
  yr: 'a',
  'ml/min/1.73m2': 'mL/min/{1.73_m2}',
  'l/min': 'L/min',
  '/hpf': '/[HPF]',
  '/lpf': '/[LPF]',
  'cells/ul': '{cells}/uL',
  ratio: '{ratio}',
  score: '{score}',
  'mg/g': 'mg/g',
  'ug/l': 'ug/L',
  'mcg/l': 'ug/L',
  'ng/dl': 'ng/dL',
  'ng/l': 'ng/L',
  'pmol/l': 'pmol/L',
  'nmol/l': 'nmol/L',
  'mg/kg': 'mg/kg',
  ph: '[pH]',
};

// Valid UCUM by accident (farad, coulomb, femtotonne, petagauss): in a hospital these mean something else.
const mistaken: Readonly<Record<string, string>> = {
  F: '[degF]',
  C: 'Cel',
  ft: '[ft_i]',
  PG: 'pg',
  'MG/24HR': 'mg/(24.h)',
};

/**
 * The UCUM unit for a unit as written; undefined where it is not known what is meant. Units in capitals only are read as what hospitals
 * mean by them (`MG/DL` is mg/dL, not megagauss per decilitre).
 */
export function ucumOf(unit: string): string | undefined {
  const meant = mistaken[unit];
  if (meant !== undefined) return meant;
  const lower = unit.toLowerCase().replace(/\s+/g, '');
  if (unit.length > 1 && unit === unit.toUpperCase() && Object.hasOwn(synonyms, lower)) return synonyms[lower];
  if (isUcum(unit)) return unit;
  return Object.hasOwn(synonyms, lower) ? synonyms[lower] : undefined;
}
