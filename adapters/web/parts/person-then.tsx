/** The local records of a person of the index, with numbers and facts: now, or as of a time. */
import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { PersonAtView } from '../../../schemas/identity.ts';
import { goTo, useFilters } from '../address.ts';
import type { Loaded } from '../api.ts';
import { unlinkRecord } from '../identity.ts';
import { identityTexts } from '../texts-identity.ts';
import { tellDate, tellTime } from '../time.ts';
import { Link } from './link.tsx';
import { useMayDecide } from './me.tsx';
import { FaultNotice, SkeletonRows } from './notices.tsx';
import { ReasonDialog } from './reason-dialog.tsx';

const words = identityTexts.person;

/** `2026-11-23T03:00` in the browser's zone, as the field wants it; '' for no time. */
function fieldValue(at: string | undefined): string {
  const time = at === undefined ? Number.NaN : Date.parse(at);
  if (Number.isNaN(time)) return '';
  return new Date(time - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function ThenCard({ standing }: { standing: Loaded<PersonAtView> }) {
  const [{ at }, change] = useFilters();
  const past = at !== undefined;
  const pick = (value: string): void => {
    const time = Date.parse(value);
    if (value === '') change({ at: undefined });
    else if (!Number.isNaN(time)) change({ at: new Date(time).toISOString() }, { replace: true });
  };
  return (
    <section className={past ? 'card then-past' : 'card'} aria-label={words.records}>
      <div className="card-head">
        <h2>
          {words.records} <span className="count">{standing.data?.records.length}</span>
        </h2>
        <span role="status" className={past ? 'differs-mark' : 'quiet'}>
          {past ? words.atTime(tellTime(at, { seconds: false })) : words.now}
        </span>
      </div>
      <div className="then-head">
        <TextInput
          type="datetime-local"
          label={words.asOf}
          description={words.asOfHelp}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={fieldValue(at)}
          max={fieldValue(new Date().toISOString())}
          onChange={(event) => pick(event.currentTarget.value)}
        />
        {past ? (
          <Button variant="default" onClick={() => change({ at: undefined })}>
            {words.now}
          </Button>
        ) : null}
      </div>
      {standing.data === undefined ? (
        standing.fault === undefined ? (
          <SkeletonRows rows={3} />
        ) : (
          <FaultNotice fault={standing.fault} since={standing.failedAt} onAgain={() => standing.reload()} />
        )
      ) : (
        <Then view={standing.data} past={past} />
      )}
    </section>
  );
}

function Then({ view, past }: { view: PersonAtView; past: boolean }) {
  const mayDecide = useMayDecide();
  if (view.personId === undefined) return <p className="notice">{words.notYet}</p>;
  return (
    <>
      {view.personId === view.asked ? null : (
        <p className="notice">
          {past ? words.wasOther : words.isOther}{' '}
          <Link href={`/patients/${encodeURIComponent(view.personId)}`}>{words.openOther}</Link>
        </p>
      )}
      <Records view={view} acts={mayDecide && !past && view.personId === view.asked} />
      {view.numbers.length === 0 || !past ? null : (
        <>
          <h3>{words.numbersThen}</h3>
          <p>
            {view.numbers.map((number) => (
              <span key={`${number.system} ${number.value}`} className="number" title={number.system}>
                <span className="quiet">{number.type}</span> <span className="mono">{number.value}</span>
              </span>
            ))}
          </p>
        </>
      )}
      {view.facts.length === 0 || !past ? null : (
        <>
          <h3>{words.factsThen}</h3>
          <dl className="facts-then">
            {view.facts.map((fact) => (
              <div key={fact.field}>
                <dt>{fact.title}</dt>
                <dd>{fact.field === 'birthDate' ? tellDate(fact.value) : fact.value}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </>
  );
}

function Records({ view, acts }: { view: PersonAtView; acts: boolean }) {
  const [parting, setParting] = useState<string>();
  return (
    <>
      <table className="compare">
        <thead>
          <tr>
            <th scope="col">{words.recordColumns.node}</th>
            <th scope="col">{words.recordColumns.number}</th>
            <th scope="col" className="wide">
              {words.recordColumns.version}
            </th>
            {!acts ? null : <th scope="col">{words.recordColumns.act}</th>}
          </tr>
        </thead>
        <tbody>
          {view.records.map((record) => (
            <tr key={record.recordId}>
              <td>{record.node}</td>
              <td className="mono breaks" title={record.number.system}>
                {record.number.value}
              </td>
              <td className="quiet wide">{record.version === 0 ? words.noFacts : words.version(record.version)}</td>
              {!acts ? null : (
                <td>
                  <Button
                    size="compact-sm"
                    variant="subtle"
                    color="gray"
                    disabled={view.records.length < 2}
                    onClick={() => setParting(record.recordId)}
                    aria-label={`${words.part}: ${record.node} ${record.number.value}`}
                  >
                    {words.part}
                  </Button>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {!acts || view.records.length !== 1 ? null : <p className="quiet">{words.partOnly}</p>}
      {parting === undefined ? null : (
        <ReasonDialog
          title={words.partTitle}
          help={words.partHelp}
          act={words.part}
          labelHelp={identityTexts.match.undoReasonHelp}
          working={identityTexts.match.working}
          onClose={() => setParting(undefined)}
          onSubmit={async (reason) => {
            const { row } = await unlinkRecord(parting, reason);
            goTo(`/matches/${row.id}`);
          }}
        />
      )}
    </>
  );
}
