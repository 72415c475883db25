import { Button, Modal, PasswordInput, Tooltip } from '@mantine/core';
import type { SubmitEvent } from 'react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { ApiFault, ask, resumeSession, watchSession } from './api.ts';
import { watchEnd } from './live.ts';
import { texts } from './texts.ts';
import { useNow } from './time.ts';

let endsAt: string | undefined;
let ended = false;
const listeners = new Set<() => void>();
const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

function tell(next: string | undefined): void {
  ended = next === undefined;
  endsAt = next ?? endsAt;
  for (const listener of listeners) listener();
}
watchSession(tell);
watchEnd(() => tell(undefined));

const SOON_MS = 120_000;

/** Minutes before the session locks; in its last two minutes a button that keeps it. */
export function SessionClock({ endsAt: first }: { endsAt: string }) {
  const now = useNow(1000);
  const end = Date.parse(useSyncExternalStore(subscribe, () => endsAt) ?? first);
  const left = Math.max(0, end - now);
  const over = left === 0;
  useEffect(() => {
    // Asked in the background: the node says whether it has ended for all windows.
    if (over) void ask('/api/me', { background: true }).catch(() => undefined);
  }, [over]);
  const soon = left <= SOON_MS;
  const words = soon ? texts.session.soon(Math.ceil(left / 1000)) : texts.session.left(Math.round(left / 60_000));
  return (
    <Tooltip label={words}>
      <span className={soon ? 'clock clock-soon' : 'clock'} role="timer" aria-label={words}>
        {soon ? `${Math.ceil(left / 1000)} s` : `${Math.round(left / 60_000)} min`}
      </span>
    </Tooltip>
  );
}

/** Over the page when the session ended: what was typed stays below, and goes on after the password. */
export function SessionLock({ name, id }: { name: string; id: string }) {
  const locked = useSyncExternalStore(subscribe, () => ended);
  const [secret, setSecret] = useState('');
  const [fault, setFault] = useState<string>();
  const [busy, setBusy] = useState(false);
  const signIn = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      const { me } = await ask<{ me: { sessionEndsAt: string } }>('/api/sign-in', {
        method: 'POST',
        body: { name: id, secret },
      });
      setSecret('');
      setFault(undefined);
      resumeSession(me.sessionEndsAt);
    } catch (cause) {
      setFault(cause instanceof ApiFault && cause.status !== 401 ? cause.message : texts.session.wrong);
    }
    setBusy(false);
  };
  return (
    <Modal
      opened={locked}
      onClose={() => undefined}
      withCloseButton={false}
      closeOnEscape={false}
      title={texts.session.ended}
      overlayProps={{ backgroundOpacity: 0.4, blur: 12 }}
    >
      <p className="quiet">{texts.session.endedHelp}</p>
      <form onSubmit={(event) => void signIn(event)}>
        <input type="hidden" name="name" autoComplete="username" value={name} readOnly />
        <PasswordInput
          label={`${texts.session.password} (${name})`}
          value={secret}
          onChange={(event) => setSecret(event.currentTarget.value)}
          error={fault}
          autoComplete="current-password"
          data-autofocus
        />
        <Button type="submit" fullWidth mt="md" loading={busy} disabled={secret === ''}>
          {texts.session.signIn}
        </Button>
      </form>
    </Modal>
  );
}
