/** Alerts as letters by SMTP (RFC 5321), over TLS unless the settings say that the server is on this machine. */
import { createTransport } from 'nodemailer';
import { MixError } from '../../schemas/errors/index.ts';

/** What a letter says; `engine/tend.ts` writes it. */
export interface MailLetter {
  subject: string;
  text: string;
}

export interface MailOptions {
  host: string;
  port: number;
  /** TLS from the first byte; without it the connection must turn to TLS by STARTTLS (RFC 3207). */
  wrapped: boolean;
  /** Allows a connection without TLS. */
  plain: boolean;
  /** PEM. */
  ca?: Buffer;
  user?: string;
  password?: string;
  from: string;
  /** Separated by blanks. */
  to: string;
}

const CONNECT_MS = 10_000;
const ANSWER_MS = 30_000;
const SUBJECT_MAX = 200;

/** A sender that opens a connection a letter; they are few. Its `send` throws `alerts.not-sent`. */
export function openMail(options: MailOptions): { name: string; send(letter: MailLetter): Promise<void> } {
  const transport = createTransport({
    host: options.host,
    port: options.port,
    secure: options.wrapped,
    requireTLS: !options.plain,
    ignoreTLS: options.plain && !options.wrapped,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: ANSWER_MS,
    tls: { minVersion: 'TLSv1.2', ...(options.ca === undefined ? {} : { ca: options.ca }) },
    ...(options.user === undefined ? {} : { auth: { user: options.user, pass: options.password ?? '' } }),
    // Nothing is ever read from files or addresses that a text might name.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    name: 'mail',
    async send({ subject, text }) {
      const letter = {
        from: options.from,
        to: options.to.split(/ +/),
        subject: subject.replace(/\s+/g, ' ').slice(0, SUBJECT_MAX),
        text,
        headers: { 'auto-submitted': 'auto-generated' },
      };
      try {
        await transport.sendMail(letter);
      } catch (cause) {
        throw new MixError('alerts.not-sent', { place: 'mail', detail: codeOf(cause), cause });
      }
    },
  };
}

/** What went wrong as a word of nodemailer's or the code of the server's answer; never its text. */
function codeOf(cause: unknown): string {
  const { code, responseCode } = cause as { code?: unknown; responseCode?: unknown };
  return [code, responseCode].filter((one) => typeof one === 'string' || typeof one === 'number').join(' ') || 'failed';
}
