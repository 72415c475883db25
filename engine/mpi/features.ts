/** What of a patient the matcher compares: folded, bounded, plain. */
import type { Address, HumanName, Identifier, Patient } from '@medplum/fhirtypes';
import {
  birthNumber,
  digitsOf,
  foldText,
  isFilling,
  isNewbornName,
  isPlaceholderName,
  isTestName,
  nameWords,
  socialSecurityNumber,
} from './fold.ts';

export interface NameFeature {
  /** First given name, words joined by one blank; empty where none was told. */
  given: string;
  middle: string;
  family: string;
}

export interface AddressFeature {
  /** House number, without leading noughts. */
  house: string;
  street: string;
  /** Flat, building or second line. */
  unit: string;
  city: string;
  state: string;
  postcode: string;
}

/** `national`: the number by which a state knows a person (SSN of nine digits and its like). */
export interface NumberFeature {
  kind: 'national' | 'last4' | 'licence' | 'insurance' | 'other';
  /** Who gave it; empty where the kind says it. */
  authority: string;
  value: string;
}

/** `newborn`: no given name yet. `test`: nobody. `placeholder`: a name or birth date typed to fill the field was passed over. */
export type FeatureFlag = 'newborn' | 'test' | 'placeholder' | 'multiple';

export interface Features {
  names: NameFeature[];
  maiden: string;
  suffix: string;
  /** `YYYYMMDD` with 00 for parts not told; 0 where unknown. */
  birth: number;
  sex: '' | 'M' | 'F';
  /** Order of birth among twins; 0 where not told. */
  order: number;
  addresses: AddressFeature[];
  phones: string[];
  emails: string[];
  numbers: NumberFeature[];
  flags: FeatureFlag[];
}

/** Texts of a person as some source tells them; what `makeFeatures` takes. All may be missing, long or wrong. */
export interface Facts {
  names?: { given?: string; middle?: string; family?: string; suffix?: string }[];
  maiden?: string;
  birth?: string;
  sex?: string;
  order?: number;
  multiple?: boolean;
  addresses?: { house?: string; lines?: string[]; unit?: string; city?: string; state?: string; postcode?: string }[];
  phones?: string[];
  emails?: string[];
  numbers?: { kind: NumberFeature['kind']; authority?: string; value: string }[];
}

export const featureLimits = { names: 4, addresses: 3, phones: 3, emails: 2, numbers: 6, text: 60 } as const;
/** Dates after it are slips; the matcher has no clock. */
const yearMax = 2100;

/** The features of a FHIR patient; what is old, temporary or typed to fill a field is passed over. Never throws. */
export function featuresOf(patient: Patient): Features {
  const names = (patient.name ?? []).filter((name) => name.use !== 'anonymous' && name.use !== 'temp');
  const maiden = names.find((name) => name.use === 'maiden')?.family;
  return makeFeatures({
    names: names.slice(0, featureLimits.names * 2).map(nameFacts),
    ...(maiden === undefined ? {} : { maiden }),
    birth: patient.birthDate ?? '',
    sex: patient.gender ?? '',
    order: patient.multipleBirthInteger ?? 0,
    multiple: patient.multipleBirthBoolean === true || patient.multipleBirthInteger !== undefined,
    addresses: addressFacts(patient.address ?? []),
    phones: contacts(patient, (system) => system === undefined || system === 'phone' || system === 'sms'),
    emails: contacts(patient, (system) => system === 'email'),
    numbers: numberFacts(patient.identifier ?? []),
  });
}

function nameFacts(name: HumanName): NonNullable<Facts['names']>[number] {
  const [given = '', ...middle] = name.given ?? [];
  return {
    given,
    middle: middle.slice(0, 4).join(' '),
    family: name.family ?? '',
    suffix: (name.suffix ?? []).slice(0, 4).join(' '),
  };
}

function addressFacts(addresses: readonly Address[]): NonNullable<Facts['addresses']> {
  return addresses
    .filter(({ use }) => use !== 'old' && use !== 'temp' && use !== 'work')
    .slice(0, featureLimits.addresses)
    .map(({ line, city, state, postalCode }) => ({
      lines: (line ?? []).slice(0, 3),
      city: city ?? '',
      state: state ?? '',
      postcode: postalCode ?? '',
    }));
}

function contacts(patient: Patient, wanted: (system: string | undefined) => boolean): string[] {
  return (patient.telecom ?? [])
    .slice(0, 20)
    .filter(({ system, use }) => wanted(system) && use !== 'old' && use !== 'temp' && use !== 'work')
    .flatMap(({ value }) => (value === undefined ? [] : [value]));
}

const ssnSystems = new Set(['http://hl7.org/fhir/sid/us-ssn', 'urn:oid:2.16.840.1.113883.4.1']);
/** Table 0203 types of numbers that stay with a person whoever treats it. */
const kindOfType: Record<string, NumberFeature['kind']> = {
  SS: 'national',
  NI: 'national',
  NH: 'national',
  HC: 'insurance',
  PPN: 'licence',
  DL: 'licence',
  MA: 'insurance',
  MC: 'insurance',
  MB: 'insurance',
  SN: 'insurance',
};

function numberFacts(identifiers: readonly Identifier[]): NonNullable<Facts['numbers']> {
  const found: NonNullable<Facts['numbers']> = [];
  for (const { type, system = '', value, use } of identifiers.slice(0, 100)) {
    if (value === undefined || use === 'old' || use === 'temp') continue;
    const isSsn = ssnSystems.has(system);
    const kind = isSsn ? 'national' : kindOfType[type?.coding?.[0]?.code ?? ''];
    if (kind === undefined) continue;
    found.push({ kind, authority: isSsn || type?.coding?.[0]?.code === 'SS' ? '' : system, value });
  }
  return found;
}

/** Features from texts. Never throws. `yearNow`: what a year of two digits is read by. */
export function makeFeatures(facts: Facts, yearNow = yearMax): Features {
  const flags = new Set<FeatureFlag>();
  const { names, suffix } = foldNames(facts.names ?? [], flags);
  const birthText = facts.birth ?? '';
  const birth = birthNumber(birthText, yearNow) ?? 0;
  if (birth === 0 && birthText.trim() !== '') flags.add('placeholder');
  if (facts.multiple || (facts.order ?? 0) > 0) flags.add('multiple');
  const maiden = foldText(facts.maiden ?? '', featureLimits.text);
  return {
    names,
    maiden: isPlaceholderName(maiden) ? '' : maiden,
    suffix,
    birth,
    sex: sexOf(facts.sex ?? ''),
    order: Math.max(0, Math.min(9, Math.trunc(facts.order ?? 0) || 0)),
    addresses: foldAddresses(facts.addresses ?? []),
    phones: unique((facts.phones ?? []).map(foldPhone), featureLimits.phones),
    emails: unique((facts.emails ?? []).map(foldEmail), featureLimits.emails),
    numbers: foldNumbers(facts.numbers ?? []),
    flags: [...flags].sort(),
  };
}

const suffixes: Record<string, string> = {
  JR: 'JR',
  JUNIOR: 'JR',
  SR: 'SR',
  SENIOR: 'SR',
  I: 'I',
  II: 'II',
  III: 'III',
  IV: 'IV',
  V: 'V',
  '2ND': 'II',
  '3RD': 'III',
  '4TH': 'IV',
};

function foldNames(given: NonNullable<Facts['names']>, flags: Set<FeatureFlag>): Pick<Features, 'names' | 'suffix'> {
  const names: NameFeature[] = [];
  let suffix = '';
  for (const name of given.slice(0, featureLimits.names * 2)) {
    let givens = nameWords(name.given ?? '');
    const middles = nameWords(name.middle ?? '');
    let families = nameWords(name.family ?? '');
    suffix ||=
      nameWords(name.suffix ?? '')
        .map((word) => suffixes[word] ?? '')
        .find((one) => one !== '') ?? '';
    // A suffix typed behind the family name: SMITH JR. Single letters there are names.
    const last = families.at(-1) ?? '';
    if (families.length > 1 && last.length > 1 && Object.hasOwn(suffixes, last)) {
      suffix ||= suffixes[last]!;
      families = families.slice(0, -1);
    }
    if (isTestName(givens) || isTestName(families)) flags.add('test');
    if (isNewbornName(givens)) {
      flags.add('newborn');
      givens = [];
      if (isNewbornName(families)) families = [];
    }
    const known = (words: string[]): string[] => {
      // Short ones (NA, PT) may be pieces of a name unless they are all there is.
      const whole = words.length > 0 && (words.every(isPlaceholderName) || isPlaceholderName(words.join('')));
      const kept = whole ? [] : words.filter((word) => word.length <= 3 || !isPlaceholderName(word));
      if (kept.length < words.length) flags.add('placeholder');
      return kept;
    };
    givens = known(givens);
    families = known(families);
    if (families[0] === 'DOE' && /^(JOHN|JANE|BABY)$/.test(givens[0] ?? '')) {
      flags.add('placeholder');
      continue;
    }
    const one: NameFeature = {
      given: clip(givens.slice(0, 3).join(' ')),
      middle: clip(known(middles).slice(0, 3).join(' ')),
      family: clip(families.slice(0, 4).join(' ')),
    };
    if (one.given === '' && one.family === '') continue;
    if (
      names.length < featureLimits.names &&
      !names.some((other) => other.given === one.given && other.family === one.family)
    )
      names.push(one);
  }
  return { names, suffix };
}

const clip = (text: string): string => text.slice(0, featureLimits.text).trimEnd();

function sexOf(text: string): Features['sex'] {
  const first = text.trim().toUpperCase();
  if (first === 'M' || first === 'MALE' || first === 'MAN') return 'M';
  return first === 'F' || first === 'FEMALE' || first === 'WOMAN' ? 'F' : '';
}

/** The last ten digits; empty where too few or typed to fill the field. */
function foldPhone(text: string): string {
  const digits = digitsOf(text).slice(-10);
  return digits.length < 7 || isFilling(digits) || isFilling(digits.slice(-7)) ? '' : digits;
}

function foldEmail(text: string): string {
  const folded = text
    .trim()
    .slice(0, 100)
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}@.+_-]/gu, '');
  return folded.length < 5 || /^(none|no|unknown|noemail|test|na)@/.test(folded)
    ? ''
    : folded.slice(0, featureLimits.text);
}

function unique(texts: readonly string[], most: number): string[] {
  return [...new Set(texts.filter((text) => text !== ''))].slice(0, most);
}

function foldNumbers(numbers: NonNullable<Facts['numbers']>): NumberFeature[] {
  const found: NumberFeature[] = [];
  for (const { kind, authority = '', value } of numbers) {
    const one = foldNumber(kind, authority, value);
    if (one === undefined || found.length >= featureLimits.numbers) continue;
    if (
      !found.some((other) => other.kind === one.kind && other.authority === one.authority && other.value === one.value)
    )
      found.push(one);
  }
  return found;
}

function foldNumber(kind: NumberFeature['kind'], authority: string, value: string): NumberFeature | undefined {
  const folded = foldText(value, 30).replaceAll(' ', '');
  if (kind === 'national' && authority === '' && /^\d+$/.test(folded)) {
    if (folded.length === 4) return folded === '0000' ? undefined : { kind: 'last4', authority: '', value: folded };
    if (folded.length === 9 && socialSecurityNumber(folded) === undefined) return undefined;
  }
  if (folded.length < 4 || isFilling(folded)) return undefined;
  return { kind, authority: foldText(authority, 40), value: folded };
}

const streetWords: Record<string, string> = {
  STREET: 'ST',
  STR: 'ST',
  AVENUE: 'AVE',
  AV: 'AVE',
  ROAD: 'RD',
  DRIVE: 'DR',
  LANE: 'LN',
  COURT: 'CT',
  PLACE: 'PL',
  CIRCUIT: 'CCT',
  CRESCENT: 'CRES',
  CIRCLE: 'CIR',
  PARKWAY: 'PKWY',
  HIGHWAY: 'HWY',
  BOULEVARD: 'BLVD',
  BOUL: 'BLVD',
  TERRACE: 'TER',
  TCE: 'TER',
  SQUARE: 'SQ',
  TRAIL: 'TRL',
  EXTENSION: 'EXT',
  EXTENSIONS: 'EXT',
  MOUNT: 'MT',
  FORT: 'FT',
  SAINT: 'ST',
  NORTH: 'N',
  SOUTH: 'S',
  EAST: 'E',
  WEST: 'W',
  APARTMENT: 'APT',
  SUITE: 'STE',
  UNIT: 'APT',
  FLAT: 'APT',
  FLT: 'APT',
  ROOM: 'RM',
  BUILDING: 'BLDG',
  FLOOR: 'FL',
};
const unitWord = /^(APT|STE|RM|BLDG|FL|LOT|SPC|TRLR)$/;

function foldAddresses(addresses: NonNullable<Facts['addresses']>): AddressFeature[] {
  const found: AddressFeature[] = [];
  for (const address of addresses.slice(0, featureLimits.addresses)) {
    const one = foldAddress(address);
    if (Object.values(one).some((text) => text !== '')) found.push(one);
  }
  return found;
}

function foldAddress({
  house = '',
  lines = [],
  unit = '',
  city = '',
  state = '',
  postcode = '',
}: NonNullable<Facts['addresses']>[number]): AddressFeature {
  const texts = lines.map((line) => foldText(line, featureLimits.text)).filter((line) => line !== '');
  // `C/O PROGRAM`, `2000 MAIN ST`: the line with a number in front is the street.
  const main = texts.findIndex((line) => /^\d/.test(line));
  const first = main > 0 ? main : 0;
  const words = (texts[first] ?? '')
    .split(' ')
    .filter((word) => word !== '')
    .map(shortened);
  let number = foldText(house, 12)
    .replaceAll(' ', '')
    .replace(/^0+(?=.)/, '');
  if (number === '' && words.length > 1 && /^\d+[A-Z]?$/.test(words[0]!))
    number = words.shift()!.replace(/^0+(?=.)/, '');
  const at = words.findIndex((word, index) => index > 0 && unitWord.test(word));
  const units = [...(at > 0 ? words.splice(at) : []), ...nameWords(unit).map(shortened)];
  for (const [index, line] of texts.entries()) if (index !== first) units.push(...line.split(' ').map(shortened));
  const code = foldText(postcode, 12).replaceAll(' ', '');
  return {
    house: isFilling(number) && number.length > 4 ? '' : number,
    street: clip(words.join(' ')),
    unit: clip(
      units
        .filter((word) => !unitWord.test(word))
        .map((word) => word.replace(/^0+(?=.)/, ''))
        .join(' '),
    ),
    city: clip(foldText(city).split(' ').map(shortened).join(' ').trim()),
    state: clip(foldText(state, 30)),
    postcode: foldPostcode(code),
  };
}

const shortened = (word: string): string => streetWords[word] ?? word;

/** ZIP+4 to its five digits, a ZIP that lost its nought gets it back; empty where typed to fill the field. */
function foldPostcode(code: string): string {
  const short = /^\d{9}$/.test(code) ? code.slice(0, 5) : code;
  return short.length < 3 || (isFilling(short) && short.length > 4) || /^0+$/.test(short) ? '' : short;
}
