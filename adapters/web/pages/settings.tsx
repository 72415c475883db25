import { Switch } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ReleaseView, SettingsView, SettingView } from '../../../schemas/portal-exchange.ts';
import { useFilters } from '../address.ts';
import { useLoad } from '../api.ts';
import { Ago } from '../parts/ago.tsx';
import { ListHead, TextFilter } from '../parts/list.tsx';
import { capital, Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { texts } from '../texts.ts';
import { exchangeTexts } from '../texts-exchange.ts';
import { tellTime } from '../time.ts';

const words = exchangeTexts.settings;

export default function SettingsPage() {
  const [filters, change] = useFilters();
  const { data, fault, failedAt, reload } = useLoad<SettingsView>('/api/settings');
  if (data === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={12} />
    ) : (
      <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />
    );
  const wanted = (filters.q ?? '').toLowerCase();
  // What is looked for is shown; else a room a line, to be opened.
  const narrow = wanted !== '' || filters.only === 'set';
  const rooms = data.rooms
    .map((room) => narrowed(room, wanted, filters.only === 'set'))
    .filter((room) => room !== undefined);
  return (
    <section className="page">
      <ListHead title={words.title} />
      <p className="quiet settings-help">{words.help}</p>
      <Release view={data} />
      <fieldset className="filters" aria-label={texts.list.filters}>
        <TextFilter label={words.find} value={filters.q} onChange={(q) => change({ q })} className="grow" />
        <div className="filter-acts">
          <Switch
            label={words.onlyChanged}
            checked={filters.only === 'set'}
            onChange={(event) => change({ only: event.currentTarget.checked ? 'set' : undefined })}
          />
        </div>
      </fieldset>
      {rooms.length === 0 ? <Empty sentence={words.none} act={texts.list.clear} href="/settings" /> : null}
      {rooms.map((room) => (
        <details key={`${room.path} ${narrow}`} className="card setting-room" open={narrow}>
          <summary>
            <h2>
              <span className="mono">{room.key}</span> <span className="count">{capital(room.sentence)}</span>
            </h2>
            <span className="quiet">
              {room.is === 'list' ? words.count(room.value ?? '0') : words.set(countSet(room))}
            </span>
          </summary>
          <Tree members={room.members} />
        </details>
      ))}
    </section>
  );
}

function countSet(view: SettingView): number {
  const own = view.mark === 'changed' || view.mark === 'secret' ? 1 : 0;
  return view.members.reduce((sum, one) => sum + countSet(one), own);
}

/** The branch with only what fits; undefined when nothing of it does. */
function narrowed(view: SettingView, wanted: string, onlySet: boolean): SettingView | undefined {
  const fits =
    (wanted === '' || `${view.path} ${view.key} ${view.sentence} ${view.value ?? ''}`.toLowerCase().includes(wanted)) &&
    (!onlySet || view.mark === 'changed' || view.mark === 'secret');
  if (view.is === 'setting') return fits ? view : undefined;
  // A room whose own name fits is shown whole.
  const inner = wanted !== '' && `${view.path} ${view.sentence}`.toLowerCase().includes(wanted) ? '' : wanted;
  const members = view.members.map((one) => narrowed(one, inner, onlySet)).filter((one) => one !== undefined);
  return members.length > 0 || (wanted === '' && !onlySet) ? { ...view, members } : undefined;
}

function Tree({ members }: { members: SettingView[] }): ReactNode {
  return members.map((one) =>
    one.is === 'setting' ? (
      <Setting key={one.path} one={one} />
    ) : (
      <div key={one.path} className="setting-item">
        <h3>
          <span className="mono">{one.key}</span> <span className="quiet">{capital(one.sentence)}</span>{' '}
          <Mark of={one} />
        </h3>
        <Tree members={one.members} />
      </div>
    ),
  );
}

function Setting({ one }: { one: SettingView }) {
  const unit = one.unit === undefined ? '' : ` ${one.unit}`;
  return (
    <div className="setting">
      <div>
        <p className="mono">{one.key}</p>
        <p className="quiet">{capital(one.sentence)}.</p>
      </div>
      <div>
        <p>
          <span className="mono setting-value">{one.value === undefined ? '\u2013' : `${one.value}${unit}`}</span>
          <Mark of={one} />
        </p>
        {one.mark === 'changed' && one.standard !== undefined ? (
          <p className="quiet">{words.standard(`${one.standard}${unit}`)}</p>
        ) : null}
      </div>
    </div>
  );
}

function Mark({ of }: { of: SettingView }) {
  return words.marks[of.mark] === '' ? null : (
    <span className={`setting-mark setting-mark-${of.mark}`}>{words.marks[of.mark]}</span>
  );
}

function Release({ view }: { view: SettingsView }) {
  const { release } = view;
  const facts: { title: string; value: ReactNode }[] = [{ title: words.program, value: view.version }];
  if (view.startedAt !== undefined) facts.push({ title: words.started, value: <Ago at={view.startedAt} /> });
  return (
    <section className="card setting-room">
      <div className="card-head">
        <h2>
          {words.release}{' '}
          {release === undefined ? null : (
            <>
              <strong className="mono">{release.version}</strong>{' '}
              {release.from === undefined ? null : <span className="count">{words.releaseFrom(release.from)}</span>}
            </>
          )}
        </h2>
      </div>
      {release === undefined ? <p className="quiet">{words.noRelease}</p> : <ReleaseParts release={release} />}
      <dl className="facts">
        {[...facts, ...factsOf(release)].map(({ title, value }) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function factsOf(release: ReleaseView | undefined): { title: string; value: ReactNode }[] {
  const facts: { title: string; value: ReactNode }[] = [];
  if (release?.publishedAt !== undefined) facts.push({ title: words.published, value: tellTime(release.publishedAt) });
  if (release?.takenAt !== undefined) facts.push({ title: words.taken, value: tellTime(release.takenAt) });
  if (release?.signer !== undefined) facts.push({ title: words.signer, value: release.signer });
  return facts;
}

function ReleaseParts({ release }: { release: ReleaseView }) {
  return (
    <>
      <ul className="release-parts">
        {release.parts.map((part) => (
          <li key={part.name}>
            <strong>{part.count.toLocaleString('en')}</strong> {part.name}
          </li>
        ))}
      </ul>
      {release.local.length === 0 ? null : (
        <p className="quiet">
          {words.local}: {release.local.map((part) => `${part.count.toLocaleString('en')} ${part.name}`).join(', ')}
        </p>
      )}
    </>
  );
}
