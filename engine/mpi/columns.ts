/** Columns of a patient list told by their names, and a row of it as features. */
import { type Facts, type Features, makeFeatures } from './features.ts';

/** What a column holds. */
export const columnRoles = [
  'id',
  'given',
  'middle',
  'family',
  'name',
  'suffix',
  'maiden',
  'birth',
  'sex',
  'order',
  'house',
  'address',
  'address2',
  'unit',
  'city',
  'state',
  'postcode',
  'phone',
  'email',
  'ssn',
  'licence',
  'insurance',
] as const;
export type ColumnRole = (typeof columnRoles)[number];

const aliases: Record<ColumnRole, string> = {
  id: 'recid id uniqueid recordid rowid',
  given: 'givenname given firstname first forename fname forename1 givennames patientfirstname namefirst',
  middle: 'middlename middle middlenames middleinitial mname secondname forename2',
  family: 'surname family familyname lastname last lname patientlastname namelast',
  name: 'name fullname patientname',
  suffix: 'suffix namesuffix generation',
  maiden: 'maiden maidenname birthname birthsurname formername previousname',
  birth: 'dateofbirth dob birthdate birth birthday patientbirthdate dateborn bdate',
  sex: 'sex gender administrativesex',
  order: 'birthorder multiplebirthorder twinorder',
  house: 'streetnumber housenumber house addressnumber',
  address: 'address address1 addressline1 line1 street streetaddress streetname addr addr1 residence',
  address2: 'address2 addressline2 line2 addr2 street2 locality',
  unit: 'unit apartment apt flat',
  city: 'city suburb town municipality place birthplace',
  state: 'state province region stateprovince',
  postcode: 'postcode zip zipcode postalcode postal postcodefake',
  phone: 'phone telephone phonenumber tel mobile cell homephone phone1 cellphone',
  email: 'email emailaddress mail',
  ssn: 'ssn socsecid socialsecurity socialsecuritynumber socsec nationalid nhsnumber nin ss',
  licence: 'driverlicence driverslicence driverlicense driverslicense dl licence license passport',
  insurance: 'insurance insurancenumber insuranceid memberid policynumber medicareid medicaidid mbi',
};

const roleOfAlias = new Map(
  columnRoles.flatMap((role) => aliases[role].split(' ').map((alias) => [alias, role] as const)),
);

/** Columns by role; a column that is not known is left out. `given`: roles that the caller names, by column name. */
export function recogniseColumns(
  names: readonly string[],
  given: ReadonlyMap<string, ColumnRole> = new Map(),
): Map<ColumnRole, number[]> {
  const found = new Map<ColumnRole, { at: number; rank: number }[]>();
  const chosen = new Set(given.values());
  for (const [at, name] of names.entries()) {
    const trimmed = name.trim();
    const named = given.get(trimmed);
    const alias = trimmed
      .normalize('NFKD')
      .toLowerCase()
      .replace(/[^a-z0-9]/g, '');
    const role = named ?? roleOfAlias.get(alias);
    if (role === undefined || (named === undefined && chosen.has(role))) continue;
    // Of several columns the one with the plainest name comes first.
    const rank = named === undefined ? aliases[role].split(' ').indexOf(alias) : -1;
    found.set(role, [...(found.get(role) ?? []), { at, rank }]);
  }
  return new Map(
    [...found].map(([role, columns]) => [role, columns.sort((a, b) => a.rank - b.rank).map(({ at }) => at)]),
  );
}

/** A row as features. `yearNow`: what years of two digits are read by. */
export function rowFeatures(
  row: readonly string[],
  columns: ReadonlyMap<ColumnRole, readonly number[]>,
  yearNow: number,
): Features {
  const all = (role: ColumnRole): string[] =>
    (columns.get(role) ?? []).map((at) => (row[at] ?? '').trim()).filter((text) => text !== '');
  const text = (role: ColumnRole): string => all(role)[0] ?? '';
  const whole = splitName(text('name'));
  const lines = [...all('address'), ...all('address2')].flatMap((line) => line.split(/\\n|\n/));
  const facts: Facts = {
    names: [
      {
        given: text('given') || whole.given,
        middle: text('middle'),
        family: text('family') || whole.family,
        suffix: text('suffix'),
      },
    ],
    maiden: text('maiden'),
    birth: text('birth'),
    sex: text('sex'),
    order: Number(text('order')) || 0,
    addresses: [
      {
        house: text('house'),
        lines,
        unit: text('unit'),
        city: text('city'),
        state: text('state'),
        postcode: text('postcode'),
      },
    ],
    phones: all('phone'),
    emails: all('email'),
    numbers: [
      ...all('ssn').map((value) => ({ kind: 'national' as const, value })),
      ...all('licence').map((value) => ({ kind: 'licence' as const, value })),
      ...all('insurance').map((value) => ({ kind: 'insurance' as const, value })),
    ],
  };
  return makeFeatures(facts, yearNow);
}

/** `Thornbury, Anna` and `Anna Thornbury`. */
function splitName(text: string): { given: string; family: string } {
  const comma = text.indexOf(',');
  if (comma >= 0) return { family: text.slice(0, comma), given: text.slice(comma + 1) };
  const words = text.trim().split(/\s+/);
  return words.length < 2
    ? { given: '', family: text }
    : { given: words.slice(0, -1).join(' '), family: words.at(-1)! };
}
