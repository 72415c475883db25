import { Button, PasswordInput } from '@mantine/core';
import type { SubmitEvent } from 'react';
import { useState } from 'react';
import type { Me } from '../../../schemas/portal.ts';
import { ApiFault, ask } from '../api.ts';
import { Mark } from '../icons.tsx';
import { capital } from '../parts/notices.tsx';
import { texts } from '../texts.ts';

const LENGTH_MIN = 12;

/** After the one-time password: choose your own before anything else. */
export default function SecretPage({ me, onDone }: { me: Me; onDone: () => void }) {
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  const [again, setAgain] = useState('');
  const [fault, setFault] = useState<ApiFault>();
  const [busy, setBusy] = useState(false);
  const short = fresh !== '' && fresh.length < LENGTH_MIN ? texts.secret.short(LENGTH_MIN - fresh.length) : undefined;
  const differ = again !== '' && !fresh.startsWith(again) ? texts.secret.differ : undefined;
  const ready = old !== '' && fresh.length >= LENGTH_MIN && fresh === again;

  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    try {
      await ask('/api/secret', { method: 'POST', body: { old, fresh } });
      onDone();
    } catch (cause) {
      setFault(cause instanceof ApiFault ? cause : new ApiFault(0, {}));
      setBusy(false);
    }
  };
  const told = (code: string): string | undefined => (fault?.code === code ? `${capital(fault.message)}.` : undefined);
  const other =
    fault !== undefined && !fault.code.startsWith('admit.')
      ? `${capital(fault.message)}. ${capital(fault.fix)}.`
      : undefined;

  return (
    <main className="lonely">
      <form className="secret" onSubmit={(event) => void save(event)}>
        <header>
          <Mark size={36} />
          <div>
            <p className="quiet">{me.node.name}</p>
            <h1>{texts.secret.title}</h1>
          </div>
        </header>
        <p className="quiet">{texts.secret.help}</p>
        <input type="text" hidden name="username" autoComplete="username" value={me.id} readOnly />
        <PasswordInput
          label={texts.secret.old}
          value={old}
          onChange={(event) => setOld(event.currentTarget.value)}
          autoComplete="current-password"
          error={told('admit.wrong-secret')}
          data-autofocus
          required
        />
        <PasswordInput
          label={texts.secret.fresh}
          description={texts.secret.freshHelp}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={fresh}
          onChange={(event) => setFresh(event.currentTarget.value)}
          autoComplete="new-password"
          error={short ?? told('admit.weak-secret')}
          required
        />
        <PasswordInput
          label={texts.secret.again}
          value={again}
          onChange={(event) => setAgain(event.currentTarget.value)}
          autoComplete="new-password"
          error={differ}
          required
        />
        {other === undefined ? null : (
          <p className="fault-line" role="alert">
            {other}
          </p>
        )}
        <Button type="submit" loading={busy} disabled={!ready}>
          {texts.secret.submit}
        </Button>
      </form>
    </main>
  );
}
