/**
 * Features as a small row of bytes (about 100 to 250) and back: what the store seals for every local patient.
 *
 * One byte of version, then UTF-8: the parts stand in a fixed order, parted by the information separators of ASCII (X3.4), which folded texts never
 * hold.
 */
import { MixError } from '../../schemas/errors/index.ts';
import { type FeatureFlag, type Features, featureLimits, type NumberFeature } from './features.ts';

const version = 1;
const [group, record, unit] = ['\u001d', '\u001e', '\u001f'];
const flagLetters: Record<FeatureFlag, string> = { newborn: 'n', test: 't', placeholder: 'p', multiple: 'm' };
const kindLetters: Record<NumberFeature['kind'], string> = {
  national: 'n',
  last4: '4',
  licence: 'l',
  insurance: 'i',
  other: 'o',
};
const bytesMax = 8192;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The features as bytes; what `unpackFeatures` reads. */
export function packFeatures(features: Features): Uint8Array {
  const parts = [
    features.names.map((one) => [one.given, one.middle, one.family].join(unit)).join(record),
    features.maiden,
    features.suffix,
    features.birth === 0 ? '' : features.birth.toString(36),
    features.sex,
    features.order === 0 ? '' : String(features.order),
    features.addresses
      .map((one) => [one.house, one.street, one.unit, one.city, one.state, one.postcode].join(unit))
      .join(record),
    features.phones.join(record),
    features.emails.join(record),
    features.numbers.map((one) => [kindLetters[one.kind], one.authority, one.value].join(unit)).join(record),
    features.flags.map((flag) => flagLetters[flag]).join(''),
  ];
  const text = encoder.encode(parts.join(group));
  const bytes = new Uint8Array(text.length + 1);
  bytes[0] = version;
  bytes.set(text, 1);
  return bytes;
}

/** The features of packed bytes. Throws `mpi.features` where they are not what `packFeatures` writes. */
export function unpackFeatures(bytes: Uint8Array): Features {
  if (bytes[0] !== version || bytes.length > bytesMax) throw new MixError('mpi.features', { detail: 'version' });
  let text: string;
  try {
    text = decoder.decode(bytes.subarray(1));
  } catch (cause) {
    throw new MixError('mpi.features', { detail: 'not UTF-8', cause });
  }
  const parts = text.split(group);
  if (parts.length !== 11) throw new MixError('mpi.features', { detail: 'parts' });
  const [names, maiden, suffix, birth, sex, order, addresses, phones, emails, numbers, flags] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return {
    names: rows(names, 3, featureLimits.names).map(([given, middle, family]) => ({
      given: given!,
      middle: middle!,
      family: family!,
    })),
    maiden,
    suffix,
    birth: birth === '' ? 0 : Number.parseInt(birth, 36) || 0,
    sex: sex === 'M' || sex === 'F' ? sex : '',
    order: order === '' ? 0 : Number(order) || 0,
    addresses: rows(addresses, 6, featureLimits.addresses).map(([house, street, unitText, city, state, postcode]) => ({
      house: house!,
      street: street!,
      unit: unitText!,
      city: city!,
      state: state!,
      postcode: postcode!,
    })),
    phones: list(phones),
    emails: list(emails),
    numbers: rows(numbers, 3, featureLimits.numbers).map(([kind, authority, value]) => ({
      kind: kindOf(kind!),
      authority: authority!,
      value: value!,
    })),
    flags: (Object.keys(flagLetters) as FeatureFlag[]).filter((flag) => flags.includes(flagLetters[flag])).sort(),
  };
}

const list = (text: string): string[] => (text === '' ? [] : text.split(record));

function rows(text: string, width: number, most: number): string[][] {
  const found = list(text).map((row) => row.split(unit));
  if (found.length > most || found.some((row) => row.length !== width))
    throw new MixError('mpi.features', { detail: 'rows' });
  return found;
}

function kindOf(letter: string): NumberFeature['kind'] {
  const kinds = Object.keys(kindLetters) as NumberFeature['kind'][];
  const kind = kinds.find((one) => kindLetters[one] === letter);
  if (kind === undefined) throw new MixError('mpi.features', { detail: 'kind of number' });
  return kind;
}
