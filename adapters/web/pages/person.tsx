import type { PatientView } from '../../../schemas/portal.ts';
import type { RegistryView } from '../../../schemas/portal-exchange.ts';
import { useLoad } from '../api.ts';
import { useLive } from '../live.ts';
import { useMayDecide, useMe } from '../parts/me.tsx';
import { capital, Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { PersonActs } from '../parts/person-acts.tsx';
import { LifeCards, MergedNotice, mergedInto, usePersonLife } from '../parts/person-identity.tsx';
import { DocumentsCard, LocalsCard, NumbersCard } from '../parts/registry-cards.tsx';
import { texts } from '../texts.ts';
import { ageOf, tellDate } from '../time.ts';

/** A person as a region or the global node knows them: no record, but whose numbers, who told what, and where documents lie. */
export default function PersonPage({ id }: { id: string }) {
  const person = useLoad<PatientView>(`/api/patients/${encodeURIComponent(id)}`);
  const registry = useLoad<RegistryView>(`/api/patients/${encodeURIComponent(id)}/registry`);
  const life = usePersonLife(id);
  const me = useMe();
  const mayDecide = useMayDecide();
  const again = (): void => {
    person.reload({ background: true });
    registry.reload({ background: true });
  };
  useLive((note) => {
    if (note.persons.includes(id)) again();
  });
  const fault = person.fault ?? registry.fault;
  const into = mergedInto(life);
  // Who leads to another has no facts any more, but a history and a way back.
  if (fault?.status === 404 && into !== undefined)
    return (
      <article className="page patient">
        <MergedNotice personId={id} into={into} />
        <LifeCards personId={id} life={life} />
      </article>
    );
  if (fault?.status === 404)
    return <Empty sentence={capital(fault.message)} act={texts.places.persons} href="/patients" />;
  if (person.data === undefined || registry.data === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={12} />
    ) : (
      <FaultNotice fault={fault} since={person.failedAt ?? registry.failedAt} onAgain={again} />
    );
  const { row } = person.data;
  const age = ageOf(row.birthDate);
  return (
    <article className="page patient">
      <header className="banner">
        <div className="banner-main">
          <h1>{row.name || '\u2013'}</h1>
          <p>
            {row.birthDate === undefined ? null : (
              <span>
                <span className="quiet">{texts.patient.born}</span> {tellDate(row.birthDate)}
                {age === undefined ? '' : `, ${texts.patient.age(age)}`}
              </span>
            )}
            {row.sex === undefined ? null : <span>{row.sex}</span>}
          </p>
        </div>
        <div className="banner-mix">
          <p className="mix-number mono">
            <span className="hidden">{texts.patient.mix} </span>
            {registry.data.mixNumber ?? '\u2013'}
          </p>
          <p className="quiet">{texts.patient.mix}</p>
        </div>
      </header>
      {into === undefined ? (
        mayDecide && (
          <div className="person-acts">
            <PersonActs self={row} />
          </div>
        )
      ) : (
        <MergedNotice personId={id} into={into} />
      )}
      <LocalsCard view={registry.data} />
      <div className="cards cards-wide">
        <NumbersCard view={registry.data} personId={id} />
        {registry.data.documents.length === 0 && me.node.role === 'global' ? null : (
          <DocumentsCard documents={registry.data.documents} onChange={again} />
        )}
      </div>
      <LifeCards personId={id} life={life} />
    </article>
  );
}
