/** Plan of Treatment (2.16.840.1.113883.10.20.22.2.10): orders that are not done yet, appointments, goals. */
import type { Appointment, DiagnosticReport, Goal, NutritionOrder, ServiceRequest } from '@medplum/fhirtypes';
import { cpt, loinc, snomed } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import { actorOf, performers } from '../people.ts';
import type { Scope } from '../scope.ts';
import { code, readable, readablePeriod, readableTime, since, templateIds, time, timeOrPeriod } from '../write.ts';
import { type Body, readableNotes } from './body.ts';

export function writePlanOfTreatment(scope: Scope): Body {
  const rows: Row[] = [];
  let entries = '';
  const answered = answeredOrders(scope);
  for (const order of scope.of('ServiceRequest'))
    if (!answered.has(order) && isOpen(order)) entries += plannedOrder(scope, order, rows);
  for (const order of scope.of('NutritionOrder')) entries += plannedDiet(scope, order, rows);
  for (const appointment of scope.of('Appointment')) entries += plannedEncounter(scope, appointment, rows);
  for (const goal of scope.of('Goal')) entries += plannedGoal(scope, goal, rows);
  return { rows, entries };
}

/** Orders with a final report, or with any report where their own state is not known, are results, not plans. */
function answeredOrders(scope: Scope): Set<ServiceRequest> {
  const answered = new Set<ServiceRequest>();
  const final: ReadonlySet<string> = new Set(['final', 'amended', 'corrected', 'appended', 'cancelled']);
  for (const report of scope.of('DiagnosticReport') as DiagnosticReport[]) {
    for (const reference of report.basedOn ?? []) {
      const order = scope.find(reference, report);
      if (order?.resourceType !== 'ServiceRequest') continue;
      if (final.has(report.status ?? '') || order.status === undefined || order.status === 'unknown')
        answered.add(order);
    }
  }
  return answered;
}

function isOpen(order: ServiceRequest): boolean {
  return order.status !== 'completed' && order.status !== 'revoked' && order.status !== 'entered-in-error';
}

function plannedOrder(scope: Scope, order: ServiceRequest, rows: Row[]): string {
  const row = scope.row();
  const by = actorOf(order.requester, scope, order);
  const who = performers(order.performer ?? [], scope, order);
  const at = order.occurrenceDateTime ?? (order.occurrencePeriod === undefined ? order.authoredOn : undefined);
  const kind = (order.category ?? []).map(readable).filter(Boolean).join(', ');
  const notes = [
    order.priority ? `priority: ${order.priority}` : '',
    (order.reasonCode ?? []).map(readable).filter(Boolean).join(', '),
    who.names ? `for: ${who.names}` : '',
    order.patientInstruction ?? '',
    readableNotes(order.note),
  ];
  rows.push({
    id: row,
    cells: [
      readable(order.code) || 'unnamed order',
      kind,
      readablePeriod(at, order.occurrencePeriod),
      order.status ?? '',
      by?.name ?? '',
      notes.filter(Boolean).join('\n'),
    ],
  });
  const lab = order.code?.coding?.some((coding) => coding.system === 'http://loinc.org') ?? false;
  const procedure = order.code?.coding?.some((coding) => coding.system === 'http://www.ama-assn.org/go/cpt') ?? false;
  const [element, classCode, template] = lab
    ? (['observation', 'OBS', entryTemplates.plannedObservation] as const)
    : procedure
      ? (['procedure', 'PROC', entryTemplates.plannedProcedure] as const)
      : (['act', 'ACT', entryTemplates.plannedAct] as const);
  return (
    `<entry typeCode="DRIV"><${element} classCode="${classCode}" moodCode="RQO">${templateIds(template)}${scope.ids(order)}${code('code', order.code, { prefer: [loinc, snomed, cpt], reference: `${row}c` })}` +
    `${textOf(row)}<statusCode code="active"></statusCode>${timeOrPeriod('effectiveTime', at, order.occurrencePeriod)}${who.elements}</${element}></entry>`
  );
}

function plannedDiet(scope: Scope, order: NutritionOrder, rows: Row[]): string {
  const row = scope.row();
  const kinds = order.oralDiet?.type ?? [];
  const words = [
    ...kinds.map(readable),
    order.oralDiet?.instruction ?? '',
    ...(order.supplement ?? []).map((one) => readable(one.type)),
    readableNotes(order.note),
  ];
  rows.push({
    id: row,
    cells: [
      words.filter(Boolean).join('; ') || 'diet',
      'diet',
      readableTime(order.dateTime),
      order.status ?? '',
      actorOf(order.orderer, scope, order)?.name ?? '',
      '',
    ],
  });
  return (
    `<entry typeCode="DRIV"><act classCode="ACT" moodCode="RQO">${templateIds(entryTemplates.plannedAct)}${scope.ids(order)}${code('code', kinds[0] ?? { text: 'diet' }, { prefer: [snomed], reference: `${row}c` })}` +
    `${textOf(row)}<statusCode code="active"></statusCode>${time('effectiveTime', order.dateTime)}</act></entry>`
  );
}

function plannedEncounter(scope: Scope, appointment: Appointment, rows: Row[]): string {
  if (appointment.status === 'cancelled' || appointment.status === 'noshow' || appointment.status === 'fulfilled')
    return '';
  const row = scope.row();
  const concept = appointment.appointmentType ?? appointment.serviceType?.[0];
  const who = performers(
    (appointment.participant ?? []).map((one) => one.actor).filter((one) => !one?.reference?.startsWith('Patient/')),
    scope,
    appointment,
  );
  rows.push({
    id: row,
    cells: [
      readable(concept) || appointment.description || 'appointment',
      'appointment',
      readablePeriod(undefined, {
        ...(appointment.start ? { start: appointment.start } : {}),
        ...(appointment.end ? { end: appointment.end } : {}),
      }),
      appointment.status ?? '',
      who.names,
      [(appointment.reasonCode ?? []).map(readable).join(', '), appointment.comment ?? ''].filter(Boolean).join('\n'),
    ],
  });
  return (
    `<entry typeCode="DRIV"><encounter classCode="ENC" moodCode="APT">${templateIds(entryTemplates.plannedEncounter)}${scope.ids(appointment)}${code('code', concept, { reference: `${row}c` })}` +
    `${textOf(row)}<statusCode code="active"></statusCode>${since('effectiveTime', appointment.start, appointment.end)}${who.elements}</encounter></entry>`
  );
}

function plannedGoal(scope: Scope, goal: Goal, rows: Row[]): string {
  const row = scope.row();
  const notes = [
    ...(goal.target ?? []).map((one) =>
      [readable(one.measure), one.detailString ?? '', one.dueDate ? `by ${one.dueDate}` : ''].filter(Boolean).join(' '),
    ),
    readableNotes(goal.note),
  ];
  rows.push({
    id: row,
    cells: [
      readable(goal.description) || 'goal',
      'goal',
      readableTime(goal.startDate),
      goal.lifecycleStatus ?? '',
      '',
      notes.filter(Boolean).join('\n'),
    ],
  });
  return (
    `<entry typeCode="DRIV"><observation classCode="OBS" moodCode="GOL">${templateIds(entryTemplates.goalObservation)}${scope.ids(goal)}${code('code', goal.description, { prefer: [loinc], reference: `${row}c` })}` +
    `${textOf(row)}<statusCode code="active"></statusCode>${time('effectiveTime', goal.startDate)}</observation></entry>`
  );
}
