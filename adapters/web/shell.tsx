/** What is on every page: the places, the node's name, search, the status dot, the session's clock. */
import { ActionIcon, Button, Popover, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { useState } from 'react';
import type { Me, Overview } from '../../schemas/portal.ts';
import { useAddress } from './address.ts';
import { ask, useLoad } from './api.ts';
import { Icon, Mark } from './icons.tsx';
import { useRefresh } from './live.ts';
import { Link } from './parts/link.tsx';
import type { RailPlace } from './places.ts';
import { placesFor } from './places.ts';
import { SearchBox } from './search-box.tsx';
import { SessionClock, SessionLock } from './session-clock.tsx';
import { texts } from './texts.ts';

/** A phone's bottom bar has room for so many; the rest waits behind one more. */
const BAR_MAX = 5;

export function Shell({ me, children }: { me: Me; children: ReactNode }) {
  const overview = useLoad<Overview>('/api/overview');
  useRefresh(overview.reload);
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {texts.skip}
      </a>
      <Rail me={me} overview={overview.data} />
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

function Rail({ me, overview }: { me: Me; overview: Overview | undefined }) {
  const narrow = useMediaQuery('(max-width: 700px)', undefined, { getInitialValueInEffect: false });
  const places = placesFor(me);
  const shown = narrow && places.length > BAR_MAX ? places.slice(0, BAR_MAX - 1) : places;
  return (
    <nav className="rail" aria-label={texts.rail}>
      {shown.map((place) => (
        <PlaceLink key={place.name} place={place} overview={overview} />
      ))}
      {shown.length === places.length ? null : <MorePlaces places={places.slice(shown.length)} overview={overview} />}
    </nav>
  );
}

function PlaceLink({
  place: { name, href, icon },
  overview,
  onClick,
}: {
  place: RailPlace;
  overview: Overview | undefined;
  onClick?: () => void;
}) {
  const { pathname } = useAddress();
  const count = countOf(name, overview);
  return (
    <Link href={href} className="place" aria-current={pathname.startsWith(href) ? 'page' : undefined} onClick={onClick}>
      <Icon name={icon} size={20} />
      <span>{texts.places[name]}</span>
      {count === undefined || count === 0 ? null : <span className="place-count">{count}</span>}
    </Link>
  );
}

/** What waits at a place for a person. */
function countOf(name: RailPlace['name'], overview: Overview | undefined): number | undefined {
  if (name === 'parked') return overview?.counts.parked;
  if (name === 'deliveries') return overview?.counts.undelivered;
  return name === 'matches' ? overview?.counts.matches : undefined;
}

function MorePlaces({ places, overview }: { places: RailPlace[]; overview: Overview | undefined }) {
  const [opened, setOpened] = useState(false);
  const { pathname } = useAddress();
  const here = places.some(({ href }) => pathname.startsWith(href));
  return (
    <Popover opened={opened} onChange={setOpened} position="top-end" width={220} shadow="md" trapFocus>
      <Popover.Target>
        <button
          type="button"
          className={here ? 'place place-more place-here' : 'place place-more'}
          onClick={() => setOpened(!opened)}
        >
          <Icon name="more" size={20} />
          <span>{texts.more}</span>
        </button>
      </Popover.Target>
      <Popover.Dropdown className="more-places">
        {places.map((place) => (
          <PlaceLink key={place.name} place={place} overview={overview} onClick={() => setOpened(false)} />
        ))}
      </Popover.Dropdown>
    </Popover>
  );
}

function StatusDot({ overview }: { overview: Overview | undefined }) {
  const [opened, setOpened] = useState(false);
  const close = (): void => setOpened(false);
  const status = overview?.status;
  const words = status === undefined ? texts.status.unknown : texts.status[status];
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width={340} shadow="md" withArrow trapFocus>
      <Popover.Target>
        <button type="button" className={`dot dot-${status ?? 'unknown'}`} onClick={() => setOpened(!opened)}>
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
              <li key={risk.sentence} className={risk.acknowledged === true ? 'quiet' : undefined}>
                <Icon name={risk.grave === 'danger' ? 'danger' : 'warning'} size={15} />
                <span>
                  <Link href={risk.link} onClick={close}>
                    {risk.sentence}
                  </Link>
                  {risk.acknowledged === true ? ` ${texts.status.lookedAfter}` : ''}
                </span>
              </li>
            ))}
          </ul>
        )}
        <p className="risks-all">
          <Link href="/alerts" onClick={close}>
            {texts.status.all}
          </Link>
        </p>
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
