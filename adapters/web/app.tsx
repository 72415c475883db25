import type { ComponentType, LazyExoticComponent } from 'react';
import { lazy, Suspense, useEffect, useState } from 'react';
import type { Me } from '../../schemas/portal.ts';
import { goTo, useAddress } from './address.ts';
import { ApiFault, ask } from './api.ts';
import { MeProvider } from './parts/me.tsx';
import { FaultNotice, SkeletonRows } from './parts/notices.tsx';
import { Nowhere } from './parts/nowhere.tsx';
import { placesFor } from './places.ts';
import { Shell } from './shell.tsx';
import { setZone } from './time.ts';

type Page = LazyExoticComponent<ComponentType<{ id: string }>>;

const Secret = lazy(() => import('./pages/secret.tsx'));

/** One bundle a page: the list that opens first does not carry the record's pictures. */
const PAGES: [RegExp, Page][] = [
  [/^\/messages$/, lazy(() => import('./pages/messages.tsx'))],
  [/^\/messages\/([^/]+)$/, lazy(() => import('./pages/message.tsx'))],
  [/^\/patients$/, lazy(() => import('./pages/patients.tsx'))],
  [/^\/patients\/([^/]+)$/, lazy(() => import('./pages/patient.tsx'))],
  [/^\/documents\/([^/]+)$/, lazy(() => import('./pages/document.tsx'))],
  [/^\/sources$/, lazy(() => import('./pages/sources.tsx'))],
  [/^\/parked$/, lazy(() => import('./pages/parked.tsx'))],
  [/^\/audit$/, lazy(() => import('./pages/audit.tsx'))],
  [/^\/exchange$/, lazy(() => import('./pages/exchange.tsx'))],
  [/^\/deliveries$/, lazy(() => import('./pages/deliveries.tsx'))],
  [/^\/deliveries\/([^/]+)$/, lazy(() => import('./pages/delivery.tsx'))],
  [/^\/matches$/, lazy(() => import('./pages/matches.tsx'))],
  [/^\/matches\/([^/]+)$/, lazy(() => import('./pages/match.tsx'))],
  [/^\/alerts$/, lazy(() => import('./pages/alerts.tsx'))],
  [/^\/settings$/, lazy(() => import('./pages/settings.tsx'))],
  [/^\/elsewhere\/([^/]+\/[^/]+)$/, lazy(() => import('./pages/elsewhere.tsx'))],
];

export function App() {
  const [me, setMe] = useState<Me>();
  const [fault, setFault] = useState<ApiFault>();
  const url = useAddress();

  const load = (): void => {
    ask<Me>('/api/me').then(
      (known) => {
        setZone(known.node.zone);
        setMe(known);
        setFault(undefined);
      },
      (cause: unknown) => {
        // Not signed in: the node answers this very address with its sign-in page.
        if (cause instanceof ApiFault && cause.status === 401) location.reload();
        else setFault(cause instanceof ApiFault ? cause : new ApiFault(0, {}));
      },
    );
  };
  useEffect(load, []);
  useEffect(() => {
    if (url.pathname === '/' && me !== undefined) goTo(placesFor(me)[0]?.href ?? '/patients', { replace: true });
  }, [url.pathname, me]);

  if (fault !== undefined)
    return (
      <main className="lonely">
        <FaultNotice fault={fault} onAgain={load} />
      </main>
    );
  if (me === undefined) return null;
  if (me.mustChangeSecret)
    return (
      <Suspense fallback={null}>
        <Secret me={me} onDone={load} />
      </Suspense>
    );
  return (
    <MeProvider value={me}>
      <Shell me={me}>
        <CurrentPage pathname={url.pathname} />
      </Shell>
    </MeProvider>
  );
}

function CurrentPage({ pathname }: { pathname: string }) {
  for (const [pattern, Found] of PAGES) {
    const match = pattern.exec(pathname);
    if (match === null) continue;
    const id = (match[1] ?? '').split('/').map(decodeURIComponent).join('/');
    return (
      <Suspense fallback={<SkeletonRows rows={8} />}>
        <Found key={`${pattern.source} ${id}`} id={id} />
      </Suspense>
    );
  }
  return pathname === '/' ? null : <Nowhere />;
}
