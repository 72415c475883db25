import { Button, Modal, TextInput } from '@mantine/core';
import type { SubmitEvent } from 'react';
import { useState } from 'react';
import { ApiFault } from '../api.ts';
import { texts } from '../texts.ts';
import { exchangeTexts } from '../texts-exchange.ts';
import { REASON_MIN } from './batch-dialog.tsx';
import { capital } from './notices.tsx';

const words = exchangeTexts.reason;

interface Props {
  title: string;
  help: string;
  act: string;
  label?: string;
  labelHelp?: string;
  danger?: boolean;
  /** Told beside a moving bar while it works, where that may take long. */
  working?: string;
  onClose: () => void;
  /** What it throws is shown; then the reason is still there. */
  onSubmit: (reason: string) => Promise<void>;
}

/** One act that wants a typed reason. */
export function ReasonDialog({ title, help, act, label, labelHelp, danger, working, onClose, onSubmit }: Props) {
  const [reason, setReason] = useState('');
  const [fault, setFault] = useState<ApiFault>();
  const [busy, setBusy] = useState(false);
  const short = reason.trim().length < REASON_MIN;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    try {
      await onSubmit(reason.trim());
      onClose();
    } catch (cause) {
      setFault(cause instanceof ApiFault ? cause : new ApiFault(0, {}));
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={title}>
      <form onSubmit={(event) => void submit(event)} className="stack">
        <p className="quiet">{help}</p>
        <TextInput
          label={label ?? words.reason}
          description={labelHelp ?? words.reasonHelp}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={reason}
          maxLength={500}
          required
          error={reason !== '' && short ? texts.batch.reasonShort : undefined}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
        {busy && working !== undefined ? (
          <div role="status">
            <progress className="working" aria-label={working} />
            <p className="quiet">{working}</p>
          </div>
        ) : null}
        {fault === undefined ? null : (
          <p className="fault-line" role="alert">
            {capital(fault.message)}. {capital(fault.fix)}.
          </p>
        )}
        <div className="acts acts-end">
          <Button variant="default" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button
            type="submit"
            loading={busy}
            disabled={short}
            className={danger === true && !short ? 'danger-fill' : undefined}
          >
            {act}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
