import { flag, group, maybe, maybeGroup, path, pattern, secret, text, whole } from './manifest.ts';

/** Enough to find slips of the pen; whether somebody reads there only a letter tells. */
const MAIL = /^[^\s@<>,;]+@[^\s@<>,;]+$/;
const MAILS = /^[^\s@<>,;]+@[^\s@<>,;]+(?: +[^\s@<>,;]+@[^\s@<>,;]+){0,49}$/;

export const alerts = group('When the node raises its voice, and to whom; the page of alerts shows all of them', {
  everyMs: whole([1_000, 3_600_000], 'pause between two looks', { default: 60_000, unit: 'ms' }),
  queueMinutes: whole([1, 43_200], 'age of the oldest thing that waits for an outlet', { default: 15, unit: 'min' }),
  growth: whole([10, 10_000_000], 'things by which the queue of an outlet grows within 15 minutes', { default: 1_000 }),
  restMinutes: whole([1, 43_200], 'time for which an outlet does not answer', { default: 5, unit: 'min' }),
  errorPercent: whole([1, 100], 'share of the messages of a source that were parked within the last hour', {
    default: 5,
  }),
  silence: flag('tell when a source is silent against its own habit at this hour of the week', { default: true }),
  certificateDays: whole([1, 365], 'time left to a certificate', { default: 14, unit: 'days' }),
  diskPercent: whole([1, 50], 'space left on the disk of the store', { default: 10 }),
  remindHours: whole([0, 720], 'pause after which what still holds is sent again; 0 for never', {
    default: 24,
    unit: 'h',
  }),
  gatherMinutes: whole([0, 1440], 'shortest pause between two letters; what comes up meanwhile goes with the next', {
    default: 5,
    unit: 'min',
  }),
  mail: maybeGroup('Letters by SMTP', {
    host: text('host of the mail server', { max: 255 }),
    port: whole([1, 65_535], 'TCP port', { default: 587 }),
    wrapped: flag('TLS from the first byte (port 465); without it the connection is turned to TLS by STARTTLS', {
      default: false,
    }),
    plain: flag('allow a connection without TLS, for a server on this machine', { default: false }),
    ca: maybe(path('file', "authority of the mail server's certificate, PEM; without it those of the system")),
    user: maybe(text('name for signing in to the mail server', { max: 320 })),
    password: maybe(secret('its password')),
    from: pattern('a mail address', MAIL, 'address that letters come from'),
    to: pattern('mail addresses', MAILS, 'addresses that letters go to, separated by blanks'),
  }),
  webhook: maybeGroup('A POST of JSON to another program', {
    url: pattern('an http or https address', /^https?:\/\/[^\s]+$/, 'address that alerts are posted to'),
    plain: flag('allow an address without TLS', { default: false }),
    key: maybe(secret('key of the signature (HMAC-SHA-256) in the header x-mix-signature')),
  }),
});
