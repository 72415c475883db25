/** The one pattern of every list: title with count, filters of the address, a table with row keys, paging by cursor. */
import { Button, Checkbox, TextInput } from '@mantine/core';
import type { MouseEvent, ReactNode } from 'react';
import { useEffect, useRef } from 'react';
import { goTo } from '../address.ts';
import { Icon } from '../icons.tsx';
import { texts } from '../texts.ts';

export interface Column<T> {
  key: string;
  title: string;
  cell: (row: T) => ReactNode;
  /** Left out below 700 px. */
  wide?: boolean;
  className?: string;
}

/** Rows that a person chose, by key; what can't be chosen has no box. */
export interface Selection<T> {
  chosen: ReadonlySet<string>;
  onChange: (chosen: ReadonlySet<string>) => void;
  may: (row: T) => boolean;
  tell: (row: T) => string;
}

interface Props<T> {
  columns: Column<T>[];
  rows: T[];
  keyOf: (row: T, at: number) => string;
  /** Address that a row opens; its first cell should hold the link, marked `data-row-link`. */
  linkOf?: (row: T) => string | undefined;
  label: string;
  select?: Selection<T>;
}

export function RowTable<T>({ columns, rows, keyOf, linkOf, label, select }: Props<T>) {
  const table = useRowKeys();
  const open = (event: MouseEvent, row: T): void => {
    const link = linkOf?.(row);
    if (
      link === undefined ||
      (event.target as Element).closest('a,button,label,input') !== null ||
      getSelection()?.isCollapsed === false
    )
      return;
    goTo(link);
  };
  return (
    <table className="rows" ref={table} aria-label={label}>
      <thead>
        <tr>
          {select === undefined ? null : (
            <th className="choose" scope="col">
              <ChooseAll keys={rows.filter(select.may).map((row) => keyOf(row, rows.indexOf(row)))} select={select} />
            </th>
          )}
          {columns.map((column) => (
            <th key={column.key} scope="col" className={classOf(column)}>
              {column.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, at) => (
          // The row's own link serves the keyboard; a click anywhere on the row is only a larger target.
          <tr
            key={keyOf(row, at)}
            className={linkOf?.(row) === undefined ? undefined : 'opens'}
            onClick={(event) => open(event, row)}
          >
            {select === undefined ? null : (
              <td className="choose">
                {select.may(row) ? (
                  <Checkbox
                    size="xs"
                    aria-label={select.tell(row)}
                    checked={select.chosen.has(keyOf(row, at))}
                    onChange={() => select.onChange(toggled(select.chosen, [keyOf(row, at)]))}
                  />
                ) : null}
              </td>
            )}
            {columns.map((column) => (
              <td key={column.key} className={classOf(column)}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Takes the keys in, or out where all of them are in. */
function toggled(chosen: ReadonlySet<string>, keys: string[]): ReadonlySet<string> {
  const next = new Set(chosen);
  const all = keys.every((key) => chosen.has(key));
  for (const key of keys) {
    if (all) next.delete(key);
    else next.add(key);
  }
  return next;
}

function ChooseAll<T>({ keys, select }: { keys: string[]; select: Selection<T> }) {
  const some = keys.filter((key) => select.chosen.has(key)).length;
  return (
    <Checkbox
      size="xs"
      aria-label={texts.list.chooseAll}
      checked={keys.length > 0 && some === keys.length}
      indeterminate={some > 0 && some < keys.length}
      disabled={keys.length === 0}
      onChange={() => select.onChange(toggled(select.chosen, keys))}
    />
  );
}

const classOf = <T,>(column: Column<T>): string =>
  [column.wide === true ? 'wide' : '', column.className ?? ''].join(' ').trim();

/** j and k move between the rows' links from anywhere on the page; Enter opens as on every link. */
function useRowKeys() {
  const table = useRef<HTMLTableElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (
        (event.key !== 'j' && event.key !== 'k') ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        isTyping(event.target)
      )
        return;
      const links = [...(table.current?.querySelectorAll<HTMLElement>('[data-row-link]') ?? [])];
      const at = links.indexOf(document.activeElement as HTMLElement);
      const next = event.key === 'j' ? Math.min(links.length - 1, at + 1) : Math.max(0, at - 1);
      links[next]?.focus();
      links[next]?.closest('tr')?.scrollIntoView({ block: 'nearest' });
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  return table;
}

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) ||
      target.closest('[role=dialog]') !== null)
  );
}

export function ListHead({ title, count, children }: { title: string; count?: number; children?: ReactNode }) {
  return (
    <header className="list-head">
      <h1>
        {title}
        {count === undefined ? null : <span className="count"> {texts.list.count(count)}</span>}
      </h1>
      <div className="acts">{children}</div>
    </header>
  );
}

/** Goes on by cursor; back is the browser's own. */
export function Pager({
  next,
  cursor,
  onGo,
}: {
  next?: string;
  cursor?: string;
  onGo: (cursor: string | undefined) => void;
}) {
  if (next === undefined && cursor === undefined) return null;
  const go = (to: string | undefined): void => {
    onGo(to);
    scrollTo(0, 0);
  };
  return (
    <nav className="pager" aria-label={texts.list.pages}>
      {cursor === undefined ? (
        <span />
      ) : (
        <Button variant="default" onClick={() => go(undefined)}>
          {texts.list.newest}
        </Button>
      )}
      {next === undefined ? null : (
        <Button variant="default" rightSection={<Icon name="arrow" size={16} />} onClick={() => go(next)}>
          {texts.list.older}
        </Button>
      )}
    </nav>
  );
}

/** A typed filter; it holds from Enter on, or when the field is left. */
export function TextFilter({
  label,
  value = '',
  onChange,
  className,
}: {
  label: string;
  value?: string;
  onChange: (value: string) => void;
  className?: string;
}) {
  const commit = (input: HTMLInputElement): void => {
    const typed = input.value.trim();
    if (typed !== value) onChange(typed);
  };
  return (
    <TextInput
      key={value}
      label={label}
      defaultValue={value}
      maxLength={200}
      className={className}
      onBlur={(event) => commit(event.currentTarget)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit(event.currentTarget);
      }}
    />
  );
}
