import type { ComponentType, LazyExoticComponent } from 'react';
import { lazy, Suspense, useEffect, useState } from 'react';
import type { Me } from '../../schemas/portal.ts';
import { goTo, useAddress } from './address.ts';
import { ApiFault, ask } from './api.ts';
import { FaultNotice, SkeletonRows } from './parts/notices.tsx';
import { Nowhere } from './parts/nowhere.tsx';
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
    if (url.pathname === '/') goTo('/messages', { replace: true });
  }, [url.pathname]);

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
    <Shell me={me}>
      <CurrentPage pathname={url.pathname} />
    </Shell>
  );
}

function CurrentPage({ pathname }: { pathname: string }) {
  for (const [pattern, Found] of PAGES) {
    const match = pattern.exec(pathname);
    if (match === null) continue;
    const id = decodeURIComponent(match[1] ?? '');
    return (
      <Suspense fallback={<SkeletonRows rows={8} />}>
        <Found key={`${pattern.source} ${id}`} id={id} />
      </Suspense>
    );
  }
  return pathname === '/' ? null : <Nowhere />;
}
