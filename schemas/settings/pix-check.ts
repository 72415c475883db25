/** Rules between the settings of the index toward outside systems, its listeners and the exchange. */
import type { Settings } from './rooms.ts';

type Tell = (place: string, detail: string) => void;

/** Every contradiction of the room `pix` and of listeners that serve the index. */
export function ofPix(settings: Settings, tell: Tell): void {
  const { listeners, node, pix } = settings;
  listeners.forEach(({ kind }, index) => {
    if (kind !== 'emr' && node.role === 'hospital')
      tell(`/listeners/${index}/kind`, 'a hospital has no index; only emr is for it');
  });
  ofSources(settings, tell);
  pix.subscriptions.forEach(({ outlet }, index) => {
    const found = settings.outlets.find(({ name }) => name === outlet);
    if (found?.kind !== 'mllp') tell(`/pix/subscriptions/${index}/outlet`, 'is no outlet of kind mllp');
    if (node.role === 'hospital') tell(`/pix/subscriptions/${index}`, 'a hospital has no index to tell of');
  });
}

function ofSources({ listeners, exchange, outlets, pix }: Settings, tell: Tell): void {
  const names = new Map<string, string>();
  exchange?.nodes.forEach(({ name }, index) => {
    names.set(name, `/exchange/nodes/${index}`);
  });
  outlets.forEach(({ name }, index) => {
    names.set(name, `/outlets/${index}`);
  });
  listeners.forEach(({ name }, index) => {
    names.set(name, `/listeners/${index}`);
  });
  pix.sources.forEach((source, index) => {
    const place = `/pix/sources/${index}`;
    const before = names.get(source.name);
    if (before !== undefined) tell(`${place}/name`, `is the name of ${before} too`);
    names.set(source.name, place);
    const listener = listeners.find(({ name }) => name === source.listener);
    if (listener === undefined || listener.kind === 'emr') {
      tell(`${place}/listener`, 'is no listener of kind pix, pdq or index');
      return;
    }
    if (listener.tls !== undefined && source.certificate === undefined)
      tell(`${place}/certificate`, 'is needed where the listener has tls');
    if (listener.tls === undefined && source.certificate !== undefined)
      tell(`${place}/certificate`, 'nobody shows one where the listener has no tls');
  });
}
