import { Button } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { SourceView } from '../../../schemas/portal.ts';
import { useLoad } from '../api.ts';
import { Bars } from '../charts.tsx';
import { Icon } from '../icons.tsx';
import { Ago } from '../parts/ago.tsx';
import { Link } from '../parts/link.tsx';
import { ListHead } from '../parts/list.tsx';
import { Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { texts } from '../texts.ts';

const words = texts.sources;
const REFRESH_MS = 10_000;
const LOST_FIRST = 5;

export default function SourcesPage() {
  const list = useLoad<SourceView[]>('/api/sources');
  const { reload } = list;
  useEffect(() => {
    // Silence brings no live note: a clock must look for it.
    const timer = setInterval(() => {
      if (!document.hidden) reload({ background: true });
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [reload]);
  return (
    <section className="page">
      <ListHead title={words.title} count={list.data?.length} />
      {list.fault !== undefined ? (
        <FaultNotice fault={list.fault} since={list.failedAt} onAgain={() => reload()} />
      ) : null}
      {list.data === undefined ? (
        list.fault === undefined ? (
          <SkeletonRows />
        ) : null
      ) : list.data.length === 0 ? (
        <Empty sentence={words.empty} act={words.emptyAct} href="/messages" />
      ) : (
        <div className="sources">
          {list.data.map((source) => (
            <Source key={source.id} source={source} />
          ))}
        </div>
      )}
    </section>
  );
}

function Source({ source }: { source: SourceView }) {
  const [all, setAll] = useState(false);
  const lost = all ? source.notCarried : source.notCarried.slice(0, LOST_FIRST);
  return (
    <section className="card source">
      <div className="card-head">
        <h2>{source.id}</h2>
        {source.lastAt === undefined ? (
          <span className="state state-kept">
            <Icon name="clock" size={15} />
            {words.never}
          </span>
        ) : source.silent ? (
          <span className="state state-parked" title={words.silentHelp}>
            <Icon name="warning" size={15} />
            {words.silent}
          </span>
        ) : (
          <span className="state state-done">
            <Icon name="check" size={15} />
            {words.alive}
          </span>
        )}
      </div>
      <p className="quiet">
        {words.profile} {source.profile} · {source.facility} · <span className="mono">{source.listener}</span>
      </p>
      <Bars values={source.perMinute} label={words.perMinute} height={44} />
      <p className="quiet chart-foot">
        {words.perMinute}: {words.peak(source.perMinute.at(-1) ?? 0, Math.max(0, ...source.perMinute))}
      </p>
      <dl className="facts">
        <div>
          <dt>{words.last}</dt>
          <dd>{source.lastAt === undefined ? '\u2013' : <Ago at={source.lastAt} />}</dd>
        </div>
        <div>
          <dt>{words.total}</dt>
          <dd>{source.total.toLocaleString('en')}</dd>
        </div>
        <div>
          <dt>{words.parked}</dt>
          <dd>
            {source.parked === 0 ? (
              0
            ) : (
              <Link href={`/messages?source=${encodeURIComponent(source.id)}&state=parked`}>{source.parked}</Link>
            )}
          </dd>
        </div>
        <div>
          <dt className="hidden">{texts.messages.title}</dt>
          <dd>
            <Link href={`/messages?source=${encodeURIComponent(source.id)}`}>{words.seeMessages}</Link>
          </dd>
        </div>
      </dl>
      <h3 title={words.lostHelp}>
        {words.lost} <span className="count">{source.notCarried.length}</span>
      </h3>
      {source.notCarried.length === 0 ? (
        <p className="quiet">{words.lostNone}</p>
      ) : (
        <table className="small-table">
          <thead className="hidden">
            <tr>
              <th>{words.field}</th>
              <th>{words.name}</th>
              <th>{words.count}</th>
            </tr>
          </thead>
          <tbody>
            {lost.map((one) => (
              <tr key={one.field}>
                <td className="mono">{one.field}</td>
                <td className="quiet">{one.name || texts.message.unnamed}</td>
                <td className="number-cell">{one.count.toLocaleString('en')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {source.notCarried.length > LOST_FIRST ? (
        <Button variant="subtle" size="compact-xs" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? texts.patient.fewer : `+ ${source.notCarried.length - LOST_FIRST}`}
        </Button>
      ) : null}
    </section>
  );
}
