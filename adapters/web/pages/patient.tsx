import { Tabs } from '@mantine/core';
import { lazy, useEffect } from 'react';
import type { FactView, PatientView } from '../../../schemas/portal.ts';
import { useFilters } from '../address.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { useLive } from '../live.ts';
import { Ago } from '../parts/ago.tsx';
import { Elsewhere } from '../parts/elsewhere.tsx';
import { FactCard } from '../parts/fact-card.tsx';
import { Link } from '../parts/link.tsx';
import { useMe } from '../parts/me.tsx';
import { capital, Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { PatientBanner } from '../parts/patient-banner.tsx';
import { TimelineCard } from '../parts/patient-timeline.tsx';
import { NumbersTab } from '../parts/registry-cards.tsx';
import { ResultGrid } from '../parts/result-grid.tsx';
import { texts } from '../texts.ts';
import { exchangeTexts } from '../texts-exchange.ts';

const words = texts.patient;

const Person = lazy(() => import('./person.tsx'));

/** A hospital shows the record; a region or the global node has none, and shows the person across hospitals. */
export default function PatientPage({ id }: { id: string }) {
  return useMe().node.role === 'hospital' ? <RecordPage id={id} /> : <Person id={id} />;
}

function RecordPage({ id }: { id: string }) {
  const [filters, change] = useFilters();
  const { data, fault, failedAt, reload } = useLoad<PatientView>(`/api/patients/${encodeURIComponent(id)}`);
  useLive((note) => {
    if (note.persons.includes(id)) reload({ background: true });
  });
  if (fault?.status === 404)
    return <Empty sentence={capital(fault.message)} act={texts.nowhere.patients} href="/patients" />;
  if (data === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={12} />
    ) : (
      <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />
    );
  return (
    <article className="page patient">
      <PatientBanner view={data} />
      {data.row.incomplete ? (
        <p className="notice notice-warn">
          <Icon name="warning" size={16} /> {words.incomplete}.{' '}
          <Link href={`/messages?state=parked&person=${id}`}>{texts.parked.title}</Link>
        </p>
      ) : null}
      <Tabs
        className="tabs-page"
        value={filters.tab ?? 'record'}
        onChange={(tab) => change({ tab: tab === 'record' ? undefined : (tab ?? undefined) })}
        keepMounted={false}
      >
        <Tabs.List>
          {(['record', 'elsewhere', 'numbers'] as const).map((tab) => (
            <Tabs.Tab key={tab} value={tab}>
              {exchangeTexts.registry.tabs[tab]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="record">
          <Cards view={data} />
        </Tabs.Panel>
        <Tabs.Panel value="elsewhere">
          <Elsewhere personId={id} />
        </Tabs.Panel>
        <Tabs.Panel value="numbers">
          <NumbersTab personId={id} />
        </Tabs.Panel>
      </Tabs>
    </article>
  );
}

function Cards({ view: data }: { view: PatientView }) {
  useMarkedFact(data);
  return (
    <>
      <TimelineCard view={data} />
      <div className="cards">
        <FactCard title={words.problems} facts={data.problems} join />
        <FactCard title={words.medications} facts={data.medications} join />
        <FactCard title={words.allergies} facts={data.allergies} none={words.noAllergies} />
      </div>
      <ResultGrid facts={data.results} />
      <div className="cards">
        <FactCard title={words.immunizations} facts={data.immunizations} />
        <FactCard title={words.encounters} facts={data.encounters} />
        <FactCard title={words.procedures} facts={data.procedures} />
        {othersOf(data).map(({ title, facts }) => (
          <FactCard key={title} title={title} facts={facts} join />
        ))}
        <Documents view={data} />
        <Messages view={data} />
      </div>
    </>
  );
}

const OTHERS: Record<string, keyof typeof words.otherCards> = {
  DiagnosticReport: 'reports',
  ServiceRequest: 'orders',
  DocumentReference: 'notes',
  RelatedPerson: 'people',
  Coverage: 'people',
  Account: 'people',
};

/** What has no card of its own, by kind; kinds that are empty are left out. */
function othersOf(data: PatientView): { title: string; facts: FactView[] }[] {
  const kinds = Object.keys(words.otherCards) as (keyof typeof words.otherCards)[];
  return kinds
    .map((kind) => ({
      title: words.otherCards[kind],
      facts: data.others.filter((fact) => (OTHERS[fact.type] ?? 'rest') === kind),
    }))
    .filter(({ facts }) => facts.length > 0);
}

/** A link to `#entry` shows that fact: it is scrolled to and marked for a moment. */
function useMarkedFact(data: PatientView | undefined): void {
  const there = data !== undefined;
  useEffect(() => {
    const wanted = location.hash.slice(1);
    if (!there || wanted === '') return;
    const found = document.getElementById(`fact-${wanted}`);
    found?.scrollIntoView({ block: 'center' });
    found?.classList.add('marked');
  }, [there]);
}

function Documents({ view }: { view: PatientView }) {
  return (
    <section className="card">
      <div className="card-head">
        <h2>
          {words.documents} <span className="count">{view.documents.length}</span>
        </h2>
      </div>
      {view.documents.length === 0 ? (
        <p className="quiet">{words.none}</p>
      ) : (
        <ul className="fact-list">
          {view.documents.map((document) => (
            <li key={document.id}>
              <span className="fact-title">
                <Link href={`/documents/${document.id}`}>CCD {words.version(document.version)}</Link>{' '}
                <span className="quiet">{words[document.state]}</span>
              </span>
              <span className="quiet">
                <Ago at={document.createdAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Messages({ view }: { view: PatientView }) {
  return (
    <section className="card">
      <div className="card-head">
        <h2>{words.messages}</h2>
        <Link href={`/messages?person=${view.row.id}`}>{texts.patient.allTime}</Link>
      </div>
      {view.messages.length === 0 ? (
        <p className="quiet">{words.none}</p>
      ) : (
        <ul className="fact-list">
          {view.messages.slice(0, 8).map((message) => (
            <li key={message.id}>
              <span className="fact-title">
                <Link href={`/messages/${message.id}`} className="mono">
                  {message.type}
                </Link>{' '}
                <span className="quiet">{message.sourceId}</span>
              </span>
              <span className="quiet">
                <Ago at={message.receivedAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
