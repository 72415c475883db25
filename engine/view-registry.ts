/** A person across hospitals: numbers with where they came from, what each node fed side by side, documents with their homes. Pure. */
import type { DocumentReference, Patient } from '@medplum/fhirtypes';
import type { NodeRole } from '../schemas/exchange.ts';
import type { AuditEntry, Entry, Identifier, Person, StoredDocument } from '../schemas/parts.ts';
import type { LocalPatientView, NumberView, RegistryDocumentView, RegistryView } from '../schemas/portal-exchange.ts';
import { nameOfPatient } from './view-record.ts';

export interface RegistryParts {
  /** `id`: its name in the settings. */
  node: { id: string; name: string; role: NodeRole };
  person: Person;
  /** Of type Patient and DocumentReference, removed ones too. */
  entries: Entry[];
  /** Documents that lie here. */
  documents: Omit<StoredDocument, 'bytes' | 'signature'>[];
  /** Acts of disclosure of this person's things. */
  disclosures: AuditEntry[];
  /** Branch under which MIX numbers are given, `urn:oid:...`; undefined where the node is in no exchange. */
  mixSystem: string | undefined;
  /** Systems of the X-PIDs of regions, `urn:oid:...`. */
  xpidSystems: ReadonlySet<string>;
  facilityOf(sourceId: string): string;
}

const iso = (at: number): string => new Date(at).toISOString();

export function registryOf(parts: RegistryParts): RegistryView {
  const { person, node } = parts;
  const fed = parts.entries.filter((entry) => entry.type === 'Patient');
  const locals = fed
    .map((entry) => localOf(parts, entry))
    .toSorted((a, b) => Number(a.gone) - Number(b.gone) || a.node.localeCompare(b.node));
  const byKey = new Map(fed.map((entry) => [entry.key, entry]));
  const numbers = person.identifiers
    .map((one) => numberOf(parts, one, byKey.get(`Patient|${one.system}|${one.value}`)))
    .toSorted((a, b) => weight(a) - weight(b));
  const view: RegistryView = {
    numbers,
    locals,
    facts: node.role === 'hospital' ? [] : factsOf(locals, fed),
    documents: node.role === 'hospital' ? ownDocuments(parts) : filedDocuments(parts),
  };
  const mix = numbers.find((one) => one.mark === 'mix')?.value;
  const xpid = node.role === 'region' ? person.id : numbers.find((one) => one.mark === 'xpid')?.value;
  if (mix !== undefined) view.mixNumber = mix;
  if (xpid !== undefined) view.xpid = xpid;
  return view;
}

const weight = (number: NumberView): number => (number.mark === 'mix' ? 0 : number.mark === 'xpid' ? 1 : 2);

function numberOf(parts: RegistryParts, number: Identifier, fed: Entry | undefined): NumberView {
  const { person } = parts;
  const { type, value, system, sourceId } = number;
  const view: NumberView = { type, value, system, from: parts.facilityOf(sourceId) };
  if (system === parts.mixSystem) view.mark = 'mix';
  else if (parts.xpidSystems.has(system)) view.mark = 'xpid';
  // A node gives its own numbers when it makes the person.
  const given = number.sourceId === parts.node.id && view.mark !== undefined ? person.createdAt : undefined;
  const at = number.at ?? fed?.sourceTime ?? given;
  if (at !== undefined) view.at = iso(at);
  return view;
}

function localOf(parts: RegistryParts, entry: Entry): LocalPatientView {
  const [, system = '', ...rest] = entry.key.split('|');
  const value = rest.join('|');
  const body = entry.body as Patient;
  const type = body.identifier?.find((one) => one.system === system && one.value === value)?.type?.coding?.[0]?.code;
  const from = parts.facilityOf(entry.sourceId);
  return {
    node: from,
    number: { type: type ?? 'MR', value, system, from, at: iso(entry.sourceTime) },
    fedAt: iso(entry.sourceTime),
    gone: entry.removed || body.active === false,
  };
}

const FACTS: { field: string; title: string; read: (patient: Patient) => string }[] = [
  { field: 'name', title: 'Name', read: nameOfPatient },
  { field: 'birthDate', title: 'Born', read: (patient) => patient.birthDate ?? '' },
  { field: 'gender', title: 'Sex', read: (patient) => patient.gender ?? '' },
  { field: 'address', title: 'Address', read: addressOf },
  { field: 'phone', title: 'Phone', read: (patient) => telecomOf(patient, 'phone') },
  { field: 'email', title: 'E-mail', read: (patient) => telecomOf(patient, 'email') },
  {
    field: 'language',
    title: 'Language',
    read: (patient) => patient.communication?.[0]?.language.coding?.[0]?.code ?? '',
  },
  { field: 'deceased', title: 'Died', read: deceasedOf },
];

/** Only what somebody told; a difference counts among those that told it, whatever the letters' case. */
function factsOf(locals: LocalPatientView[], fed: Entry[]): RegistryView['facts'] {
  const bodyOf = new Map(fed.map((entry) => [entry.key, entry.body as Patient]));
  return factsBeside(locals.map(({ number }) => bodyOf.get(`Patient|${number.system}|${number.value}`)));
}

/** Facts of several patients side by side: only what somebody told. */
export function factsBeside(bodies: readonly (Patient | undefined)[]): RegistryView['facts'] {
  return FACTS.map(({ field, title, read }) => {
    const values = bodies.map((body) => (body === undefined ? '' : read(body)));
    const told = new Set(values.filter((value) => value !== '').map((value) => value.toLowerCase()));
    return { field, title, values, differ: told.size > 1 };
  }).filter(({ values }) => values.some((value) => value !== ''));
}

function addressOf({ address }: Patient): string {
  const first = address?.[0];
  if (first === undefined) return '';
  return [...(first.line ?? []), first.city, first.state, first.postalCode].filter(Boolean).join(', ');
}

const telecomOf = (patient: Patient, system: string): string =>
  patient.telecom?.find((one) => one.system === system)?.value ?? '';

function deceasedOf(patient: Patient): string {
  if (patient.deceasedDateTime !== undefined) return patient.deceasedDateTime;
  return patient.deceasedBoolean === true ? 'yes' : '';
}

/** At a hospital: what it made itself. */
function ownDocuments({ node, documents, disclosures }: RegistryParts): RegistryDocumentView[] {
  return documents
    .toSorted((a, b) => b.createdAt - a.createdAt)
    .map((document) => ({
      id: document.id,
      title: `CCD version ${document.version}`,
      createdAt: iso(document.createdAt),
      state: document.state,
      home: node.name,
      keptHere: true,
      retrieved: retrievedOf(disclosures, [document.id]),
    }));
}

/** At a region: what its hospitals registered. */
function filedDocuments({ entries, documents, disclosures, facilityOf }: RegistryParts): RegistryDocumentView[] {
  return entries
    .filter((entry) => entry.type === 'DocumentReference')
    .map((entry) => {
      const body = entry.body as DocumentReference;
      const { attachment } = body.content[0] ?? {};
      const names = [entry.id, body.masterIdentifier?.value ?? '', attachment?.url ?? ''].filter(Boolean);
      const kept = documents.find(({ id }) => names.some((name) => name.includes(id)));
      const view: RegistryDocumentView = {
        id: entry.id,
        title:
          body.description ?? attachment?.title ?? body.type?.text ?? body.type?.coding?.[0]?.display ?? 'Document',
        createdAt: attachment?.creation ?? body.date ?? iso(entry.sourceTime),
        state: entry.removed || body.status === 'entered-in-error' ? 'deprecated' : body.status,
        home: facilityOf(entry.sourceId),
        keptHere: kept !== undefined,
        retrieved: retrievedOf(disclosures, kept === undefined ? [entry.id] : [entry.id, kept.id]),
      };
      if (attachment?.contentType !== undefined) view.mediaType = attachment.contentType;
      if (attachment?.size !== undefined) view.bytes = attachment.size;
      return view;
    })
    .toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
}

/** Who retrieved it, each once with the last time, the latest first. */
function retrievedOf(disclosures: AuditEntry[], ids: string[]): RegistryDocumentView['retrieved'] {
  const last = new Map<string, number>();
  for (const { at, who, thing, outcome } of disclosures) {
    // What this node itself sent stands among the deliveries.
    if (who === 'node' || thing === undefined || !ids.includes(thing) || outcome !== 'Permit') continue;
    last.set(who, Math.max(at, last.get(who) ?? 0));
  }
  return [...last].toSorted(([, a], [, b]) => b - a).map(([by, at]) => ({ by, at: iso(at) }));
}
