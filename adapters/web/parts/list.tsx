/** The one pattern of every list: title with count, filters of the address, a table with row keys, paging by cursor. */
import { Button } from '@mantine/core';
import type { MouseEvent, KeyboardEvent as ReactKeyboardEvent, ReactNode } from 'react';
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

interface Props<T> {
  columns: Column<T>[];
  rows: T[];
  keyOf: (row: T, at: number) => string;
  /** Address that a row opens; its first cell should hold the link, marked `data-row-link`. */
  linkOf?: (row: T) => string | undefined;
  label: string;
}

export function RowTable<T>({ columns, rows, keyOf, linkOf, label }: Props<T>) {
  const table = useRowKeys();
  const open = (event: MouseEvent, row: T): void => {
    const link = linkOf?.(row);
    if (
      link === undefined ||
      (event.target as Element).closest('a,button') !== null ||
      getSelection()?.isCollapsed === false
    )
      return;
    goTo(link);
  };
  return (
    <table className="rows" ref={table} aria-label={label}>
      <thead>
        <tr>
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

/** Sends a typed filter on Enter or when the field is left. */
export function onCommit(commit: (value: string) => void) {
  return {
    onBlur: (event: { currentTarget: HTMLInputElement }) => commit(event.currentTarget.value.trim()),
    onKeyDown: (event: ReactKeyboardEvent<HTMLInputElement>) => {
      if (event.key === 'Enter') commit(event.currentTarget.value.trim());
    },
  };
}
