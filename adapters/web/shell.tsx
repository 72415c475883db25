/** What is on every page: the places, the node's name, search, the status dot, the session's clock. */
import { ActionIcon, Button, Popover, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import type { ReactNode } from 'react';
import { useCallback, useRef } from 'react';
import type { Me, Overview } from '../../schemas/portal.ts';
import { useAddress } from './address.ts';
import { ask, useLoad } from './api.ts';
import type { IconName } from './icons.tsx';
import { Icon, Mark } from './icons.tsx';
import { useLive } from './live.ts';
import { Link } from './parts/link.tsx';
import { SearchBox } from './search-box.tsx';
import { SessionClock, SessionLock } from './session-clock.tsx';
import { texts } from './texts.ts';

const PLACES: { name: keyof typeof texts.places; href: string; icon: IconName }[] = [
  { name: 'messages', href: '/messages', icon: 'messages' },
  { name: 'patients', href: '/patients', icon: 'patients' },
  { name: 'sources', href: '/sources', icon: 'sources' },
  { name: 'parked', href: '/parked', icon: 'parked' },
  { name: 'audit', href: '/audit', icon: 'audit' },
];
const REFRESH_MS = 3000;

export function Shell({ me, children }: { me: Me; children: ReactNode }) {
  const overview = useLoad<Overview>('/api/overview');
  useRefresh(overview.reload);
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {texts.skip}
      </a>
      <Rail overview={overview.data} />
      <header className="top">
        <div className="node" title={`${me.node.name}, ${me.node.version}`}>
          <Mark size={26} />
          <span className="node-name">{me.node.name}</span>
          <span className="node-role">{texts.roles[me.node.role]}</span>
        </div>
        <SearchBox />
        <div className="top-acts">
          <StatusDot overview={overview.data} />
          <SchemeSwitch />
          <PersonMenu me={me} />
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        {overview.data?.samples !== undefined && overview.data.samples.sent < overview.data.samples.of ? (
          <SamplesLine samples={overview.data.samples} />
        ) : null}
        {children}
      </main>
      <SessionLock name={me.name} id={me.id} />
    </div>
  );
}

/** Refreshes with the live notes, but not more often than every few seconds. */
function useRefresh(reload: (options: { background: boolean }) => void): void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const refresh = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      reload({ background: true });
    }, REFRESH_MS);
  }, [reload]);
  useLive(refresh);
}

function Rail({ overview }: { overview: Overview | undefined }) {
  const { pathname } = useAddress();
  const parked = overview?.counts.parked ?? 0;
  return (
    <nav className="rail" aria-label={texts.rail}>
      {PLACES.map(({ name, href, icon }) => (
        <Link key={name} href={href} className="place" aria-current={pathname.startsWith(href) ? 'page' : undefined}>
          <Icon name={icon} size={20} />
          <span>{texts.places[name]}</span>
          {name === 'parked' && parked > 0 ? <span className="place-count">{parked}</span> : null}
        </Link>
      ))}
    </nav>
  );
}

function StatusDot({ overview }: { overview: Overview | undefined }) {
  const status = overview?.status;
  const words = status === undefined ? texts.status.unknown : texts.status[status];
  return (
    <Popover position="bottom-end" width={320} shadow="md" withArrow trapFocus>
      <Popover.Target>
        <button type="button" className={`dot dot-${status ?? 'unknown'}`}>
          <Icon name={status === 'ok' ? 'check' : status === 'danger' ? 'danger' : 'warning'} size={16} />
          <span className="dot-words">{words}</span>
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <h2 className="small-title">{texts.status.title}</h2>
        {overview === undefined || overview.risks.length === 0 ? (
          <p className="quiet">{texts.status.none}</p>
        ) : (
          <ul className="risks">
            {overview.risks.map((risk) => (
              <li key={risk.sentence}>
                <Link href={risk.link}>{risk.sentence}</Link>
              </li>
            ))}
          </ul>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  const words = dark ? texts.scheme.toLight : texts.scheme.toDark;
  return (
    <Tooltip label={words}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={words}
        onClick={() => setColorScheme(dark ? 'light' : 'dark')}
      >
        <Icon name={dark ? 'sun' : 'moon'} />
      </ActionIcon>
    </Tooltip>
  );
}

function PersonMenu({ me }: { me: Me }) {
  const leave = async (): Promise<void> => {
    await ask('/api/sign-out', { method: 'POST' }).catch(() => undefined);
    location.assign('/');
  };
  return (
    <Popover position="bottom-end" width={240} shadow="md" withArrow trapFocus>
      <Popover.Target>
        <button type="button" className="person" aria-label={me.name}>
          <span aria-hidden="true">{me.name.slice(0, 2).toUpperCase()}</span>
          <SessionClock endsAt={me.sessionEndsAt} />
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <p className="person-name">{me.name}</p>
        <p className="quiet">{me.roles.join(', ')}</p>
        <Button
          fullWidth
          mt="sm"
          variant="default"
          leftSection={<Icon name="out" size={16} />}
          onClick={() => void leave()}
        >
          {texts.session.signOut}
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}

function SamplesLine({ samples }: { samples: { sent: number; of: number } }) {
  return (
    <div className="samples" role="status">
      <progress value={samples.sent} max={samples.of} aria-label={texts.samples(samples.sent, samples.of)} />
      <span>{texts.samples(samples.sent, samples.of)}</span>
    </div>
  );
}
