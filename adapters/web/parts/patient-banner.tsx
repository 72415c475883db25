import { Button } from '@mantine/core';
import { useState } from 'react';
import type { FactView, PatientView } from '../../../schemas/portal.ts';
import { goTo } from '../address.ts';
import { ApiFault, ask } from '../api.ts';
import { Icon } from '../icons.tsx';
import { texts } from '../texts.ts';
import { ageOf, tellDate } from '../time.ts';
import { Link } from './link.tsx';
import { capital } from './notices.tsx';

const words = texts.patient;

/** SNOMED CT: no known allergy, no known drug, food, environmental and insect allergy. */
const NONE_KNOWN = new Set(
  ['716186003', '409137002', '429625007', '428607008', '428197003'].map((code) => `http://snomed.info/sct|${code}`),
);

/** Who it is, what must not be missed, and the acts: never scrolls away. */
export function PatientBanner({ view }: { view: PatientView }) {
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
