import { Button, SegmentedControl } from '@mantine/core';
import { useEffect, useMemo, useState } from 'react';
import type { FactView, PatientView } from '../../../schemas/portal.ts';
import { goTo } from '../address.ts';
import { ApiFault, ask, useLoad } from '../api.ts';
import type { TimelineItem } from '../charts.tsx';
import { Timeline } from '../charts.tsx';
import { Icon } from '../icons.tsx';
import { useLive } from '../live.ts';
import { Ago } from '../parts/ago.tsx';
import { FactCard } from '../parts/fact-card.tsx';
import { Link } from '../parts/link.tsx';
import { capital, Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { ResultGrid } from '../parts/result-grid.tsx';
import { texts } from '../texts.ts';
import { ageOf, tellDate, tellTime } from '../time.ts';

const words = texts.patient;
const DAY_MS = 86_400_000;

/** SNOMED CT: no known allergy, no known drug, food, environmental and insect allergy. */
const NONE_KNOWN = new Set(
  ['716186003', '409137002', '429625007', '428607008', '428197003'].map((code) => `http://snomed.info/sct|${code}`),
);

export default function PatientPage({ id }: { id: string }) {
  const { data, fault, failedAt, reload } = useLoad<PatientView>(`/api/patients/${encodeURIComponent(id)}`);
  useLive((note) => {
    if (note.persons.includes(id)) reload({ background: true });
  });
  useMarkedFact(data);
  if (fault?.status === 404)
    return <Empty sentence={capital(fault.message)} act={texts.nowhere.act} href="/patients" />;
  if (data === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={12} />
    ) : (
      <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />
    );
  return (
    <article className="page patient">
      <Banner view={data} />
      {data.row.incomplete ? (
        <p className="notice notice-warn">
          <Icon name="warning" size={16} /> {words.incomplete}.{' '}
          <Link href={`/messages?state=parked&person=${id}`}>{texts.parked.title}</Link>
        </p>
      ) : null}
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
    </article>
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

function Banner({ view }: { view: PatientView }) {
  const { row, patient } = view;
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<ApiFault>();
  const age = ageOf(row.birthDate);
  const current = view.documents.find((document) => document.state === 'current');
  const told = view.allergies.filter((fact) => !fact.removed && isLive(fact));
  // "None known" is an answer, not an alarm.
  const allergies = told.filter((fact) => !NONE_KNOWN.has(fact.code ?? '')).map((fact) => fact.title);
  const noneKnown = told.map((fact) => fact.title).join(', ');
  const make = async (): Promise<void> => {
    setBusy(true);
    setFault(undefined);
    try {
      const { id } = await ask<{ id: string }>(`/api/patients/${encodeURIComponent(row.id)}/document`, {
        method: 'POST',
        body: {},
      });
      goTo(`/documents/${id}`);
    } catch (cause) {
      setFault(cause instanceof ApiFault ? cause : new ApiFault(0, {}));
      setBusy(false);
    }
  };
  const address = patient.address?.[0];
  const phone = patient.telecom?.find((one) => one.system === 'phone')?.value;
  const acts = (
    <>
      <Button variant="default" loading={busy} onClick={() => void make()}>
        {words.makeDocument}
      </Button>
      {current === undefined ? null : (
        <Button component={Link} href={`/documents/${current.id}`} leftSection={<Icon name="document" size={16} />}>
          {words.openDocument}
        </Button>
      )}
    </>
  );
  return (
    <>
      <header className="banner">
        <div className="banner-main">
          <h1>
            {row.name || '\u2013'}
            {row.incomplete ? (
              <span className="state state-parked">
                <Icon name="warning" size={14} />
                {texts.patients.incomplete}
              </span>
            ) : null}
          </h1>
          <p>
            {row.birthDate === undefined ? null : (
              <span>
                <span className="quiet">{words.born}</span> {tellDate(row.birthDate)}
                {age === undefined ? '' : `, ${words.age(age)}`}
              </span>
            )}
            {row.sex === undefined ? null : <span>{row.sex}</span>}
            {row.numbers.slice(0, 1).map((number) => (
              <span key={number.value}>
                <span className="quiet">{number.type}</span> <span className="mono">{number.value}</span>
              </span>
            ))}
            {row.mixNumber === undefined ? null : (
              <span>
                <span className="quiet">MIX</span> <span className="mono">{row.mixNumber}</span>
              </span>
            )}
            {address === undefined ? null : (
              <span className="wide-only quiet">
                {[...(address.line ?? []), address.city, address.state, address.postalCode]
                  .filter((part) => part !== undefined && part !== '')
                  .join(', ')}
              </span>
            )}
            {phone === undefined ? null : <span className="wide-only quiet">{phone}</span>}
          </p>
          <p className={allergies.length === 0 ? 'quiet' : 'banner-allergies'}>
            {allergies.length === 0 ? (
              noneKnown || words.noAllergies
            ) : (
              <>
                <Icon name="warning" size={15} />{' '}
                <span>
                  {words.allergies}: <strong>{allergies.join(', ')}</strong>
                </span>
              </>
            )}
          </p>
          {fault === undefined ? null : (
            <p className="fault-line" role="alert">
              {capital(fault.message)}. {capital(fault.fix)}.
            </p>
          )}
        </div>
        <div className="acts wide-acts">{acts}</div>
      </header>
      <div className="acts phone-acts">{acts}</div>
    </>
  );
}

const isLive = (fact: FactView): boolean => !/resolved|inactive|entered-in-error|refuted/.test(fact.status);

function TimelineCard({ view }: { view: PatientView }) {
  const items = useMemo(() => timelineOf(view), [view]);
  const [span, setSpan] = useState('all');
  if (items.length === 0) return null;
  const days = span === 'year' ? 365 : span === 'month' ? 31 : undefined;
  const oldest = Math.min(...items.map((item) => item.from));
  const to =
    days === undefined ? endOf(items, oldest) : Math.max(Date.now(), ...items.map((item) => item.to ?? item.from));
  const from = days === undefined ? oldest - Math.max(DAY_MS, (to - oldest) * 0.02) : to - days * DAY_MS;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{words.timeline}</h2>
        <SegmentedControl
          size="xs"
          value={span}
          onChange={setSpan}
          aria-label={words.span}
          data={[
            { value: 'all', label: words.allTime },
            { value: 'year', label: words.lastYear },
            { value: 'month', label: words.lastMonth },
          ]}
        />
      </div>
      <Timeline
        items={days === undefined ? items.map((item) => (item.from > to ? { ...item, from: to } : item)) : items}
        from={from}
        to={to}
        label={words.timeline}
        lanes={{ encounter: words.encounters, result: words.results, document: words.documents }}
        tellTick={(at) => tellDate(new Date(at).toISOString())}
      />
    </section>
  );
}

/** All that was told, with room to its right; a long silence since then would leave it a speck at the left. Later marks stand at the edge. */
function endOf(items: TimelineItem[], oldest: number): number {
  const told = items.filter((item) => item.lane !== 'document').map((item) => item.to ?? item.from);
  if (told.length === 0) return Date.now();
  const last = Math.max(...told);
  return Math.min(Math.max(Date.now(), last), last + Math.max(DAY_MS, (last - oldest) * 0.25));
}

function timelineOf(view: PatientView): TimelineItem[] {
  const items: TimelineItem[] = [];
  const add = (item: Omit<TimelineItem, 'from' | 'to'>, at: string | undefined, until?: string): void => {
    const from = at === undefined ? Number.NaN : Date.parse(at);
    if (Number.isNaN(from)) return;
    const to = until === undefined ? undefined : Date.parse(until);
    items.push({ ...item, from, ...(to === undefined || Number.isNaN(to) ? {} : { to }) });
  };
  for (const fact of view.encounters) {
    const open = fact.status === 'in-progress' || fact.status === 'arrived';
    add(
      {
        id: fact.id,
        lane: 'encounter',
        title: `${fact.title}, ${fact.at === undefined ? '' : tellTime(fact.at, { seconds: false })}`,
      },
      fact.at,
      fact.until ?? (open ? undefined : fact.at),
    );
  }
  for (const fact of view.results)
    add(
      {
        id: fact.id,
        lane: 'result',
        title: `${fact.title} ${fact.value ?? ''} ${fact.unit ?? ''}, ${fact.at === undefined ? '' : tellTime(fact.at, { seconds: false })}`,
      },
      fact.at,
    );
  for (const document of view.documents)
    add(
      {
        id: document.id,
        lane: 'document',
        title: `CCD ${words.version(document.version)}, ${tellTime(document.createdAt, { seconds: false })}`,
      },
      document.createdAt,
    );
  return items;
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
