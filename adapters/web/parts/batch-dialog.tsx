import { Button, Modal, TextInput } from '@mantine/core';
import type { SubmitEvent } from 'react';
import { useRef, useState } from 'react';
import { ApiFault } from '../api.ts';
import { texts } from '../texts.ts';
import { capital } from './notices.tsx';

export const REASON_MIN = 8;
const words = texts.batch;

export interface Progress {
  done: number;
  of: number;
  failed: number;
  /** The last failure, told when the work is over. */
  fault?: ApiFault;
}

interface Props {
  title: string;
  help: string;
  /** Words of the button that begins. */
  act: string;
  /** Told when it is over; by default that all are in the queue again. */
  over?: (done: number, of: number) => string;
  opened: boolean;
  onClose: () => void;
  onDone: () => void;
  /** Does the work; tells how far it is, and ends early when the signal says so. What it throws is shown. */
  work: (reason: string, tell: (progress: Progress) => void, signal: AbortSignal) => Promise<void>;
}

/** Danger needs a typed reason: work on many things at once, with its progress and a way to stop. */
export function BatchDialog({ title, help, act, over, opened, onClose, onDone, work }: Props) {
  const [reason, setReason] = useState('');
  const [progress, setProgress] = useState<Progress>();
  const [phase, setPhase] = useState<'asking' | 'working' | 'over'>('asking');
  const running = useRef<AbortController | undefined>(undefined);
  const short = reason !== '' && reason.trim().length < REASON_MIN;

  const begin = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const controller = new AbortController();
    running.current = controller;
    let last: Progress = { done: 0, of: 0, failed: 0 };
    const tell = (next: Progress): void => {
      last = next;
      setProgress(next);
    };
    setPhase('working');
    try {
      await work(reason.trim(), tell, controller.signal);
    } catch (cause) {
      tell({ ...last, fault: cause instanceof ApiFault ? cause : new ApiFault(0, {}) });
    }
    setPhase('over');
    onDone();
  };
  const close = (): void => {
    running.current?.abort();
    setPhase('asking');
    setProgress(undefined);
    setReason('');
    onClose();
  };
  return (
    <Modal opened={opened} onClose={close} title={title} closeOnClickOutside={phase !== 'working'}>
      {phase === 'asking' ? (
        <form onSubmit={(event) => void begin(event)} className="stack">
          <p className="quiet">{help}</p>
          <TextInput
            label={words.reason}
            description={words.reasonHelp}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            value={reason}
            maxLength={500}
            required
            error={short ? words.reasonShort : undefined}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-autofocus
          />
          <div className="acts acts-end">
            <Button variant="default" onClick={close}>
              {words.cancel}
            </Button>
            <Button type="submit" disabled={reason.trim().length < REASON_MIN}>
              {act}
            </Button>
          </div>
        </form>
      ) : (
        <div className="stack">
          <ProgressLine progress={progress} over={phase === 'over' ? (over ?? words.over) : undefined} />
          <div className="acts acts-end">
            {phase === 'working' ? (
              <Button variant="default" onClick={() => running.current?.abort()}>
                {words.stop}
              </Button>
            ) : (
              <Button onClick={close}>{words.close}</Button>
            )}
          </div>
        </div>
      )}
    </Modal>
  );
}

function ProgressLine({ progress, over }: { progress: Progress | undefined; over: Props['over'] }) {
  const { done = 0, of = 0, failed = 0, fault } = progress ?? {};
  return (
    <>
      <progress className="batch" value={done + failed} max={Math.max(1, of)} aria-label={words.progress} />
      <p role="status">{(over ?? words.done)(done, of)}</p>
      {fault === undefined ? null : (
        <p className="fault-line" role="alert">
          {failed > 0 ? `${words.failed(failed)} ` : ''}
          {capital(fault.message)}. {capital(fault.fix)}.
        </p>
      )}
    </>
  );
}

/** Does one thing after the other; a failure of one does not keep the others. */
export async function eachInTurn<T>(
  things: T[],
  act: (thing: T) => Promise<unknown>,
  tell: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const progress: Progress = { done: 0, of: things.length, failed: 0 };
  tell({ ...progress });
  for (const thing of things) {
    if (signal.aborted) return;
    try {
      await act(thing);
      progress.done += 1;
    } catch (cause) {
      progress.failed += 1;
      progress.fault = cause instanceof ApiFault ? cause : new ApiFault(0, {});
    }
    tell({ ...progress });
  }
}
