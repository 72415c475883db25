import { Tooltip } from '@mantine/core';
import { tellAgo, tellTime, useNow } from '../time.ts';

/** A relative time with the exact one on hover and for screen readers. */
export function Ago({ at }: { at: string }) {
  const now = useNow(20_000);
  const exact = tellTime(at);
  return (
    <Tooltip label={exact}>
      <time dateTime={at}>
        {tellAgo(at, now)}
        <span className="hidden">, {exact}</span>
      </time>
    </Tooltip>
  );
}
