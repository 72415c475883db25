/**
 * A population for the bench of the patient index, made by a seed: names as common and as rare as in life, households that share a name, an address
 * and a telephone, twins, juniors; and a second record of somebody as another hospital would have written it, slips included. Nobody in it is real.
 */
import type { Patient } from '@medplum/fhirtypes';
import { nameFrequencies } from '../../../schemas/mpi/name-frequencies.ts';
import { chance, pick, weighted } from './random.ts';

export interface Population {
  /** Person `index`, from 0; the same patient every time. Number: `M` and nine digits. */
  personAt(index: number): Patient;
  /** The same person as another hospital wrote them down: about one field in eight differs or is not told. */
  secondRecordOf(index: number): Patient;
}

const HOUSE_MAX = 5;
const TWINS = 0.02;
const JUNIORS = 0.04;
const RARE_FAMILIES = 40_000;
const RARE_GIVENS = 4_000;
const SYLLABLES =
  'ba be bi bo bra da del di dor en fal fi ga gre ha hol in ka kel la lin lo mar mel mi na nor o pa per ra ri ro sa sen so ta tel to tra va ver vi wa wen ya zel'.split(
    ' ',
  );
const STREETS =
  'Main Oak Elm Maple Cedar Park Lake Hill Church Mill River Spring Walnut Chestnut Washington Franklin Jefferson Lincoln Sunset Highland Meadow Forest'.split(
    ' ',
  );
const KINDS = ['Street', 'Avenue', 'Road', 'Lane', 'Drive', 'Court'];
const PLACES = 900;

export function makePopulation(seed: number): Population {
  const family = namesOf(nameFrequencies.family.of, RARE_FAMILIES, seed);
  const given = namesOf(nameFrequencies.given.of, RARE_GIVENS, seed + 1);
  const houseAt = (house: number) => householdOf({ family, given }, seed, house);
  const personAt = (index: number): Patient => {
    // Each household has as many places as its largest may have; small ones lend theirs to people who live alone.
    const house = houseAt(Math.floor(index / HOUSE_MAX));
    const member = house[index % HOUSE_MAX] ?? houseAt(ALONE + index)[0]!;
    return { ...member, identifier: [{ value: `M${String(index).padStart(9, '0')}` }, ...(member.identifier ?? [])] };
  };
  return {
    personAt,
    secondRecordOf: (index) => withSlips(personAt(index), chance(seed * 31 + index), family),
  };
}

/** Households from here on are for those who live alone. */
const ALONE = 1_000_000_000;

type Draw = (random: () => number) => string;

/** Common names by their share, and rare ones that share the rest as a long tail. */
function namesOf(common: Record<string, number>, rare: number, seed: number): Draw {
  const random = chance(seed);
  const told = Object.entries(common).map(([name, share]) => [titled(name), share] as const);
  const left = Math.max(0.2, 1 - told.reduce((sum, [, share]) => sum + share, 0));
  const tail = Array.from({ length: rare }, (_, at) => [rareName(random), 1 / (at + rare / 40)] as const);
  const tailSum = tail.reduce((sum, [, share]) => sum + share, 0);
  return weighted([...told, ...tail.map(([name, share]) => [name, (share / tailSum) * left] as const)]);
}

function rareName(random: () => number): string {
  const count = 2 + Math.floor(random() * 3);
  return titled(Array.from({ length: count }, () => pick(random, SYLLABLES)).join(''));
}

function titled(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1).toLowerCase();
}

function householdOf({ family, given }: { family: Draw; given: Draw }, seed: number, house: number): Patient[] {
  const random = chance(seed * 7_919 + house);
  const size = house >= ALONE ? 1 : 1 + Math.floor(random() * random() * HOUSE_MAX + random());
  const surname = family(random);
  const place = Math.floor(random() * PLACES);
  const home = {
    line: [`${1 + Math.floor(random() * 2_400)} ${pick(random, STREETS)} ${pick(random, KINDS)}`],
    city: `${pick(random, STREETS)}${place % 2 === 0 ? 'ville' : ' Falls'}`,
    state: 'NY',
    postalCode: String(10_000 + place * 7),
  };
  const phone = `${200 + (place % 700)}${String(Math.floor(random() * 1e7)).padStart(7, '0')}`;
  const members: Patient[] = [];
  for (let at = 0; at < size; at += 1) {
    const twin = at >= 3 && random() < TWINS * 10 ? members[at - 1] : undefined;
    const year = at < 2 ? 1935 + Math.floor(random() * 65) : 2000 + Math.floor(random() * 26);
    const junior = at === 2 && random() < JUNIORS * 3 ? members[0] : undefined;
    members.push({
      resourceType: 'Patient',
      name: [
        {
          family: at === 1 && random() < 0.2 ? family(random) : surname,
          given: [junior?.name?.[0]?.given?.[0] ?? given(random)],
          ...(junior === undefined ? {} : { suffix: ['Jr'] }),
        },
      ],
      gender: junior?.gender ?? (random() < 0.5 ? 'male' : 'female'),
      birthDate: twin?.birthDate ?? dateOf(year, random),
      address: [home],
      telecom: [
        { system: 'phone', value: at < 2 || random() < 0.7 ? phone : phone.slice(0, 6) + String(at).padStart(4, '7') },
      ],
      ...(random() < 0.6 ? { identifier: [socialSecurityOf(random)] } : {}),
    });
  }
  return members;
}

function dateOf(year: number, random: () => number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${year}-${two(1 + Math.floor(random() * 12))}-${two(1 + Math.floor(random() * 28))}`;
}

function socialSecurityOf(random: () => number): NonNullable<Patient['identifier']>[number] {
  const area = 100 + Math.floor(random() * 560);
  const rest = String(10_001 + Math.floor(random() * 980_000)).padStart(6, '1');
  return { system: 'http://hl7.org/fhir/sid/us-ssn', value: `${area}${rest}` };
}

function withSlips(patient: Patient, random: () => number, family: Draw): Patient {
  const [name] = patient.name!;
  const slips = (share: number): boolean => random() < share;
  const second: Patient = {
    ...patient,
    name: [
      {
        ...name,
        family: slips(0.03) ? family(random) : slips(0.08) ? misspelt(name!.family!, random) : name!.family!,
        given: [slips(0.1) ? misspelt(name!.given![0]!, random) : name!.given![0]!],
      },
    ],
    birthDate: slips(0.04) ? swapped(patient.birthDate!) : patient.birthDate!,
  };
  if (slips(0.15)) second.address = [{ ...patient.address![0]!, line: [`${Math.floor(random() * 900)} Elm Street`] }];
  if (slips(0.25)) delete second.telecom;
  if (slips(0.3)) second.identifier = (patient.identifier ?? []).slice(0, 1);
  return second;
}

/** Two neighbours swapped, or one letter gone. */
function misspelt(name: string, random: () => number): string {
  if (name.length < 3) return name;
  const at = 1 + Math.floor(random() * (name.length - 2));
  return random() < 0.5
    ? name.slice(0, at) + name[at + 1] + name[at] + name.slice(at + 2)
    : name.slice(0, at) + name.slice(at + 1);
}

/** Day and month swapped where both may be a month. */
function swapped(date: string): string {
  const [year, month, day] = date.split('-');
  return Number(day) <= 12 ? `${year}-${day}-${month}` : date;
}
