/** A person across hospitals: numbers with where they came from, what each hospital fed side by side, the registry of documents. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useState } from 'react';
import type { RegistryDocumentView, RegistryView } from '../../../schemas/portal-exchange.ts';
import { ask, useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { exchangeTexts } from '../texts-exchange.ts';
import { tellTime } from '../time.ts';
import { Ago } from './ago.tsx';
import { Link } from './link.tsx';
import { useMe } from './me.tsx';
import { FaultNotice, SkeletonRows } from './notices.tsx';
import { ReasonDialog } from './reason-dialog.tsx';

const words = exchangeTexts.registry;

/** At a hospital: the numbers that this person has here and in the exchange. */
export function NumbersTab({ personId }: { personId: string }) {
  const { data, fault, failedAt, reload } = useLoad<RegistryView>(
    `/api/patients/${encodeURIComponent(personId)}/registry`,
  );
  if (data === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={5} />
    ) : (
      <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />
    );
  return (
    <div className="cards cards-wide">
      <NumbersCard view={data} personId={personId} large />
      <DocumentsCard documents={data.documents} onChange={() => reload({ background: true })} />
    </div>
  );
}

/** `large`: the MIX number stands on top, where no banner shows it. */
export function NumbersCard({
  view: { numbers, mixNumber, xpid },
  personId,
  large = false,
}: {
  view: RegistryView;
  personId: string;
  large?: boolean;
}) {
  return (
    <section className="card">
      <div className="card-head">
        <h2>
          {words.numbers} <span className="count">{numbers.length}</span>
        </h2>
        <Link href={`/deliveries?person=${encodeURIComponent(personId)}`}>{words.deliveries}</Link>
      </div>
      {!large ? null : mixNumber === undefined ? (
        <p className="quiet">{words.noMix}</p>
      ) : (
        <p className="mix-number mono">
          <span className="hidden">{words.mix} </span>
          {mixNumber}
        </p>
      )}
      {xpid === undefined || numbers.some((number) => number.mark === 'xpid') ? null : (
        <p className="quiet">
          {words.xpid} <span className="mono breaks">{xpid}</span>
        </p>
      )}
      <Scroll label={words.numbers}>
        <table className="compare">
          <thead>
            <tr>
              <th scope="col">{words.number}</th>
              <th scope="col">{words.from}</th>
              <th scope="col">{words.when}</th>
            </tr>
          </thead>
          <tbody>
            {numbers.map((number) => (
              <tr key={`${number.system} ${number.value}`}>
                <td title={number.system}>
                  <span className="quiet">
                    {number.mark === 'mix' ? words.mix : number.mark === 'xpid' ? words.xpid : number.type}
                  </span>{' '}
                  <span className={number.mark === 'mix' ? 'mono nowrap' : 'mono'}>{number.value}</span>
                </td>
                <td>{number.from}</td>
                <td className="quiet">{number.at === undefined ? '\u2013' : <Ago at={number.at} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

/** Each local patient a column; what the hospitals tell differently is marked with a word and a colour. */
export function LocalsCard({ view: { locals, facts } }: { view: RegistryView }) {
  const title = useMe().node.role === 'global' ? words.localsOfRegions : words.locals;
  if (locals.length === 0) return null;
  return (
    <section className="card">
      <h2>
        {title} <span className="count">{locals.length}</span>
      </h2>
      <Scroll label={title}>
        <table className="compare">
          <thead>
            <tr>
              <th scope="col">
                <span className="hidden">{words.fact}</span>
              </th>
              {locals.map((local) => (
                <th scope="col" key={`${local.number.system} ${local.number.value}`}>
                  {local.node} {local.gone ? <span className="differs-mark">{words.gone}</span> : null}
                  <br />
                  <span className="quiet">
                    {local.number.type}{' '}
                    <span className={local.gone ? 'mono gone' : 'mono'} title={local.number.system}>
                      {local.number.value}
                    </span>
                    <br />
                    <Ago at={local.fedAt} />
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {facts.map((fact) => (
              <tr key={fact.field}>
                <th scope="row">
                  {fact.title}{' '}
                  {fact.differ ? (
                    <span className="differs-mark">
                      <Icon name="warning" size={13} /> {words.differ}
                    </span>
                  ) : null}
                </th>
                {locals.map((local, at) => (
                  <td key={`${local.number.system} ${local.number.value}`}>
                    {fact.values[at] === '' || fact.values[at] === undefined ? (
                      <span className="quiet">{'\u2013'}</span>
                    ) : (
                      <span className={isOdd(fact.values, at) ? 'differs' : undefined}>{fact.values[at]}</span>
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

/** A table that may be wider than a phone; the keyboard scrolls it too. */
function Scroll({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard (WCAG 2.1.1)
    <section className="table-scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

/** Differs from what most tell; where none is most, all that were told differ. */
function isOdd(values: string[], at: number): boolean {
  const count = (value: string): number =>
    values.filter((one) => one.toLowerCase() === value.toLowerCase() && one !== '').length;
  const own = count(values[at] ?? '');
  const most = Math.max(...values.map(count));
  const told = new Set(values.filter((value) => value !== '').map((value) => value.toLowerCase()));
  return told.size > 1 && (own < most || [...told].every((value) => count(value) === most));
}

export function DocumentsCard({ documents, onChange }: { documents: RegistryDocumentView[]; onChange: () => void }) {
  const [asking, setAsking] = useState<string>();
  const me = useMe();
  // A document is its home's: only the hospital that made it withdraws it, and tells whoever got it.
  const atHome = me.node.role === 'hospital';
  const mayWithdraw = atHome && me.roles.some((role) => role === 'doctor' || role === 'privacy-officer');
  return (
    <section className="card">
      <h2>
        {words.documents} <span className="count">{documents.length}</span>
      </h2>
      {documents.length === 0 ? (
        <p className="quiet">{words.noDocuments}</p>
      ) : (
        <ul className="fact-list registry-documents">
          {documents.map((document) => (
            <li key={document.id}>
              <span className="fact-title">
                <DocumentTitle document={document} linked={atHome} />
                <br />
                <span className="quiet">
                  {document.home}, {document.keptHere ? words.kept : words.atHome} · {tellTime(document.createdAt)}
                </span>
                <br />
                <span className="quiet">
                  {words.documentColumns.retrieved} {document.retrieved.length === 0 ? words.nobody : null}
                  {document.retrieved.map((one) => (
                    <span key={one.by} className="retrieved">
                      {one.by} (<Ago at={one.at} />)
                    </span>
                  ))}
                </span>
              </span>
              {mayWithdraw && document.state !== 'deprecated' ? (
                <Button
                  size="compact-sm"
                  variant="subtle"
                  color="gray"
                  className="danger-act"
                  onClick={() => setAsking(document.id)}
                >
                  {words.withdraw}
                </Button>
              ) : null}
            </li>
          ))}
        </ul>
      )}
      {atHome || documents.length === 0 ? null : <p className="quiet">{words.withdrawAtHome}</p>}
      {asking === undefined ? null : (
        <ReasonDialog
          title={words.withdrawTitle}
          help={words.withdrawHelp}
          act={words.withdraw}
          danger
          onClose={() => setAsking(undefined)}
          onSubmit={async (reason) => {
            await ask(`/api/documents/${encodeURIComponent(asking)}/withdraw`, { method: 'POST', body: { reason } });
            onChange();
          }}
        />
      )}
    </section>
  );
}

function DocumentTitle({ document, linked }: { document: RegistryDocumentView; linked: boolean }) {
  const state = words.states[document.state];
  return (
    <>
      {linked ? <Link href={`/documents/${document.id}`}>{document.title}</Link> : <strong>{document.title}</strong>}{' '}
      {state === '' ? null : (
        <span className={document.state === 'deprecated' ? 'state state-parked' : 'quiet'}>{state}</span>
      )}
    </>
  );
}
