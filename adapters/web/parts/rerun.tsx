import { Button, Checkbox, Modal, Textarea, TextInput } from '@mantine/core';
import type { SubmitEvent } from 'react';
import { useState } from 'react';
import { ApiFault, ask } from '../api.ts';
import { texts } from '../texts.ts';
import { REASON_MIN } from './batch-dialog.tsx';
import { Link } from './link.tsx';
import { capital } from './notices.tsx';

const words = texts.message;

interface Props {
  id: string;
  /** Text to correct; without it the message is only run as it came. */
  text?: string;
  /** Begins with the corrected copy open. */
  correct?: boolean;
  opened: boolean;
  onClose: () => void;
  onDone: () => void;
}

/** Danger needs a typed reason: runs a message again, corrected first where that is wished. */
export function RerunDialog({ id, text, correct = false, opened, onClose, onDone }: Props) {
  const [reason, setReason] = useState('');
  const [correcting, setCorrecting] = useState(correct);
  const [corrected, setCorrected] = useState<string>();
  const [fault, setFault] = useState<ApiFault>();
  const [busy, setBusy] = useState(false);
  const [ran, setRan] = useState<string>();
  const lines = corrected ?? (text ?? '').replace(/\r\n|\r/g, '\n');
  const short = reason !== '' && reason.trim().length < REASON_MIN;

  const close = (): void => {
    onClose();
    if (ran !== undefined) setReason('');
    setRan(undefined);
    setFault(undefined);
  };
  const run = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    try {
      // What stands in the editor has line feeds; HL7 ends its segments with CR.
      const body = { reason, ...(correcting ? { corrected: lines.replace(/\n/g, '\r') } : {}) };
      const { id: running } = await ask<{ id: string }>(`/api/messages/${encodeURIComponent(id)}/rerun`, {
        method: 'POST',
        body,
      });
      setRan(running);
      onDone();
    } catch (cause) {
      setFault(cause instanceof ApiFault ? cause : new ApiFault(0, {}));
    }
    setBusy(false);
  };

  return (
    <Modal opened={opened} onClose={close} title={words.rerunTitle} size={correcting ? 'xl' : 'md'}>
      {ran !== undefined ? (
        <div role="status">
          <p>
            {words.ran}{' '}
            {ran === id ? null : (
              <Link href={`/messages/${ran}`} onClick={close}>
                {words.open}
              </Link>
            )}
          </p>
        </div>
      ) : (
        <form onSubmit={(event) => void run(event)} className="stack">
          <p className="quiet">{words.rerunHelp}</p>
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
          {text === undefined ? null : (
            <Checkbox
              label={words.correct}
              description={words.correctHelp}
              checked={correcting}
              onChange={(event) => setCorrecting(event.currentTarget.checked)}
            />
          )}
          {correcting ? (
            <Textarea
              label={words.corrected}
              value={lines}
              onChange={(event) => setCorrected(event.currentTarget.value)}
              autosize
              minRows={6}
              maxRows={18}
              spellCheck={false}
              classNames={{ input: 'mono nowrap-text' }}
            />
          ) : null}
          {fault === undefined ? null : (
            <p className="fault-line" role="alert">
              {capital(fault.message)}. {capital(fault.fix)}.
            </p>
          )}
          <div className="acts acts-end">
            <Button variant="default" onClick={close}>
              {words.cancel}
            </Button>
            <Button type="submit" loading={busy} disabled={reason.trim().length < REASON_MIN}>
              {words.run}
            </Button>
          </div>
        </form>
      )}
    </Modal>
  );
}
