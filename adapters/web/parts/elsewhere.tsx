/** What other hospitals have of this person: asked through the region when the tab is opened, not before. */
import { Button } from '@mantine/core';
import type { ElsewhereDocument, ElsewhereView } from '../../../schemas/portal-exchange.ts';
import { useFilters } from '../address.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { exchangeTexts } from '../texts-exchange.ts';
import { tellTime } from '../time.ts';
import { Ago } from './ago.tsx';
import { Link } from './link.tsx';
import type { Column } from './list.tsx';
import { RowTable } from './list.tsx';
import { capital, FaultNotice, SkeletonRows } from './notices.tsx';

const words = exchangeTexts.elsewhere;

const columnsOf = (personId: string): Column<ElsewhereDocument>[] => [
  {
    key: 'title',
    title: words.columns.title,
    cell: (document) => (
      <>
        <Link
          data-row-link
          href={`/elsewhere/${personId}/${encodeURIComponent(document.id)}`}
          className="row-link strong"
        >
          {document.title}
        </Link>{' '}
        <span className="quiet">{exchangeTexts.registry.states[document.state]}</span>
        <span className="narrow-only quiet">{tellTime(document.createdAt, { seconds: false })}</span>
      </>
    ),
  },
  { key: 'home', title: words.columns.home, cell: (document) => document.home },
  {
    key: 'made',
    title: words.columns.made,
    wide: true,
    className: 'nowrap',
    cell: (document) => <Ago at={document.createdAt} />,
  },
  {
    key: 'size',
    title: words.columns.size,
    wide: true,
    className: 'nowrap',
    cell: (document) => (document.bytes === undefined ? '\u2013' : `${Math.ceil(document.bytes / 1024)} KB`),
  },
];

export function Elsewhere({ personId }: { personId: string }) {
  const { data, fault, failedAt, reload } = useLoad<ElsewhereView>(
    `/api/patients/${encodeURIComponent(personId)}/elsewhere`,
  );
  const [filters, change] = useFilters();
  if (fault?.status === 404) return <p className="quiet tab-note">{words.alone}</p>;
  if (data === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={4} />
    ) : (
      <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />
    );
  // Each change of a record makes a version anew: what was replaced is there for who asks, and not in the way.
  const replaced = data.documents.filter((document) => document.state === 'superseded').length;
  const documents = data.documents.filter((document) => filters.replaced === '1' || document.state !== 'superseded');
  return (
    <section aria-label={words.title} className="tab-body">
      <div className="card-head">
        <p className="quiet">
          {words.asked(data.asked)} <Ago at={data.at} />
        </p>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<Icon name="rerun" size={14} />}
          onClick={() => reload()}
        >
          {words.again}
        </Button>
      </div>
      {data.fault === undefined ? null : (
        <p className="fault fault-mild">
          <Icon name="warning" />
          <span>
            <strong>{words.incomplete}</strong> {capital(data.fault.sentence)}. {capital(data.fault.fix)}.
          </span>
        </p>
      )}
      {documents.length === 0 ? (
        <p className="quiet">{words.none(data.asked)}</p>
      ) : (
        <RowTable
          label={words.title}
          columns={columnsOf(personId)}
          rows={documents}
          keyOf={(document) => document.id}
          linkOf={(document) => `/elsewhere/${personId}/${encodeURIComponent(document.id)}`}
        />
      )}
      {replaced === 0 ? null : (
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          className="tab-note"
          onClick={() => change({ replaced: filters.replaced === '1' ? undefined : '1' }, { replace: true })}
        >
          {filters.replaced === '1' ? words.hideReplaced : words.showReplaced(replaced)}
        </Button>
      )}
      {data.numbers === undefined || data.numbers.length === 0 ? null : (
        <p className="tab-note">
          <span className="quiet">{words.numbers}</span>{' '}
          {data.numbers.map((number) => (
            <span key={`${number.system} ${number.value}`} className="number mono" title={number.system}>
              {number.value}
            </span>
          ))}
        </p>
      )}
    </section>
  );
}
