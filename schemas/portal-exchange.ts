/**
 * What the pages of the exchange and the portal's HTTP API exchange: the map, deliveries, the registry, what lies elsewhere,
 * settings in force and alerts. JSON shapes only; times are ISO 8601 with zone.
 */
import type { Fault } from './errors/index.ts';
import type { NodeRole } from './exchange.ts';
import type { Delivery, DeliveryKind } from './parts.ts';
import type { Admitted, Listing, ToldFault } from './portal-shapes.ts';

/** What stands on the map: this node, another node, an outlet, an EMR interface. */
export interface PlaceView {
  /** Name in the settings; a delivery's `outlet`. */
  name: string;
  kind: NodeRole | 'mllp' | 'folder' | 'http' | 'source';
  /** Where it stands seen from this node. */
  relation: 'above' | 'below' | 'outlet' | 'source';
  /** Address of its door, or of the listener. */
  address?: string;
  organization?: string;
  /** `unknown`: never talked to since the node started. `trying`: its first failures, or one delivery tries it after a rest. */
  state: 'up' | 'trying' | 'down' | 'silent' | 'unknown';
  /** Since when it is in this state. */
  since?: string;
  /** Why it is down. */
  fault?: ToldFault;
  waiting: number;
  parked: number;
  /** Sent in all; for a source, received. */
  total: number;
  /** Age of the oldest that waits, seconds; 0 where nothing waits. */
  lagSeconds: number;
  lastSentAt?: string;
  lastHeardAt?: string;
  /** What went there (came from there, for a source) in each of the last 60 minutes, oldest first. */
  perMinute: number[];
  /** What came from there in each of the last 60 minutes, where it is known. */
  heardPerMinute?: number[];
  /** Messages a minute that are usual for it, from its own last hour. */
  usual?: { low: number; high: number };
}

/** The exchange as this node sees it. */
export interface ExchangeView {
  self: { name: string; role: NodeRole; organization: string; waiting: number; parked: number };
  places: PlaceView[];
  /** The set of shared codes, roots and dictionaries in force. */
  release?: ReleaseView;
}

/** A signed set of the global node, or what came with this program. */
export interface ReleaseView {
  version: string;
  /** Node it was taken from. */
  from?: string;
  publishedAt?: string;
  takenAt?: string;
  signer?: string;
  /** `12 code systems`, `2 roots`: what is in it. */
  parts: { name: string; count: number }[];
  /** Local additions that stay apart from it. */
  local: { name: string; count: number }[];
}

export interface DeliveryRow {
  id: string;
  outlet: string;
  kind: DeliveryKind;
  state: Delivery['state'];
  /** Address of the thing's page, where it has one. */
  link?: string;
  thing: string;
  /** The name is there only for those who may search patients. */
  person?: { id: string; name?: string };
  createdAt: string;
  attempts: number;
  lastAt?: string;
  nextAt?: string;
  fault?: ToldFault;
  receipt?: string;
}

export interface DeliveryView {
  row: DeliveryRow;
  /** What happened to it, in time order; the last may lie ahead (`next`). */
  steps: {
    at: string;
    step: 'created' | 'tried' | 'sent' | 'parked' | 'resent' | 'superseded' | 'refused' | 'next';
    detail?: string;
  }[];
  /** Other deliveries of the same thing: other outlets, and earlier or later ones. */
  others: DeliveryRow[];
  canResend: boolean;
}

/** Filters of the list of deliveries, as they stand in the address. */
export interface DeliveryFilter {
  outlet?: string;
  state?: Delivery['state'];
  kind?: DeliveryKind;
  person?: string;
  thing?: string;
  cursor?: string;
  limit?: number;
}

/** Sends again what is parked: named ones, or those of an outlet. At most 500 a call; the page calls until `left` is 0. */
export interface Resend {
  ids?: string[];
  outlet?: string;
  /** Typed by the person who asks; goes into the audit. */
  reason: string;
}

export interface ResendAnswer {
  resent: number;
  /** Still parked at this outlet (of these, when named). */
  left: number;
}

/** One number of a person and where it came from. */
export interface NumberView {
  /** HL7 table 0203. */
  type: string;
  value: string;
  system: string;
  /** Node or EMR interface that gave it. */
  from: string;
  at?: string;
  mark?: 'mix' | 'xpid';
}

/** One local patient as a node fed them. */
export interface LocalPatientView {
  /** Node that fed it. */
  node: string;
  number: NumberView;
  fedAt: string;
  /** Merged or withdrawn by its node. */
  gone: boolean;
}

/** A person as this node knows them across hospitals. */
export interface RegistryView {
  mixNumber?: string;
  /** At a region and below it. */
  xpid?: string;
  numbers: NumberView[];
  /** At region and global: who fed them. */
  locals: LocalPatientView[];
  /** Demographics side by side: a value a local patient, in the order of `locals`; '' where that node gave none. */
  facts: { field: string; title: string; values: string[]; differ: boolean }[];
  documents: RegistryDocumentView[];
}

export interface RegistryDocumentView {
  id: string;
  title: string;
  /** When it was made. */
  createdAt: string;
  state: 'current' | 'superseded' | 'deprecated';
  /** Node that made it and holds it. */
  home: string;
  /** A copy lies at this node. */
  keptHere: boolean;
  mediaType?: string;
  bytes?: number;
  /** Nodes that retrieved it, the latest first. */
  retrieved: { by: string; at: string }[];
}

/** A document at another hospital, found through the node above. */
export interface ElsewhereDocument {
  /** Opaque here; names the document to {@link ExchangePortal.documentElsewhere}. */
  id: string;
  title: string;
  createdAt: string;
  state: 'current' | 'superseded' | 'deprecated';
  /** Hospital that made it. */
  home: string;
  mediaType: string;
  bytes?: number;
}

/** What the node above answered; `fault` where it could not, and then what is told may be incomplete. */
export interface ElsewhereView {
  /** Node that was asked. */
  asked: string;
  at: string;
  documents: ElsewhereDocument[];
  /** Numbers that other hospitals know the person by. */
  numbers?: { system: string; value: string }[];
  fault?: ToldFault;
}

export interface RetrievedView {
  document: ElsewhereDocument;
  personId: string;
  /** The CCD rendered for a human: safe HTML without script. Absent where it is no CCD. */
  html?: string;
  text: string;
  sha256: string;
  retrievedAt: string;
}

/** One line of the tree of settings. */
export interface SettingView {
  key: string;
  /** `deliver.inFlightMax`, `listeners[0].port` */
  path: string;
  is: 'setting' | 'group' | 'list' | 'item';
  sentence: string;
  type?: string;
  unit?: string;
  /** As it is in force; of a secret only its reference (`file: PATH`, `env: NAME`). */
  value?: string;
  standard?: string;
  /** `absent`: may be left out, and is. */
  mark: 'default' | 'changed' | 'absent' | 'secret' | 'none';
  members: SettingView[];
}

export interface SettingsView {
  rooms: SettingView[];
  version: string;
  startedAt?: string;
  release?: ReleaseView;
}

export interface AlertView {
  id: string;
  rule: 'queue' | 'growth' | 'silence' | 'errors' | 'certificate' | 'disk' | 'parked' | 'outlet' | 'audit' | 'index';
  /** What it is about: a source, an outlet, a file. Names of our own only, nobody's. */
  about: string;
  grave: 'warning' | 'danger';
  sentence: string;
  fix: string;
  state: 'open' | 'acknowledged' | 'over';
  since: string;
  /** When it last held. */
  lastAt: string;
  overAt?: string;
  /** How often it came up while open: grouped, not repeated. */
  count: number;
  /** Address of the page that shows the cause. */
  link: string;
  acknowledged?: { by: string; at: string; note: string };
}

export interface AlertFilter {
  state?: AlertView['state'];
  rule?: AlertView['rule'];
  cursor?: string;
  limit?: number;
}

/** The part of the portal that shows the exchange. Every read goes through `authorize` and into the audit. */
export interface ExchangePortal {
  exchange(subject: Admitted): Promise<ExchangeView>;

  deliveries(subject: Admitted, filter: DeliveryFilter): Promise<Listing<DeliveryRow>>;
  delivery(subject: Admitted, id: string): Promise<DeliveryView>;
  resend(subject: Admitted, ask: Resend): Promise<ResendAnswer>;

  registry(subject: Admitted, personId: string): Promise<RegistryView>;
  /** Withdraws a document everywhere: whoever got it is told. */
  withdraw(subject: Admitted, documentId: string, reason: string): Promise<void>;
  elsewhere(subject: Admitted, personId: string): Promise<ElsewhereView>;
  documentElsewhere(subject: Admitted, personId: string, id: string): Promise<RetrievedView>;

  settings(subject: Admitted): Promise<SettingsView>;

  alerts(subject: Admitted, filter: AlertFilter): Promise<Listing<AlertView>>;
  acknowledge(subject: Admitted, id: string, note: string): Promise<void>;
}

/** How one outlet or peer stands with the deliverer; told by `engine/deliver.ts`. */
export interface OutletState {
  outlet: string;
  /** `resting`: its circuit breaker is open. `trying`: one delivery tries it after a rest. */
  state: 'up' | 'resting' | 'trying';
  /** In this state since; ms since the epoch. */
  since: number;
  inFlight: number;
  /** Failures in a row. */
  failures: number;
  fault?: Fault;
}

/** What came in from and went out to other nodes, minute by minute; told by `engine/view-traffic.ts`. */
export interface NodeTraffic {
  node: string;
  lastAt: number;
  /** Requests in each of the last 60 minutes, oldest first. */
  perMinute: number[];
}
