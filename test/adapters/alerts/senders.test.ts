import { createHmac } from 'node:crypto';
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { type MailOptions, openMail, openWebhook, SIGNATURE_HEADER } from '../../../adapters/alerts/index.ts';
import { makeExchange } from '../../support/exchange.ts';

const servers: (Server | HttpServer)[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((one) => new Promise((done) => one.close(done))));
});

async function portOf(server: Server | HttpServer): Promise<number> {
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

/** A mail server with as much of SMTP (RFC 5321) as a letter needs; `refuse` answers the recipient with 550. */
function smtp(said: string[], refuse = false): (socket: NodeJS.ReadWriteStream) => void {
  return (socket) => {
    let inData = false;
    let text = '';
    socket.write('220 mail.test ESMTP\r\n');
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        said.push(line);
        if (inData && line !== '.') continue;
        if (line === 'DATA') inData = true;
        else if (line === '.') inData = false;
        if (line === 'QUIT') socket.end('221 bye\r\n');
        else if (line === 'DATA') socket.write('354 go on\r\n');
        else if (refuse && line.startsWith('RCPT')) socket.write('550 nobody of that name: Quackenbush\r\n');
        else socket.write('250 well\r\n');
      }
    });
  };
}

const letter = { subject: '[valley] 2 alerts\r\nBcc: x@y.example', text: 'the queue is old\n' };
const mailTo = (port: number, change: Partial<MailOptions> = {}): MailOptions => ({
  host: '127.0.0.1',
  port,
  wrapped: false,
  plain: true,
  from: 'mix@valley.example',
  to: 'ada@valley.example bo@valley.example',
  ...change,
});

describe('alerts by mail', () => {
  it('are one letter to all, with nothing smuggled into its head', async () => {
    const said: string[] = [];
    const port = await portOf(createServer(smtp(said)));
    await openMail(mailTo(port)).send(letter);
    expect(said).toContain('MAIL FROM:<mix@valley.example>');
    expect(said.filter((line) => line.startsWith('RCPT'))).toEqual([
      'RCPT TO:<ada@valley.example>',
      'RCPT TO:<bo@valley.example>',
    ]);
    expect(said).toContain('Subject: [valley] 2 alerts Bcc: x@y.example');
    expect(said).toContain('the queue is old');
    expect(said).toContain('Auto-Submitted: auto-generated');
  });

  it('go over TLS, and only to a server whose certificate holds', async () => {
    const exchange = makeExchange();
    const keys = exchange.keysOf('hospital-a');
    const said: string[] = [];
    const port = await portOf(createTlsServer({ cert: keys.cert, key: keys.key }, smtp(said)));
    const overTls = mailTo(port, { host: 'localhost', plain: false, wrapped: true });
    await openMail({ ...overTls, ca: Buffer.from(keys.ca.join('\n')) }).send(letter);
    expect(said).toContain('DATA');
    await expect(openMail(overTls).send(letter)).rejects.toMatchObject({ fault: { code: 'alerts.not-sent' } });
  });

  it('never go in the clear to a server that offers no TLS', async () => {
    const said: string[] = [];
    const port = await portOf(createServer(smtp(said)));
    await expect(openMail(mailTo(port, { plain: false })).send(letter)).rejects.toMatchObject({
      fault: { code: 'alerts.not-sent' },
    });
    expect(said.some((line) => line.startsWith('MAIL'))).toBe(false);
  });

  it('tell a refusal by its code, not by its words', async () => {
    const port = await portOf(createServer(smtp([], true)));
    const failed = await openMail(mailTo(port))
      .send(letter)
      .catch((cause: unknown) => cause);
    expect(failed).toMatchObject({ fault: { code: 'alerts.not-sent', place: 'mail', detail: 'EENVELOPE 550' } });
    expect((failed as Error).message).not.toContain('Quackenbush');
  });

  it('fail where nobody listens', async () => {
    const gone = createServer();
    const port = await portOf(gone);
    await new Promise((done) => servers.pop()!.close(done));
    await expect(openMail(mailTo(port)).send(letter)).rejects.toMatchObject({ fault: { code: 'alerts.not-sent' } });
  });
});

describe('alerts by webhook', () => {
  async function receiver(status: number, headers: Record<string, string> = {}) {
    const got: { request: IncomingMessage; body: string }[] = [];
    const server = createHttpServer((request, answer) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        got.push({ request, body });
        answer.writeHead(status, headers).end('ok');
      });
    });
    return { got, url: `http://127.0.0.1:${await portOf(server)}/alerts` };
  }

  it('are posted as JSON, signed by the key', async () => {
    const { got, url } = await receiver(204);
    const key = Buffer.from('a key of the tests');
    const webhook = openWebhook({ url, plain: true, key });
    await webhook.send({ node: 'valley', alerts: [] });
    await webhook.close();
    expect(got[0]?.request.headers['content-type']).toBe('application/json');
    expect(JSON.parse(got[0]!.body)).toEqual({ node: 'valley', alerts: [] });
    expect(got[0]?.request.headers[SIGNATURE_HEADER]).toBe(
      `sha256=${createHmac('sha256', key).update(got[0]!.body).digest('hex')}`,
    );
  });

  it.for([[500], [404], [302]])('fail at an answer of %d, and follow no redirect', async ([status]) => {
    const { got, url } = await receiver(status!, { location: 'http://127.0.0.1:1/' });
    const webhook = openWebhook({ url, plain: true });
    await expect(webhook.send({})).rejects.toMatchObject({
      fault: { code: 'alerts.not-sent', detail: `HTTP ${status}` },
    });
    await webhook.close();
    expect(got).toHaveLength(1);
  });

  it('want https, unless the settings allow the other', () => {
    expect(() => openWebhook({ url: 'http://a.example', plain: false })).toThrow(/settings|contradict|plain/);
  });
});
