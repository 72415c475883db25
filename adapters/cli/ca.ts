/** `mix-hie ca`: an authority that one can run alone. Its folder holds key, certificate, and what it issued and revoked. */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type AlternativeNames,
  createAuthority,
  generateKey,
  issueCertificate,
  issueCrlOf,
  type KeyKind,
  noteIssued,
  openAuthority,
  PROFILES,
  type ProfileName,
  pemOfCrl,
  REVOCATION_REASONS,
  type RevocationReason,
  readCertificate,
  readIssued,
  readKeyFile,
  readRevoked,
  revokeSerial,
  writeKeyFile,
  writeNodeName,
} from '../../pki/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import type { NodeRole } from '../../schemas/exchange.ts';

const KEYS = ['p256', 'p384', 'rsa2048', 'rsa3072', 'rsa4096'];
const ROLES = ['hospital', 'region', 'global'];

export function caCommand(program: Command): void {
  const ca = program.command('ca').description('a certificate authority: make it, issue, revoke, list');
  initCommand(ca);
  issueCommand(ca);
  revokeCommand(ca);
  crlCommand(ca);
  listCommand(ca);
}

interface InitOptions {
  name: string;
  under?: string;
  organization?: string;
  levels?: number;
  days?: number;
  key: KeyKind;
  json?: boolean;
}

function initCommand(ca: Command): void {
  ca.command('init')
    .description('make a root, or an authority below another')
    .argument('<dir>', 'folder that will hold its key and certificate')
    .requiredOption('--name <text>', 'common name')
    .option('--under <dir>', 'folder of the authority above; without it a root is made')
    .option('--organization <oid>', 'OID of the organisation whose nodes alone it may name', readOid)
    .option(
      '--levels <n>',
      'authorities that may follow below; default 2 for a root, else one less than above',
      readCount,
    )
    .option('--days <n>', 'days of life; default 3650', readCount)
    .addOption(new Option('--key <kind>', 'kind of key').choices(KEYS).default('p256'))
    .option('--json', 'print one line of JSON')
    .action((dir: string, options: InitOptions) => {
      const now = Date.now();
      const above = options.under === undefined ? undefined : openAuthority(options.under);
      const authority = createAuthority({
        dir,
        subject: { commonName: options.name },
        pathLength:
          options.levels ??
          (above === undefined ? 2 : Math.max(0, (readCertificate(above.certificate).pathLength ?? 1) - 1)),
        key: options.key,
        now,
        ...(above === undefined ? {} : { issuer: above }),
        ...(options.organization === undefined ? {} : { organization: options.organization }),
        ...(options.days === undefined ? {} : { days: options.days }),
      });
      if (options.under !== undefined) noteIssued(options.under, authority, 'authority', now);
      const { serialNumber, validToDate } = authority.certificate;
      tell(options, { serial: serialNumber, until: validToDate.toISOString(), certificate: `${dir}/ca.pem` });
    });
}

interface IssueOptions {
  profile: ProfileName;
  role?: NodeRole;
  organization?: string;
  names?: string;
  name?: string;
  days?: number;
  key?: string;
  out: string;
  json?: boolean;
}

function issueCommand(ca: Command): void {
  ca.command('issue')
    .description('issue a certificate with a new key, or for one that is there')
    .argument('<dir>', 'folder of the authority')
    .addOption(new Option('--profile <name>', 'what it is for').choices(Object.keys(PROFILES)).makeOptionMandatory())
    .addOption(new Option('--role <role>', 'node: what it is in the exchange').choices(ROLES))
    .option('--organization <oid>', 'node: OID of its organisation', readOid)
    .option('--names <list>', 'host names and addresses, separated by commas or blanks')
    .option('--name <text>', 'common name; default the first host name')
    .option('--days <n>', 'days of life; default by profile', readCount)
    .option('--key <file>', 'private key to certify; without it a new one is written beside the certificate')
    .requiredOption('--out <file>', 'certificate with those above it, PEM; the key goes to the same name with .key')
    .option('--json', 'print one line of JSON')
    .action((dir: string, options: IssueOptions, command: Command) => {
      if (options.profile === 'node' && (options.role === undefined || options.organization === undefined))
        command.error('error: a node wants --role and --organization');
      const now = Date.now();
      const authority = openAuthority(dir);
      const san = namesOf(options);
      const commonName = options.name ?? san.dns?.[0] ?? san.ip?.[0];
      if (commonName === undefined) return command.error('error: --name or --names is wanted');
      const keyFile = options.key ?? `${options.out.replace(/\.pem$/, '')}.key`;
      if (options.key === undefined && existsSync(keyFile))
        throw new MixError('authority.exists', { place: keyFile, detail: 'give it with --key to certify it' });
      const pair = options.key === undefined ? generateKey() : readKeyFile(options.key);
      const issued = issueCertificate(authority, {
        profile: options.profile,
        subject: { commonName },
        san,
        publicKey: pair.publicKey,
        now,
        ...(options.days === undefined ? {} : { days: options.days }),
      });
      // Noted before it is given out: what is not in the ledger can not be found when it must be revoked.
      noteIssued(dir, issued, options.profile, now);
      if (options.key === undefined) writeKeyFile(keyFile, pair.privateKey);
      writeFileSync(options.out, issued.chainPem);
      const { serialNumber, validToDate } = issued.certificate;
      tell(options, { serial: serialNumber, until: validToDate.toISOString(), certificate: options.out, key: keyFile });
    });
}

function namesOf(options: IssueOptions): AlternativeNames {
  const names = (options.names ?? '').split(/[\s,]+/).filter((name) => name !== '');
  const isAddress = (name: string): boolean => /^[\d.]+$|:/.test(name);
  const { role, organization } = options;
  return {
    dns: names.filter((name) => !isAddress(name)),
    ip: names.filter(isAddress),
    uri: role === undefined || organization === undefined ? [] : [writeNodeName({ role, organization })],
  };
}

function revokeCommand(ca: Command): void {
  ca.command('revoke')
    .description('revoke a certificate; it stands in the next list')
    .argument('<dir>', 'folder of the authority')
    .argument('<certificate>', 'its serial number in hex, or its file (PEM)')
    .addOption(new Option('--reason <reason>', 'why').choices(Object.keys(REVOCATION_REASONS)).default('unspecified'))
    .option('--json', 'print one line of JSON')
    .action((dir: string, which: string, options: { reason: RevocationReason; json?: boolean }) => {
      const authority = openAuthority(dir);
      const serial = existsSync(which)
        ? serialOf(which, authority.certificate)
        : which.replaceAll(':', '').toUpperCase();
      const revoked = revokeSerial(dir, { serial, at: Date.now(), reason: options.reason });
      const noted = readIssued(dir).some((one) => one.serial === serial);
      tell(options, { serial, revoked, noted });
      if (!options.json && !revoked) process.stdout.write('it was revoked before\n');
      if (!options.json && !noted) process.stdout.write('its issue was not noted here; check the number\n');
    });
}

/** Throws `chain.untrusted` for a certificate of another authority: its number says nothing here. */
function serialOf(file: string, authority: X509Certificate): string {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(file));
  } catch (cause) {
    throw new MixError('certificate.malformed', { place: file, cause });
  }
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey))
    throw new MixError('chain.untrusted', { place: file, detail: 'not issued by this authority' });
  return certificate.serialNumber;
}

function crlCommand(ca: Command): void {
  ca.command('crl')
    .description('write the list of what was revoked')
    .argument('<dir>', 'folder of the authority')
    .requiredOption('--out <file>', 'DER, or PEM where it ends in .pem')
    .option('--days <n>', 'days until the next list must be there', readCount, 7)
    .option('--json', 'print one line of JSON')
    .action((dir: string, options: { out: string; days: number; json?: boolean }) => {
      const der = issueCrlOf(dir, openAuthority(dir), Date.now(), options.days);
      writeFileSync(options.out, options.out.endsWith('.pem') ? pemOfCrl(der) : der);
      tell(options, { list: options.out, revoked: readRevoked(dir).length, days: options.days });
    });
}

function listCommand(ca: Command): void {
  ca.command('list')
    .description('what the authority issued, and what of it was revoked')
    .argument('<dir>', 'folder of the authority')
    .option('--json', 'print a line of JSON each')
    .action((dir: string, options: { json?: boolean }) => {
      openAuthority(dir);
      const revoked = new Map(readRevoked(dir).map((one) => [one.serial, one.reason]));
      for (const { serial, profile, subject, until } of readIssued(dir)) {
        const state = revoked.get(serial) ?? 'good';
        const end = new Date(until).toISOString();
        process.stdout.write(
          options.json
            ? `${JSON.stringify({ serial, profile, subject, until: end, state })}\n`
            : `${serial} ${profile} ${subject} until ${end} ${state}\n`,
        );
      }
    });
}

function tell(options: { json?: boolean }, facts: Record<string, unknown>): void {
  const text = Object.entries(facts).map(([name, value]) => `${name}: ${String(value)}\n`);
  process.stdout.write(options.json ? `${JSON.stringify(facts)}\n` : text.join(''));
}

function readCount(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('wanted a whole number');
  return Number(text);
}

function readOid(text: string): string {
  if (!/^[0-2](\.(0|[1-9]\d*)){1,30}$/.test(text)) throw new InvalidArgumentError('wanted an OID, such as 2.16.840.1');
  return text;
}
