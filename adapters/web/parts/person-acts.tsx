/** Says that two persons of the index are one: finds the other, then links or merges, with a reason. */
import { Button, Modal, TextInput } from '@mantine/core';
import type { SubmitEvent } from 'react';
import { useState } from 'react';
import type { MatchView } from '../../../schemas/identity.ts';
import type { Listing, PatientRow } from '../../../schemas/portal.ts';
import { goTo, queryOf } from '../address.ts';
import { ApiFault, ask } from '../api.ts';
import { linkPersons, mergePersons } from '../identity.ts';
import { texts } from '../texts.ts';
import { exchangeTexts } from '../texts-exchange.ts';
import { identityTexts } from '../texts-identity.ts';
import { tellDate } from '../time.ts';
import { REASON_MIN } from './batch-dialog.tsx';
import { capital } from './notices.tsx';

const words = identityTexts.person;
type Verb = 'link' | 'merge';
const nameOf = (row: PatientRow): string => row.name || row.numbers[0]?.value || row.id;

export function PersonActs({ self }: { self: PatientRow }) {
  const [verb, setVerb] = useState<Verb>();
  return (
    <div className="acts">
      <Button variant="default" onClick={() => setVerb('link')}>
        {words.link}
      </Button>
      <Button variant="default" onClick={() => setVerb('merge')}>
        {words.merge}
      </Button>
      {verb === undefined ? null : <JoinDialog self={self} verb={verb} onClose={() => setVerb(undefined)} />}
    </div>
  );
}

function JoinDialog({ self, verb, onClose }: { self: PatientRow; verb: Verb; onClose: () => void }) {
  const [other, setOther] = useState<PatientRow>();
  const [reason, setReason] = useState('');
  const [fault, setFault] = useState<ApiFault>();
  const [busy, setBusy] = useState(false);
  const short = reason.trim().length < REASON_MIN;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (other === undefined || short) return;
    setBusy(true);
    setFault(undefined);
    try {
      const done: MatchView =
        verb === 'link'
          ? await linkPersons(self.id, other.id, reason.trim())
          : await mergePersons(self.id, other.id, reason.trim());
      goTo(`/matches/${done.row.id}`);
    } catch (cause) {
      setFault(cause instanceof ApiFault ? cause : new ApiFault(0, {}));
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={verb === 'link' ? words.linkTitle : words.mergeTitle}>
      <div className="stack">
        <p className="quiet">{verb === 'link' ? words.linkHelp : words.mergeHelp}</p>
        {other === undefined ? (
          <PersonFinder except={self.id} onFound={setOther} />
        ) : (
          <form className="stack" onSubmit={(event) => void submit(event)}>
            <p>
              <span className="quiet">{words.chosen}</span> <strong>{nameOf(other)}</strong>{' '}
              <Button variant="subtle" size="compact-xs" onClick={() => setOther(undefined)}>
                {words.change}
              </Button>
              <br />
              <PersonLine row={other} />
            </p>
            <TextInput
              label={words.reason}
              description={words.reasonHelp}
              inputWrapperOrder={['label', 'input', 'description', 'error']}
              value={reason}
              maxLength={500}
              required
              error={reason !== '' && short ? texts.batch.reasonShort : undefined}
              onChange={(event) => setReason(event.currentTarget.value)}
              data-autofocus
            />
            {busy ? (
              <div role="status">
                <progress className="working" aria-label={identityTexts.match.working} />
                <p className="quiet">{identityTexts.match.working}</p>
              </div>
            ) : null}
            {fault === undefined ? null : <FaultLine fault={fault} />}
            <div className="acts acts-end">
              <Button variant="default" onClick={onClose}>
                {exchangeTexts.reason.cancel}
              </Button>
              <Button type="submit" loading={busy} disabled={short}>
                {words.do[verb]}
              </Button>
            </div>
          </form>
        )}
      </div>
    </Modal>
  );
}

function FaultLine({ fault }: { fault: ApiFault }) {
  return (
    <p className="fault-line" role="alert">
      {capital(fault.message)}. {capital(fault.fix)}.
    </p>
  );
}

function PersonLine({ row }: { row: PatientRow }) {
  const told = [
    row.birthDate === undefined ? undefined : tellDate(row.birthDate),
    row.sex,
    row.mixNumber ?? row.numbers[0]?.value,
  ];
  return <span className="quiet">{told.filter((part) => part !== undefined).join(' \u00b7 ')}</span>;
}

const FOUND_MAX = 20;

function PersonFinder({ except, onFound }: { except: string; onFound: (row: PatientRow) => void }) {
  const [typed, setTyped] = useState('');
  const [found, setFound] = useState<PatientRow[]>();
  const [fault, setFault] = useState<ApiFault>();
  const search = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setFault(undefined);
    try {
      const { rows } = await ask<Listing<PatientRow>>(`/api/patients${queryOf({ q: typed.trim(), limit: FOUND_MAX })}`);
      setFound(rows.filter(({ id }) => id !== except));
    } catch (cause) {
      setFault(cause instanceof ApiFault ? cause : new ApiFault(0, {}));
    }
  };
  return (
    <form className="stack" onSubmit={(event) => void search(event)}>
      <TextInput
        label={words.other}
        description={words.otherHelp}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        value={typed}
        maxLength={200}
        onChange={(event) => setTyped(event.currentTarget.value)}
        data-autofocus
      />
      <div className="acts acts-end">
        <Button type="submit" variant="default" disabled={typed.trim() === ''}>
          {words.search}
        </Button>
      </div>
      {fault === undefined ? null : <FaultLine fault={fault} />}
      {found === undefined ? null : found.length === 0 ? (
        <p className="quiet" role="status">
          {words.noneFound}
        </p>
      ) : (
        <ul className="found-list">
          {found.map((row) => (
            <li key={row.id}>
              <button type="button" onClick={() => onFound(row)}>
                <strong>{nameOf(row)}</strong>
                <PersonLine row={row} />
              </button>
            </li>
          ))}
        </ul>
      )}
    </form>
  );
}
