/** Procedures (2.16.840.1.113883.10.20.22.2.7.1). */
import type { Procedure, Resource, ServiceRequest } from '@medplum/fhirtypes';
import { cpt, snomed } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import { performers } from '../people.ts';
import type { Scope } from '../scope.ts';
import { code, readable, readablePeriod, templateIds, timeOrPeriod } from '../write.ts';
import { type Body, readableNotes } from './body.ts';

/** ActStatus (value set 2.16.840.1.113883.11.20.9.22) by the status of FHIR. */
const statuses: Readonly<Record<string, string>> = {
  preparation: 'active',
  'in-progress': 'active',
  'on-hold': 'active',
  completed: 'completed',
  unknown: 'completed',
  'not-done': 'cancelled',
  stopped: 'aborted',
};

export function writeProcedures(scope: Scope): Body {
  const rows: Row[] = [];
  let entries = '';
  for (const procedure of scope.of('Procedure')) entries += procedureActivity(scope, procedure, rows);
  const reported = reportedOrders(scope);
  for (const order of scope.of('ServiceRequest'))
    if (order.status === 'completed' && !reported.has(order)) entries += doneOrder(scope, order, rows);
  return { rows, entries };
}

/** Orders that a report or an observation answers: Results tells of them. */
function reportedOrders(scope: Scope): Set<Resource> {
  const reported = new Set<Resource>();
  for (const one of [...scope.of('DiagnosticReport'), ...scope.of('Observation')])
    for (const reference of one.basedOn ?? []) {
      const order = scope.find(reference, one);
      if (order !== undefined) reported.add(order);
    }
  return reported;
}

/** An order that was carried out and has no result of its own: what was done, as an act. */
function doneOrder(scope: Scope, order: ServiceRequest, rows: Row[]): string {
  const row = scope.row();
  const who = performers(order.performer ?? [], scope, order);
  const at = order.occurrenceDateTime ?? (order.occurrencePeriod === undefined ? order.authoredOn : undefined);
  const notes = [
    'done as ordered, no result in this record',
    (order.reasonCode ?? []).map(readable).filter(Boolean).join(', '),
    readableNotes(order.note),
  ];
  rows.push({
    id: row,
    cells: [
      readable(order.code) || 'unnamed order',
      readablePeriod(at, order.occurrencePeriod),
      'completed',
      who.names,
      '',
      notes.filter(Boolean).join('\n'),
    ],
  });
  return (
    `<entry typeCode="DRIV"><act classCode="ACT" moodCode="EVN">${templateIds(entryTemplates.procedureActivityAct)}${scope.ids(order)}` +
    `${code('code', order.code, { prefer: [snomed, cpt], reference: `${row}c` })}${textOf(row)}<statusCode code="completed"></statusCode>` +
    `${timeOrPeriod('effectiveTime', at, order.occurrencePeriod)}${who.elements}</act></entry>`
  );
}

function procedureActivity(scope: Scope, procedure: Procedure, rows: Row[]): string {
  const row = scope.row();
  const who = performers(
    (procedure.performer ?? []).map((one) => one.actor),
    scope,
    procedure,
  );
  const sites = (procedure.bodySite ?? []).slice(0, 10);
  const notes = [
    (procedure.reasonCode ?? []).map(readable).filter(Boolean).join(', '),
    procedure.statusReason ? readable(procedure.statusReason) : '',
    procedure.outcome ? `outcome: ${readable(procedure.outcome)}` : '',
    procedure.category ? `kind: ${readable(procedure.category)}` : '',
    [...new Set((procedure.performer ?? []).map((one) => readable(one.function)).filter(Boolean))].join(', '),
    readableNotes(procedure.note),
  ];
  const at = procedure.performedDateTime;
  rows.push({
    id: row,
    cells: [
      readable(procedure.code) || 'unnamed procedure',
      readablePeriod(at, procedure.performedPeriod) || procedure.performedString || '',
      procedure.status ?? '',
      who.names,
      sites.map(readable).join(', '),
      notes.filter(Boolean).join('\n'),
    ],
  });
  return (
    `<entry typeCode="DRIV"><procedure classCode="PROC" moodCode="EVN"${procedure.status === 'not-done' ? ' negationInd="true"' : ''}>${templateIds(entryTemplates.procedureActivityProcedure)}${scope.ids(procedure)}` +
    `${code('code', procedure.code, { prefer: [snomed, cpt], reference: `${row}c` })}${textOf(row)}<statusCode code="${statuses[procedure.status ?? ''] ?? 'completed'}"></statusCode>` +
    `${timeOrPeriod('effectiveTime', at, procedure.performedPeriod)}${sites.map((site) => code('targetSiteCode', site, { prefer: [snomed] })).join('')}${who.elements}</procedure></entry>`
  );
}
