import { Tooltip } from '@mantine/core';
import type { MessageState } from '../../../schemas/parts.ts';
import type { IconName } from '../icons.tsx';
import { Icon } from '../icons.tsx';
import { texts } from '../texts.ts';

const ICONS: Record<MessageState, IconName> = {
  kept: 'clock',
  done: 'check',
  unmapped: 'minus',
  parked: 'danger',
  repeat: 'repeat',
  corrected: 'rerun',
  test: 'test',
};

/** A message's state: sign and word together, the colour only helps. */
export function StateMark({ state }: { state: MessageState }) {
  return (
    <Tooltip label={texts.messages.stateHelp[state]}>
      <span className={`state state-${state}`}>
        <Icon name={ICONS[state]} size={15} />
        {texts.messages.states[state]}
      </span>
    </Tooltip>
  );
}
