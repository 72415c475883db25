/** A page that is a list: head, filters, what is new, and one of loading, failed, empty or the rows with their pager. */
import type { ReactNode } from 'react';
import type { Listing } from '../../../schemas/portal.ts';
import { useFilters } from '../address.ts';
import type { Loaded } from '../api.ts';
import { texts } from '../texts.ts';
import type { Column, Selection } from './list.tsx';
import { ListHead, Pager, RowTable } from './list.tsx';
import { Empty, FaultNotice, SkeletonRows } from './notices.tsx';

interface Props<T> {
  title: string;
  list: Loaded<Listing<T>>;
  columns: Column<T>[];
  keyOf: (row: T, at: number) => string;
  linkOf?: (row: T) => string | undefined;
  select?: Selection<T>;
  /** At the right of the title. */
  acts?: ReactNode;
  filters?: ReactNode;
  /** Between filters and rows: what came since, what is chosen. */
  above?: ReactNode;
  /** One sentence on why nothing is there, and the one act that fills it. */
  empty: { sentence: string; act: string; href: string };
}

export function ListPage<T>({ title, acts, ...rest }: Props<T>) {
  return (
    <section className="page">
      <ListHead title={title} count={rest.list.data?.count}>
        {acts}
      </ListHead>
      <ListBody label={title} {...rest} />
    </section>
  );
}

/** The list without its head, for a tab or a card of another page. */
export function ListBody<T>({
  label,
  list,
  columns,
  keyOf,
  linkOf,
  select,
  filters,
  above,
  empty,
}: Omit<Props<T>, 'title' | 'acts'> & { label: string }) {
  const [{ cursor }, change] = useFilters();
  return (
    <>
      {filters === undefined ? null : (
        <fieldset className="filters" aria-label={texts.list.filters}>
          {filters}
        </fieldset>
      )}
      {above}
      {list.fault === undefined ? null : (
        <FaultNotice fault={list.fault} since={list.failedAt} onAgain={() => list.reload()} />
      )}
      {list.data === undefined ? (
        list.fault === undefined ? (
          <SkeletonRows />
        ) : null
      ) : list.data.rows.length === 0 ? (
        <Empty {...empty} />
      ) : (
        <div className={list.loading ? 'stale' : undefined}>
          <RowTable
            label={label}
            columns={columns}
            rows={list.data.rows}
            keyOf={keyOf}
            linkOf={linkOf}
            select={select}
          />
          <Pager next={list.data.next} cursor={cursor} onGo={(to) => change({ cursor: to })} />
        </div>
      )}
    </>
  );
}
