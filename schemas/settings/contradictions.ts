/** Rules between settings: what each allows by itself and not beside the other. */
import type { Fault } from '../errors/index.ts';
import type { NodeRole } from '../exchange.ts';
import { ofPix } from './pix-check.ts';
import type { Settings } from './rooms.ts';

type Tell = (place: string, detail: string) => void;

/** Every contradiction, with the place of the later of the two. */
export function contradictions(settings: Settings): Fault[] {
  const faults: Fault[] = [];
  const tell: Tell = (place, detail) => {
    faults.push({ code: 'settings.contradiction', place, detail });
  };
  const ports = new Map<number, string>();
  takePort(ports, settings.http.port, '/http/port', tell);
  ofListeners(settings, ports, tell);
  if (settings.documents.latestMs < settings.documents.quietMs) tell('/documents/latestMs', 'is shorter than quietMs');
  if (settings.mllp.heldBytesMax < settings.mllp.frameBytesMax)
    tell('/mllp/heldBytesMax', 'is less than frameBytesMax');
  if (!settings.http.tls && !settings.http.plain && !isLoopback(settings.http.host)) {
    tell('/http/tls', 'give tls, or plain: true where the line is protected otherwise');
  }
  ofExchange(settings, ports, tell);
  ofOutlets(settings, tell);
  ofPix(settings, tell);
  ofAlerts(settings, tell);
  return faults;
}

function takePort(ports: Map<number, string>, port: number, place: string, tell: Tell): void {
  const taken = ports.get(port);
  if (taken !== undefined) tell(place, `is the port of ${taken} too`);
  if (port !== 0) ports.set(port, place);
}

function takeName(names: Map<string, string>, name: string, place: string, tell: Tell): void {
  const before = names.get(name);
  if (before !== undefined) tell(`${place}/name`, `is the name of ${before} too`);
  names.set(name, place);
}

function ofListeners({ listeners, node }: Settings, ports: Map<number, string>, tell: Tell): void {
  const names = new Map<string, string>();
  if (listeners.some(({ kind }) => kind === 'emr') && node.role !== 'hospital')
    tell('/listeners', 'only a hospital takes messages of EMRs');
  listeners.forEach((listener, index) => {
    const place = `/listeners/${index}`;
    takeName(names, listener.name, place, tell);
    takePort(ports, listener.port, `${place}/port`, tell);
    if (listener.tls && listener.plain) tell(`${place}/plain`, 'plain and tls exclude each other');
    if (!listener.tls && !listener.plain)
      tell(`${place}/tls`, 'give tls, or plain: true where the line is protected otherwise');
  });
}

/** A node has one node above it at most, and only of the role that is next. */
const ABOVE: Record<NodeRole, NodeRole | undefined> = { hospital: 'region', region: 'global', global: undefined };

function ofExchange({ exchange, node }: Settings, ports: Map<number, string>, tell: Tell): void {
  if (exchange === undefined) {
    if (node.role !== 'hospital') tell('/exchange', `a ${node.role} is nothing without an exchange`);
    return;
  }
  takePort(ports, exchange.listen.port, '/exchange/listen/port', tell);
  const names = new Map([[node.name, '/node']]);
  let above: string | undefined;
  exchange.nodes.forEach((other, index) => {
    const place = `/exchange/nodes/${index}`;
    takeName(names, other.name, place, tell);
    if (other.role === ABOVE[node.role]) {
      if (above !== undefined) tell(`${place}/role`, `${above} is the node above already`);
      above = place;
    } else if (ABOVE[other.role] !== node.role)
      tell(`${place}/role`, `a ${node.role} does not talk to a ${other.role} by itself`);
  });
}

const NEEDED = { mllp: ['host', 'port'], folder: ['folder'], http: ['url'] } as const;

function ofOutlets({ outlets, exchange }: Settings, tell: Tell): void {
  const names = new Map((exchange?.nodes ?? []).map((other, index) => [other.name, `/exchange/nodes/${index}`]));
  outlets.forEach((outlet, index) => {
    const place = `/outlets/${index}`;
    takeName(names, outlet.name, place, tell);
    for (const key of NEEDED[outlet.kind])
      if (outlet[key] === undefined) tell(`${place}/${key}`, `is needed by an outlet of kind ${outlet.kind}`);
    const isProtected =
      outlet.kind === 'folder' || outlet.tls !== undefined || outlet.url?.startsWith('https:') === true;
    if (!isProtected && !outlet.plain)
      tell(`${place}/tls`, 'give tls, or plain: true where the line is protected otherwise');
  });
}

function ofAlerts({ alerts: { mail, webhook } }: Settings, tell: Tell): void {
  if (mail?.plain && !isLoopback(mail.host)) tell('/alerts/mail/plain', 'only for a mail server on this machine');
  if (mail?.plain && mail.wrapped) tell('/alerts/mail/plain', 'plain and wrapped exclude each other');
  if (mail !== undefined && (mail.user === undefined) !== (mail.password === undefined))
    tell('/alerts/mail/user', 'user and password go together');
  if (webhook !== undefined && !webhook.plain && !webhook.url.startsWith('https:'))
    tell('/alerts/webhook/url', 'give https, or plain: true where the line is protected otherwise');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
