import { group, known, maybe, oid, oneOf, path, text } from './manifest.ts';

function isZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}

export const node = group('The node itself', {
  name: text('name of the node, shown on its pages and in its certificate', { max: 64 }),
  role: oneOf(['hospital', 'region', 'global'], 'what the node is', { default: 'hospital' }),
  facility: text('short name of the facility, MSH-4 of what the node sends', { max: 20 }),
  zone: known(
    'an IANA time zone such as Europe/Lisbon',
    isZone,
    'time zone of the hospital, for times that come without one',
  ),
  dataDir: path('folder', 'where the node keeps its data', { default: 'data' }),
  organization: group('The hospital as author and custodian of documents', {
    name: text('full name'),
    oid: oid('OID of the organisation, root of its document ids'),
    address: group('Postal address', {
      street: text('street and number'),
      city: text('city'),
      state: maybe(text('state or province')),
      postalCode: text('postal code', { max: 20 }),
      country: text('country, two letters', { max: 2, default: 'US' }),
    }),
    telecom: text('telephone number as an address, such as tel:+1-555-0100'),
  }),
});

export const log = group('The log of the node: ids, codes and counts, never patient data', {
  level: oneOf(['debug', 'info', 'warn', 'error'], 'least grave level that is written', { default: 'info' }),
});
