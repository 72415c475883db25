/** Texts of a patient brought to one form, and what was typed only because a field had to be filled. */

const wordMax = 40;
const textMax = 80;

/** Upper case without marks, words of letters and digits of any script joined by one blank: `Garc\u00eda-L\u00f3pez` becomes `GARCIA LOPEZ`. */
export function foldText(text: string, max = textMax): string {
  // Apostrophes join (O'Brien), everything else that is no letter or digit parts.
  return text
    .slice(0, max * 4)
    .normalize('NFKD')
    .toUpperCase()
    .replace(/['\u2018\u2019`\u00b4\p{M}]/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .slice(0, max)
    .trimEnd();
}

/** Folded words of a name. */
export function nameWords(text: string): string[] {
  const folded = foldText(text);
  return folded === '' ? [] : folded.split(' ').map((word) => word.slice(0, wordMax));
}

const namePlaceholders = new Set(
  (
    'UNKNOWN UNK UNKN UNKNWN NONE NA NULL NIL NOTKNOWN NOTGIVEN NOTAVAILABLE UNIDENTIFIED UNNAMED NONAME NAME NOFIRSTNAME NOLASTNAME ' +
    'ANONYMOUS ANON REFUSED DECLINED PENDING TBD TBA TRAUMA EMERGENCY PATIENT PT DUMMY DEMO SAMPLE EXAMPLE FICTITIOUS DONOTUSE DONTUSE DELETE DELETED ' +
    'FEMALE MALE FIRST LAST FIRSTNAME LASTNAME SURNAME ABC ABCD XYZ ASDF QWERTY'
  ).split(' '),
);

/** Was the name typed to fill the field? */
export function isPlaceholderName(word: string): boolean {
  return (
    namePlaceholders.has(word) ||
    /^(UNKNOWN|TRAUMA)[A-Z]?\d*$/.test(word) ||
    /^(.)\1{2,}$/u.test(word) ||
    /^\d+$/.test(word) ||
    /^Z{3,}/.test(word)
  );
}

const newbornWords = new Set(
  'BABY BABYBOY BABYGIRL BABYB BABYG BABYA BB BG BOY GIRL NB NEWBORN NEWBORNBOY NEWBORNGIRL INFANT INFANTBOY INFANTGIRL TWIN TWINA TWINB TRIPLET'.split(
    ' ',
  ),
);

/** `BABY BOY`, `BB`, `TWIN A`: a child that has no given name yet. */
export function isNewbornName(words: readonly string[]): boolean {
  const [first] = words;
  if (first === undefined) return false;
  return newbornWords.has(first) || /^(BABY|NEWBORN|INFANT|TWIN|TRIPLET)[A-Z]?\d*$/.test(first);
}

/** A given or family name of somebody who is not there: `TEST`, `ZZTEST`, `ZZZ`. */
export function isTestName(words: readonly string[]): boolean {
  return /^ZZ/.test(words[0] ?? '') || words.some((word) => /^(TEST|TESTING|TESTPATIENT|TESTPT)\d*$/.test(word));
}

/** One digit or letter again and again, or counting up or down. */
export function isFilling(text: string): boolean {
  return /^(.)\1*$/.test(text) || '01234567890123456789'.includes(text) || '98765432109876543210'.includes(text);
}

/** Digits of a text. */
export const digitsOf = (text: string): string => text.slice(0, 60).replace(/\D/g, '');

/**
 * A birth date as number `YYYYMMDD` with 00 for parts not told; undefined where it can be nobody's: no such day, before 1880, or typed to fill the
 * field. Takes ISO dates and parts of them, `YYYYMMDD`, `M/D/YYYY` and `M/D/YY` (a year of two digits is the newest that is not after `yearNow`).
 */
export function birthNumber(text: string, yearNow: number): number | undefined {
  const trimmed = text.trim().slice(0, 40);
  const iso = /^(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?)?(?:[T ].*|\d{4,6})?$/.exec(trimmed);
  const us = iso === null ? /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})$/.exec(trimmed) : null;
  if (iso === null && us === null) return undefined;
  let [year, month, day] =
    iso !== null
      ? [Number(iso[1]), Number(iso[2] ?? 0), Number(iso[3] ?? 0)]
      : [Number(us![3]), Number(us![1]), Number(us![2])];
  if (us?.[3]?.length === 2) year += year + 2000 <= yearNow ? 2000 : 1900;
  if (us !== null && month > 12 && day <= 12) [month, day] = [day, month];
  if (year < 1880 || year > yearNow + 1) return undefined;
  if (month > 12 || day > 31 || (month === 0 && day !== 0)) return undefined;
  const date = new Date(Date.UTC(year, Math.max(0, month - 1), day || 1));
  if (month !== 0 && date.getUTCMonth() !== month - 1) return undefined;
  const number = year * 10_000 + month * 100 + day;
  return fillingBirths.has(number) ? undefined : number;
}

/** 1900-01-01 and its like; 1 January of other years is kept and weighs less. */
const fillingBirths = new Set([19000101, 19010101, 19111111, 18800101]);

/** Nine digits that the Social Security Administration may have given, and none of the famous ones; undefined otherwise. */
export function socialSecurityNumber(text: string): string | undefined {
  const digits = digitsOf(text);
  if (digits.length !== 9) return undefined;
  const area = digits.slice(0, 3);
  if (area === '000' || area === '666' || digits.slice(3, 5) === '00' || digits.endsWith('0000')) return undefined;
  return isFilling(digits) || digits === '078051120' || digits === '219099999' ? undefined : digits;
}
