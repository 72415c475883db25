import type { DeliveryRow } from '../../../schemas/portal-exchange.ts';
import { exchangeTexts } from '../texts-exchange.ts';
import { Ago } from './ago.tsx';
import { DeliveryMark } from './exchange-marks.tsx';
import { Link } from './link.tsx';
import type { Column } from './list.tsx';
import { capital } from './notices.tsx';

const words = exchangeTexts.deliveries;

export const deliveryColumns: Column<DeliveryRow>[] = [
  {
    key: 'created',
    title: words.columns.created,
    className: 'nowrap loose',
    cell: (row) => (
      <Link data-row-link href={`/deliveries/${row.id}`} className="row-link">
        <Ago at={row.createdAt} />
      </Link>
    ),
  },
  { key: 'state', title: words.columns.state, className: 'nowrap', cell: (row) => <DeliveryMark state={row.state} /> },
  {
    key: 'what',
    title: words.columns.what,
    className: 'nowrap loose',
    cell: (row) => (
      <>
        {words.kinds[row.kind]}
        <span className="narrow-only quiet">{row.outlet}</span>
        <span className="narrow-only">{row.person?.name ?? ''}</span>
      </>
    ),
  },
  { key: 'outlet', title: words.columns.outlet, wide: true, className: 'nowrap', cell: (row) => row.outlet },
  {
    key: 'person',
    title: words.columns.person,
    wide: true,
    className: 'nowrap',
    cell: (row) =>
      row.person === undefined ? (
        '\u2013'
      ) : (
        <Link href={`/patients/${row.person.id}`}>{row.person.name || exchangeTexts.delivery.noName}</Link>
      ),
  },
  { key: 'tries', title: words.columns.tries, wide: true, cell: (row) => row.attempts },
  {
    key: 'why',
    title: words.columns.why,
    wide: true,
    cell: (row) =>
      row.fault === undefined ? (
        <span className="quiet mono breaks">{row.receipt ?? ''}</span>
      ) : (
        <>
          {capital(row.fault.sentence)}
          {row.fault.place === undefined ? '' : ` at ${row.fault.place}`}.
          {row.nextAt === undefined ? null : (
            <span className="quiet">
              {' '}
              {capital(words.nextTry)} <Ago at={row.nextAt} />
            </span>
          )}
        </>
      ),
  },
];
