/** An exchange of tests: a root, a region's authority, a hospital's below it, nodes with certificates, and an engine that only writes down what it is asked. */
import { X509Certificate } from 'node:crypto';
import { type Authority, createAuthority, generateKey, issueCertificate, pemOf } from '../../pki/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import type { ExchangeEngine, FhirAnswer, NodeRole, NodeSubject } from '../../schemas/exchange.ts';

export const OID_OF: Record<string, string> = {
  global: '2.16.840.1.113883.19.1',
  region: '2.16.840.1.113883.19.2',
  'hospital-a': '2.16.840.1.113883.19.3',
  'hospital-b': '2.16.840.1.113883.19.4',
};

export interface NodeKeys {
  cert: string;
  key: string;
  ca: string[];
  certificate: X509Certificate;
  /** DER, leaf first. */
  chain: Buffer[];
}

export interface TestExchange {
  root: Authority;
  region: Authority;
  hospital: Authority;
  /** Keys of a node; by default as its name says, from the authority that is right for it. */
  keysOf(
    name: string,
    change?: { role?: string; oid?: string; by?: Authority; uris?: string[]; days?: number },
  ): NodeKeys;
}

export function makeExchange(now?: number): TestExchange {
  const at = now === undefined ? {} : { now };
  const root = createAuthority({ subject: { commonName: 'Exchange Root' }, pathLength: 2, ...at });
  const region = createAuthority({ subject: { commonName: 'Region CA' }, issuer: root, pathLength: 1, ...at });
  const hospital = createAuthority({ subject: { commonName: 'Hospital CA' }, issuer: region, ...at });
  return {
    root,
    region,
    hospital,
    keysOf(name, change = {}) {
      const role = change.role ?? name.split('-')[0]!;
      const authority = change.by ?? { global: root, region }[role] ?? hospital;
      const { privateKey, publicKey } = generateKey();
      const issued = issueCertificate(authority, {
        profile: 'node',
        subject: { commonName: name },
        san: {
          dns: ['localhost', `${name}.test`],
          ip: ['127.0.0.1'],
          uri: change.uris ?? [`urn:mix-hie:node:${role}:${change.oid ?? OID_OF[name] ?? '2.999'}`],
        },
        publicKey,
        ...(change.days === undefined ? {} : { days: change.days }),
        ...at,
      });
      return {
        cert: issued.chainPem,
        key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        ca: [pemOf([root.certificate])],
        certificate: issued.certificate,
        chain: [issued.certificate.raw, ...authority.chain.map((one) => one.raw)],
      };
    },
  };
}

export interface Asked {
  act: string;
  from: NodeSubject;
  what: unknown[];
}

/** Answers `answer` to everything and keeps what it was asked. */
export interface StubExchangeEngine extends ExchangeEngine {
  asked: Asked[];
  /** What it answers next; a MixError is thrown. */
  answer: FhirAnswer | Error;
  admit: ((chain: Buffer[], requester?: string) => NodeSubject) | undefined;
}

export function createStubExchangeEngine(): StubExchangeEngine {
  const asked: Asked[] = [];
  const tell = async (act: string, from: NodeSubject, ...what: unknown[]): Promise<FhirAnswer> => {
    asked.push({ act, from, what });
    if (stub.answer instanceof Error) throw stub.answer;
    return stub.answer;
  };
  const stub: StubExchangeEngine = {
    asked,
    answer: { status: 200, resource: { resourceType: 'Bundle', type: 'searchset' } },
    admit: undefined,
    admitNode(chain, requester) {
      if (stub.admit) return stub.admit(chain, requester);
      if (chain[0] === undefined) throw new MixError('admit.no-certificate');
      const uri = /URI:urn:mix-hie:node:(\w+):([\d.]+)/.exec(new X509Certificate(chain[0]).subjectAltName ?? '');
      if (uri === null) throw new MixError('admit.not-of-exchange');
      return { kind: 'peer', id: uri[2]!, role: uri[1] as NodeRole, organization: uri[2]! };
    },
    feedPatient: (from, ...what) => tell('feedPatient', from, ...what),
    provideDocuments: (from, ...what) => tell('provideDocuments', from, ...what),
    withdrawDocument: (from, ...what) => tell('withdrawDocument', from, ...what),
    findDocuments: (from, query) => tell('findDocuments', from, query.toString()),
    retrieveDocument: (from, ...what) => tell('retrieveDocument', from, ...what),
    crossReference: (from, query) => tell('crossReference', from, query.toString()),
    removePatient: (from, ...what) => tell('removePatient', from, ...what),
    findPatients: (from, query) => tell('findPatients', from, query.toString()),
    readPatient: (from, ...what) => tell('readPatient', from, ...what),
    matchPatients: (from, ...what) => tell('matchPatients', from, ...what),
    release: (from, ...what) => tell('release', from, ...what),
    capability: () => ({ resourceType: 'CapabilityStatement', kind: 'instance', status: 'active' }) as never,
  };
  return stub;
}

/** A log that keeps its lines. */
export function createLog(): {
  lines: string[];
  info(facts: object, sentence: string): void;
  warn(facts: object, sentence: string): void;
  error(facts: object, sentence: string): void;
} {
  const lines: string[] = [];
  const tell = (facts: object, sentence: string): void => void lines.push(`${sentence} ${JSON.stringify(facts)}`);
  return { lines, info: tell, warn: tell, error: tell };
}
