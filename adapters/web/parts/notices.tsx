/** The three states beside 'there it is': loading, nothing there, and failed. */
import { Button, Skeleton } from '@mantine/core';
import type { ApiFault } from '../api.ts';
import { Icon } from '../icons.tsx';
import { texts } from '../texts.ts';
import { tellTime } from '../time.ts';
import { Link } from './link.tsx';

export const capital = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1);

export function SkeletonRows({ rows = 10 }: { rows?: number }) {
  return (
    <div className="skeletons" role="status" aria-label={texts.loading}>
      {Array.from({ length: rows }, (_, at) => 92 - ((at * 17) % 38)).map((width) => (
        <Skeleton key={width} height={18} width={`${width}%`} />
      ))}
    </div>
  );
}

/** One sentence on why, and the one act that fills it. */
export function Empty({
  sentence,
  act,
  href,
  onAct,
}: {
  sentence: string;
  act: string;
  href?: string;
  onAct?: () => void;
}) {
  return (
    <div className="empty">
      <p>{sentence}</p>
      {href !== undefined ? (
        <Button component={Link} href={href} variant="default">
          {act}
        </Button>
      ) : (
        <Button variant="default" onClick={onAct}>
          {act}
        </Button>
      )}
    </div>
  );
}

/** What failed, since when, what to do, try again. */
export function FaultNotice({ fault, since, onAgain }: { fault: ApiFault; since?: number; onAgain: () => void }) {
  return (
    <div className="fault" role="alert">
      <Icon name="danger" />
      <div>
        <p>
          <strong>
            {capital(fault.message)}
            {fault.place ? ` ${texts.faults.place} ${fault.place}` : ''}.
          </strong>{' '}
          {capital(fault.fix)}.
        </p>
        <p className="quiet">
          {fault.code}
          {fault.detail ? ` \u00b7 ${fault.detail}` : ''}
          {since === undefined ? '' : ` \u00b7 ${texts.faults.since} ${tellTime(new Date(since).toISOString())}`}
        </p>
      </div>
      <Button variant="default" size="xs" onClick={onAgain}>
        {texts.faults.again}
      </Button>
    </div>
  );
}
