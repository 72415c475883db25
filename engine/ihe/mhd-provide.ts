/** Provide Document Bundle from another node: read, and checked against the profile that it claims (IHE MHD, ITI-65). Pure. */
import type { Bundle, BundleEntry, DocumentReference, List, Resource } from '@medplum/fhirtypes';
import { z } from 'zod';
import { MixError } from '../../schemas/errors/index.ts';
import { sha1Of, uri } from './mhd-make.ts';
import {
  binaryShape,
  claimedLevel,
  documentFaults,
  documentReferenceShape,
  listShape,
  listTypes,
  type MetadataLevel,
  patientShape,
  stricter,
  submissionFaults,
} from './mhd-profile.ts';
import { type PatientNumber, sameNumber, tokenOf } from './numbers.ts';
import { checkBounds, metaShape, readShape } from './shape.ts';

/** One document of a bundle that holds. */
export interface ProvidedDocument {
  /** `Bundle.entry[1].resource` */
  place: string;
  master: { system: string; value: string };
  reference: DocumentReference;
  patient: PatientNumber;
  /** Master identifiers of what it replaces. */
  replaces: { system: string; value: string }[];
  mediaType: string;
  /** Where it lies, when its bytes are not in the bundle. */
  url?: string;
  bytes?: Buffer;
}

export interface ProvidedBundle {
  level: MetadataLevel;
  documents: ProvidedDocument[];
  /** What each entry is, in order, for the answer. */
  entries: ('submission' | 'document' | 'binary' | 'folder' | 'patient' | 'update')[];
}

const entriesMax = 200;
const listed = new Set(['data']);

const bundleShape = z.looseObject({
  resourceType: z.literal('Bundle'),
  meta: metaShape.optional(),
  type: z.string().max(64),
  entry: z
    .array(
      z.looseObject({
        fullUrl: z.string().max(1_024).optional(),
        resource: z.looseObject({ resourceType: z.string().max(64) }),
        request: z.looseObject({ method: z.string().max(16), url: z.string().max(1_024) }),
      }),
    )
    .max(entriesMax),
});

/**
 * Reads an ITI-65 request and checks it against the profile that it claims. Throws `exchange.malformed` (not such a bundle), `exchange.profile` (with the
 * place of the first thing that the profile wants otherwise), `exchange.document-too-large` and `exchange.digest`. `bytesMax` bounds each document.
 */
export function readProvideBundle(body: unknown, bytesMax: number): ProvidedBundle {
  checkBounds(body, 'Bundle', listed);
  const bundle = readShape(bundleShape, body, 'Bundle');
  const level = claimedLevel(bundle.meta?.profile, 'ProvideBundle');
  if (level === undefined)
    throw new MixError('exchange.profile', { place: 'Bundle.meta.profile', detail: 'none of MHD ProvideBundle' });
  if (bundle.type !== 'transaction')
    throw new MixError('exchange.profile', { place: 'Bundle.type', detail: 'transaction' });
  const entries: ProvidedBundle['entries'] = [];
  const byUrl = new Map<string, { resource: Resource; place: string }>();
  bundle.entry.forEach((one, at) => {
    const place = `Bundle.entry[${at}]`;
    entries.push(kindOf(one, place));
    if (one.fullUrl === undefined) return;
    if (byUrl.has(one.fullUrl))
      throw new MixError('exchange.profile', { place: `${place}.fullUrl`, detail: 'not unique' });
    byUrl.set(one.fullUrl, { resource: one.resource as unknown as Resource, place: `${place}.resource` });
  });
  const submissionAt = entries.indexOf('submission');
  if (submissionAt < 0 || entries.lastIndexOf('submission') !== submissionAt)
    throw new MixError('exchange.profile', { place: 'Bundle.entry', detail: 'one SubmissionSet' });
  const documents: ProvidedDocument[] = [];
  entries.forEach((kind, at) => {
    if (kind !== 'document') return;
    const place = `Bundle.entry[${at}].resource`;
    documents.push(readDocument(bundle.entry[at]!.resource, { place, level, byUrl, bytesMax }));
  });
  checkSubmission(
    bundle.entry[submissionAt]!.resource,
    `Bundle.entry[${submissionAt}].resource`,
    level,
    byUrl,
    documents,
  );
  return { level, documents, entries };
}

type Entry = z.infer<typeof bundleShape>['entry'][number];

function kindOf({ resource, request }: Entry, place: string): ProvidedBundle['entries'][number] {
  const wants = (method: string, url: string): void => {
    if (request.method !== method)
      throw new MixError('exchange.profile', { place: `${place}.request.method`, detail: method });
    if (request.url !== url) throw new MixError('exchange.profile', { place: `${place}.request.url`, detail: url });
  };
  switch (resource.resourceType) {
    case 'List': {
      const code = readShape(listShape, resource, `${place}.resource`).code?.coding?.find(
        ({ system }) => system === listTypes,
      )?.code;
      if (code === 'submissionset') wants('POST', 'List');
      else if (code !== 'folder')
        throw new MixError('exchange.profile', { place: `${place}.resource.code`, detail: 'submissionset or folder' });
      return code === 'submissionset' ? 'submission' : 'folder';
    }
    case 'DocumentReference':
      wants('POST', 'DocumentReference');
      return 'document';
    case 'Binary':
      wants('POST', 'Binary');
      return 'binary';
    case 'Patient':
      return 'patient';
    case 'Parameters':
      // The older document's new status (UpdateDocumentRefs) follows here from relatesTo of the newer one.
      if (request.method !== 'PATCH')
        throw new MixError('exchange.profile', { place: `${place}.request.method`, detail: 'PATCH' });
      return 'update';
    default:
      throw new MixError('exchange.profile', {
        place: `${place}.resource`,
        detail: 'a resource that the profile does not have',
      });
  }
}

interface Reading {
  place: string;
  level: MetadataLevel;
  byUrl: ReadonlyMap<string, { resource: Resource; place: string }>;
  bytesMax: number;
}

function readDocument(resource: unknown, reading: Reading): ProvidedDocument {
  const { place } = reading;
  const reference = readShape(documentReferenceShape, resource, place) as unknown as DocumentReference;
  const level = stricter(reading.level, claimedLevel(reference.meta?.profile, 'DocumentReference'));
  const fault = documentFaults(reference, level, place)[0];
  if (fault !== undefined) throw new MixError(fault.code, fault);
  checkContained(reference, place);
  const attachment = reference.content[0]!.attachment;
  const document: ProvidedDocument = {
    place,
    master: { system: reference.masterIdentifier!.system!, value: reference.masterIdentifier!.value! },
    reference,
    patient: numberOfSubject(reference.subject, `${place}.subject`, reading, reference),
    replaces: readReplaces(reference, place),
    mediaType: attachment.contentType!,
  };
  const url = attachment.url!;
  if (!isInBundle(url)) return { ...document, url };
  const found = reading.byUrl.get(url);
  const where = `${place}.content[0].attachment`;
  if (found?.resource.resourceType !== 'Binary')
    throw new MixError('exchange.profile', { place: `${where}.url`, detail: 'no Binary of the bundle' });
  return { ...document, bytes: readBinary(found, attachment, where, reading.bytesMax) };
}

const isInBundle = (url: string): boolean => /^urn:(uuid|oid):/.test(url);

function readBinary(
  found: { resource: Resource; place: string },
  attachment: DocumentReference['content'][number]['attachment'],
  place: string,
  bytesMax: number,
): Buffer {
  const binary = readShape(binaryShape, found.resource, found.place);
  const data = binary.data ?? '';
  const padding = data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0;
  // Before anything is decoded: four characters are three bytes.
  if ((data.length / 4) * 3 - padding > bytesMax)
    throw new MixError('exchange.document-too-large', {
      place: `${found.place}.data`,
      detail: `more than ${bytesMax} bytes`,
    });
  const bytes = Buffer.from(data, 'base64');
  if (bytes.toString('base64') !== data)
    throw new MixError('exchange.malformed', { place: `${found.place}.data`, detail: 'not base64' });
  if (binary.contentType !== attachment.contentType)
    throw new MixError('exchange.profile', {
      place: `${found.place}.contentType`,
      detail: 'not that of the attachment',
    });
  // 2:3.65.4.1.2.1: whoever sends the document with it populates both.
  if (attachment.size === undefined) throw new MixError('exchange.profile', { place: `${place}.size`, detail: '1..1' });
  if (attachment.hash === undefined) throw new MixError('exchange.profile', { place: `${place}.hash`, detail: '1..1' });
  if (attachment.size !== bytes.length) throw new MixError('exchange.digest', { place: `${place}.size` });
  if (attachment.hash !== sha1Of(bytes)) throw new MixError('exchange.digest', { place: `${place}.hash` });
  return bytes;
}

/** Does a document that was fetched fit its metadata? Throws `exchange.digest`; what the metadata does not say is not checked. */
export function checkDigest(bytes: Buffer, reference: DocumentReference): void {
  const attachment = reference.content?.[0]?.attachment;
  const place = 'DocumentReference.content[0].attachment';
  if (attachment?.size !== undefined && attachment.size !== bytes.length)
    throw new MixError('exchange.digest', { place: `${place}.size` });
  if (attachment?.hash !== undefined && attachment.hash !== sha1Of(bytes))
    throw new MixError('exchange.digest', { place: `${place}.hash` });
}

/** Every `#id` leads to a contained resource. */
function checkContained(reference: DocumentReference, place: string): void {
  const ids = new Set(reference.contained?.map(({ id }) => `#${id}`));
  const check = (one: { reference?: string } | undefined, path: string): void => {
    if (one?.reference?.startsWith('#') && !ids.has(one.reference))
      throw new MixError('exchange.profile', { place: `${place}.${path}`, detail: 'leads to nothing contained' });
  };
  reference.author?.forEach((one, at) => {
    check(one, `author[${at}]`);
  });
  check(reference.authenticator, 'authenticator');
  check(reference.custodian, 'custodian');
  check(reference.context?.sourcePatientInfo, 'context.sourcePatientInfo');
}

/** The number of whom a reference names: said in it, or that of the Patient of the bundle, or of `sourcePatientInfo` where it is a URL of the sender's. */
function numberOfSubject(
  subject: DocumentReference['subject'] | List['subject'],
  place: string,
  reading: Reading,
  reference?: DocumentReference,
): PatientNumber {
  const said = subject?.identifier;
  if (said?.system && said.value) return { system: said.system, value: said.value };
  const url = subject?.reference ?? '';
  const token = /^Patient\?identifier=([^&]+)$/.exec(url)?.[1];
  if (token !== undefined) {
    const [system = '', value = ''] = decode(token).split('|');
    if (system !== '' && value !== '') return { system, value };
  }
  let patient: unknown;
  if (isInBundle(url)) {
    const found = reading.byUrl.get(url);
    if (found === undefined)
      throw new MixError('exchange.profile', { place, detail: 'leads to no entry of the bundle' });
    if (found.resource.resourceType !== 'Patient')
      throw new MixError('exchange.profile', { place, detail: 'not a Patient' });
    patient = found.resource;
  } else {
    const inside = reference?.context?.sourcePatientInfo?.reference;
    patient = reference?.contained?.find((one) => `#${one.id}` === inside && one.resourceType === 'Patient');
  }
  const numbers = patient === undefined ? [] : (readShape(patientShape, patient, place).identifier ?? []);
  const number = numbers.find(({ system, value, use }) => !!system && !!value && use !== 'old');
  if (number === undefined) throw new MixError('exchange.no-identifier', { place });
  return { system: number.system!, value: number.value! };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readReplaces(reference: DocumentReference, place: string): { system: string; value: string }[] {
  const found: { system: string; value: string }[] = [];
  reference.relatesTo?.forEach((one, at) => {
    if (one.code !== 'replaces') return;
    const { system, value } = one.target.identifier ?? {};
    const uuid = /^urn:uuid:[0-9a-f-]{36}$/i.test(one.target.reference ?? '') ? one.target.reference! : undefined;
    if (system && value) found.push({ system, value });
    else if (uuid !== undefined) found.push({ system: uri, value: uuid });
    else
      throw new MixError('exchange.profile', {
        place: `${place}.relatesTo[${at}].target`,
        detail: 'name the replaced document by its masterIdentifier',
      });
  });
  return found;
}

function checkSubmission(
  resource: unknown,
  place: string,
  claimed: MetadataLevel,
  byUrl: Reading['byUrl'],
  documents: readonly ProvidedDocument[],
): void {
  const list = readShape(listShape, resource, place) as unknown as List;
  const level = stricter(claimed, claimedLevel(list.meta?.profile, 'SubmissionSet'));
  const fault = submissionFaults(list, level, place)[0];
  if (fault !== undefined) throw new MixError(fault.code, fault);
  const listedPlaces = new Set<string>();
  list.entry?.forEach(({ item }, at) => {
    const found = byUrl.get(item.reference ?? '');
    if (found === undefined || !['DocumentReference', 'List'].includes(found.resource.resourceType))
      throw new MixError('exchange.profile', {
        place: `${place}.entry[${at}].item`,
        detail: 'leads to no document of the bundle',
      });
    listedPlaces.add(found.place);
  });
  for (const document of documents)
    if (!listedPlaces.has(document.place))
      throw new MixError('exchange.profile', {
        place: `${place}.entry`,
        detail: 'a document of the bundle is not listed',
      });
  if (documents.length === 0)
    throw new MixError('exchange.profile', { place: 'Bundle.entry', detail: 'no DocumentReference' });
  // One submission is about one patient (ITI TF-3 4.2.2.2, XDSPatientIdDoesNotMatch).
  const first = documents[0]!.patient;
  const others = documents.filter(({ patient }) => !sameNumber(patient, first));
  if (others[0] !== undefined)
    throw new MixError('exchange.profile', {
      place: `${others[0].place}.subject`,
      detail: 'another patient than the first document',
    });
  const said = list.subject?.identifier;
  if (said?.system && said.value && tokenOf({ system: said.system, value: said.value }) !== tokenOf(first))
    throw new MixError('exchange.profile', { place: `${place}.subject`, detail: 'another patient than the documents' });
}

/** The answer to ITI-65: one entry for each of the request, in its order (2:3.65.4.2.2). `documentIds` are those of the registry, in order. */
export function makeProvideAnswer(
  provided: ProvidedBundle,
  submissionId: string,
  documentIds: readonly string[],
): Bundle {
  let at = 0;
  const entry = provided.entries.map((kind): BundleEntry => {
    switch (kind) {
      case 'submission':
        return { response: { status: '201 Created', location: `List/${submissionId}` } };
      case 'document':
        return { response: { status: '201 Created', location: `DocumentReference/${documentIds[at++] ?? ''}` } };
      case 'binary':
        return { response: { status: '201 Created', location: `Binary/${documentIds[Math.max(at - 1, 0)] ?? ''}` } };
      case 'folder':
        return {
          response: {
            status: '200 OK',
            outcome: {
              resourceType: 'OperationOutcome',
              issue: [{ severity: 'warning', code: 'not-supported', diagnostics: 'PartialFolderContentNotProcessed' }],
            },
          },
        };
      default:
        return { response: { status: '200 OK' } };
    }
  });
  return { resourceType: 'Bundle', type: 'transaction-response', entry };
}
