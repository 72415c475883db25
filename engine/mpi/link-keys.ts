/**
 * Texts by which the index links two records without a shared number: exact demographics, brought to one form.
 *
 * Every key has the first given name, the whole birth date and one more fact, so that twins and people of one house stay apart. What was
 * typed because a field had to be filled (999-99-9999, UNKNOWN, BABY BOY, 1900-01-01) and test patients give no key.
 */
import type { HumanName, Identifier, Patient } from '@medplum/fhirtypes';

const keysMax = 24;
const namesMax = 4;
const perKindMax = 4;

const ssnSystems = new Set(['http://hl7.org/fhir/sid/us-ssn', 'urn:oid:2.16.840.1.113883.4.1']);
/** Table 0203 types of numbers that a state gives to one person; a social security number is told by its type or its system. */
const nationalTypes = new Set(['NI', 'NH', 'HC', 'PPN', 'DL']);

/**
 * The keys of a patient, strongest first: social security number, other national number, postal code with sex, telephone. Empty where too little is
 * known. A demographic matcher (scores, near names) stands beside this, never in it.
 */
export function candidateKeys(patient: Patient): string[] {
  const birth = birthOf(patient.birthDate);
  if (birth === undefined) return [];
  const names = namesOf(patient.name ?? []);
  const givens = [...new Set(names.map(({ given }) => given))];
  const keys = new Set<string>();
  for (const number of nationalNumbers(patient.identifier ?? []))
    for (const given of givens) keys.add(`number|${number}|${birth}|${given}`);
  const sex = patient.gender === 'male' || patient.gender === 'female' ? patient.gender : undefined;
  for (const { family, given } of names) {
    if (sex !== undefined)
      for (const postcode of postcodes(patient)) keys.add(`home|${family}|${given}|${birth}|${sex}|${postcode}`);
  }
  for (const { family, given } of names)
    for (const phone of phones(patient)) keys.add(`phone|${family}|${given}|${birth}|${phone}`);
  return [...keys].slice(0, keysMax);
}

/** Upper case without marks, and only letters and digits of any script: `O'Brien` and `OBRIEN`, `Müller` and `MULLER` are one. */
export function foldName(text: string): string {
  return text
    .normalize('NFKD')
    .toUpperCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
    .slice(0, 100);
}

const namePlaceholders = new Set(
  (
    'UNKNOWN UNK UNKN UNKNWN NONE NA NULL NIL NOTKNOWN NOTGIVEN NOTAVAILABLE UNIDENTIFIED UNNAMED NONAME NAME NOFIRSTNAME NOLASTNAME ' +
    'ANONYMOUS ANON REFUSED DECLINED PENDING TBD TBA TRAUMA EMERGENCY PATIENT PT DUMMY DEMO SAMPLE EXAMPLE FICTITIOUS DONOTUSE DONTUSE DELETE DELETED ' +
    'BABY BABYBOY BABYGIRL BABYB BABYG BABYA BB BG BOY GIRL NEWBORN NEWBORNBOY NEWBORNGIRL INFANT INFANTBOY INFANTGIRL FEMALE MALE TWIN TWINA TWINB TRIPLET ' +
    'TEST TESTING TESTPATIENT TESTPT FIRST LAST FIRSTNAME LASTNAME SURNAME ABC ABCD XYZ ASDF QWERTY'
  ).split(' '),
);

/** A name that says who somebody is: not a placeholder, a test, an initial or one letter again and again. */
function tells(word: string): boolean {
  if (namePlaceholders.has(word) || /^(BABY|NEWBORN|INFANT|TWIN|TRIPLET|UNKNOWN|TEST|TRAUMA)[A-Z]?\d*$/.test(word))
    return false;
  if (/^ZZ/.test(word) || /^(.)\1*$/u.test(word) || /^\d+$/.test(word)) return false;
  return true;
}

/** `BABY BOY`, `BB SMITH`, `TEST ANNA`: one such word taints the whole name. */
function isTainted(name: HumanName): boolean {
  const words = [name.family ?? '', ...(name.given ?? [])].flatMap((text) => text.split(/[\s,-]+/)).map(foldName);
  return words.some((word) =>
    /^(BABY|BABYBOY|BABYGIRL|NEWBORN|INFANT|TEST|TESTPATIENT|ZZ.*|UNKNOWN|DONOTUSE)$/.test(word),
  );
}

function namesOf(names: readonly HumanName[]): { family: string; given: string }[] {
  const found: { family: string; given: string }[] = [];
  for (const name of names.slice(0, namesMax)) {
    if (name.use === 'anonymous' || name.use === 'temp' || isTainted(name)) continue;
    const family = foldName(name.family ?? '');
    const given = foldName((name.given?.[0] ?? '').trim().split(/\s+/)[0] ?? '');
    if ([...family].length < 2 || [...given].length < 2 || !tells(family) || !tells(given)) continue;
    if (family === 'DOE' && /^(JOHN|JANE|BABY)$/.test(given)) continue;
    if (!found.some((other) => other.family === family && other.given === given)) found.push({ family, given });
  }
  return found;
}

/** A whole date that somebody was born on; undefined for parts of one, dates that do not exist and those typed to fill the field. */
function birthOf(text: string | undefined): string | undefined {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text ?? '');
  if (parts === null) return undefined;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  if (year <= 1900 || year > 2199 || text === '1901-01-01' || text === '1911-11-11') return undefined;
  return text;
}

function nationalNumbers(identifiers: readonly Identifier[]): string[] {
  const found = new Set<string>();
  for (const one of identifiers.slice(0, 100)) {
    if (one.use === 'old' || one.use === 'temp') continue;
    const type = one.type?.coding?.[0]?.code ?? '';
    const value = (one.value ?? '').trim();
    if (type === 'SS' || ssnSystems.has(one.system ?? '')) {
      const ssn = socialSecurityNumber(value);
      if (ssn !== undefined) found.add(`ssn|${ssn}`);
    } else if (nationalTypes.has(type) && one.system !== undefined && one.system !== '') {
      const folded = foldName(value);
      if (folded.length >= 5 && !isFilling(folded)) found.add(`${one.system}|${folded}`);
    }
    if (found.size >= perKindMax) break;
  }
  return [...found];
}

/** Nine digits that the Social Security Administration may have given (area not 000, 666 or 900 up; group not 00; serial not 0000), and none of the famous ones. */
function socialSecurityNumber(text: string): string | undefined {
  const parts = /^(\d{3})[-\s]?(\d{2})[-\s]?(\d{4})$/.exec(text);
  if (parts === null) return undefined;
  const [, area = '', group, serial] = parts;
  const digits = `${area}${group}${serial}`;
  if (area === '000' || area === '666' || area[0] === '9' || group === '00' || serial === '0000') return undefined;
  if (isFilling(digits) || digits === '078051120' || digits === '219099999') return undefined;
  return digits;
}

/** One digit or letter again and again, or counting up or down. */
function isFilling(text: string): boolean {
  return /^(.)\1*$/.test(text) || '01234567890123456789'.includes(text) || '98765432109876543210'.includes(text);
}

function postcodes(patient: Patient): string[] {
  const found = new Set<string>();
  for (const address of (patient.address ?? []).slice(0, perKindMax)) {
    if (address.use === 'old' || address.use === 'temp' || address.use === 'work') continue;
    const text = foldName(address.postalCode ?? '');
    const code = /^\d{9}$/.test(text) ? text.slice(0, 5) : text;
    if (code.length >= 3 && !isFilling(code)) found.add(code);
  }
  return [...found];
}

function phones(patient: Patient): string[] {
  const found = new Set<string>();
  for (const contact of patient.telecom ?? []) {
    if (contact.system !== undefined && contact.system !== 'phone' && contact.system !== 'sms') continue;
    if (contact.use === 'old' || contact.use === 'temp' || contact.use === 'work') continue;
    const digits = (contact.value ?? '').replace(/\D/g, '').slice(-10);
    if (digits.length < 7 || isFilling(digits) || isFilling(digits.slice(-7))) continue;
    found.add(digits);
    if (found.size >= perKindMax) break;
  }
  return [...found];
}
