/** Results (2.16.840.1.113883.10.20.22.2.3.1): organizers by report or order, with an observation for each finding. */
import type { DiagnosticReport, Observation, Resource, ServiceRequest } from '@medplum/fhirtypes';
import { cpt, loinc, snomed } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import { performers } from '../people.ts';
import type { Scope } from '../scope.ts';
import { code, readable, readablePeriod, stringValue, templateIds, time, timeOf, timeOrPeriod, xsi } from '../write.ts';
import { type Body, readableNotes } from './body.ts';
import {
  type Finding,
  findingValue,
  interpretations,
  readableInterpretation,
  readableRanges,
  readableValue,
  readableWhen,
  referenceRanges,
  whenOf,
} from './observation.ts';

/** ActStatus of a result (value set 2.16.840.1.113883.11.20.9.39) by the status of FHIR. */
const resultStatuses: Readonly<Record<string, string>> = {
  registered: 'active',
  preliminary: 'active',
  partial: 'active',
  final: 'completed',
  amended: 'completed',
  corrected: 'completed',
  appended: 'completed',
  cancelled: 'cancelled',
};

const resultBegins = `<component><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.resultObservation)}`;

interface Cluster {
  report: DiagnosticReport | undefined;
  order: ServiceRequest | undefined;
  findings: Finding[];
}

export function writeResults(scope: Scope, findings: readonly Finding[], classified: ReadonlySet<Observation>): Body {
  const rows: Row[] = [];
  let entries = '';
  for (const cluster of clusters(scope, findings, classified)) entries += organizer(scope, cluster, rows);
  return { rows, entries };
}

/** Findings under the report that names them, else under their order, else alone; then reports that have no findings. */
function clusters(scope: Scope, findings: readonly Finding[], classified: ReadonlySet<Observation>): Cluster[] {
  const byObservation = new Map<Resource, Cluster>();
  const empty: Cluster[] = [];
  const reported: Cluster[] = [];
  for (const report of scope.of('DiagnosticReport')) {
    const order = findOrder(scope, report);
    const cluster: Cluster = { report, order, findings: [] };
    let named = 0;
    for (const reference of report.result ?? []) {
      const found = scope.find(reference, report);
      if (found?.resourceType !== 'Observation' || found.status === 'entered-in-error') continue;
      named++;
      if (!byObservation.has(found)) byObservation.set(found, cluster);
    }
    reported.push(cluster);
    // What the report itself says (a conclusion, a text form) is a finding of its own.
    if (named === 0 || conclusionOf(report) !== '') empty.push(cluster);
  }
  const byOrder = new Map<string, Cluster>();
  const alone: Cluster[] = [];
  for (const finding of findings) {
    let cluster = byObservation.get(finding.observation);
    if (cluster === undefined) {
      const order = findOrder(scope, finding.observation);
      const key = order?.id ?? finding.observation.basedOn?.[0]?.reference;
      cluster = key === undefined ? undefined : byOrder.get(key);
      if (cluster === undefined) {
        cluster = { report: undefined, order, findings: [] };
        alone.push(cluster);
        if (key !== undefined) byOrder.set(key, cluster);
        // Components of one observation stay together.
        byObservation.set(finding.observation, cluster);
      }
    }
    cluster.findings.push(finding);
  }
  return [...reported, ...alone].filter(
    (cluster) => cluster.findings.length > 0 || (empty.includes(cluster) && !allClassified(scope, cluster, classified)),
  );
}

/** A report whose observations all stand in other sections, and that says nothing itself, is not repeated here. */
function allClassified(scope: Scope, cluster: Cluster, classified: ReadonlySet<Observation>): boolean {
  const results = cluster.report?.result ?? [];
  if (results.length === 0 || cluster.report === undefined || conclusionOf(cluster.report) !== '') return false;
  return results.every((reference) => classified.has(scope.find(reference, cluster.report) as Observation));
}

function findOrder(scope: Scope, resource: DiagnosticReport | Observation): ServiceRequest | undefined {
  const found = scope.find(resource.basedOn?.[0], resource);
  return found?.resourceType === 'ServiceRequest' ? found : undefined;
}

function conclusionOf(report: DiagnosticReport): string {
  const words = [report.conclusion ?? '', ...(report.conclusionCode ?? []).map(readable)];
  for (const form of report.presentedForm ?? []) {
    if (form.data && (form.contentType ?? '').startsWith('text/plain'))
      words.push(Buffer.from(form.data, 'base64').toString('utf8'));
    else if (form.title) words.push(form.title);
  }
  return words.filter(Boolean).join('\n');
}

function organizer(scope: Scope, cluster: Cluster, rows: Row[]): string {
  const { report, order, findings } = cluster;
  const owner: Resource = report ?? order ?? (findings[0] as Finding).observation;
  const concept = report?.code ?? order?.code ?? findings[0]?.observation.code;
  const status = report?.status ?? (findings.every((one) => isFinal(one.observation)) ? 'final' : 'preliminary');
  let components = '';
  for (const finding of findings) components += resultObservation(scope, finding, rows);
  if (report !== undefined && (findings.length === 0 || conclusionOf(report) !== ''))
    components += reportObservation(scope, report, rows);
  const who = report === undefined ? { elements: '', names: '' } : performers(report.performer ?? [], scope, report);
  const at = report?.effectiveDateTime ?? report?.effectivePeriod?.start;
  const until = report?.effectiveDateTime ?? report?.effectivePeriod?.end;
  const span =
    timeOf(at) === undefined ? '' : `<effectiveTime>${time('low', at)}${time('high', until)}</effectiveTime>`;
  return (
    `<entry typeCode="DRIV"><organizer classCode="BATTERY" moodCode="EVN">${templateIds(entryTemplates.resultOrganizer)}` +
    `${report === undefined ? scope.ids(owner, 'results') : scope.ids(report)}${code('code', concept, { prefer: [loinc, snomed, cpt] })}` +
    `<statusCode code="${resultStatuses[status ?? ''] ?? 'active'}"></statusCode>${span}${who.elements}${components}</organizer></entry>`
  );
}

function isFinal(observation: Observation): boolean {
  return observation.status === 'final' || observation.status === 'amended' || observation.status === 'corrected';
}

function resultObservation(scope: Scope, finding: Finding, rows: Row[]): string {
  const { observation, component, index } = finding;
  const row = scope.row();
  const who = performers(observation.performer ?? [], scope, observation);
  // Components share what is said of the whole: the first says it.
  const notes =
    component !== undefined && index > 1
      ? []
      : [
          readableNotes(observation.note),
          observation.bodySite ? `site: ${readable(observation.bodySite)}` : '',
          observation.method ? `method: ${readable(observation.method)}` : '',
          who.names ? `by: ${who.names}` : '',
        ];
  rows.push({
    id: row,
    cells: [
      readable(finding.code) || 'unnamed test',
      readableValue(finding),
      readableRanges(finding),
      readableInterpretation(finding),
      readableWhen(observation),
      observation.status ?? '',
      notes.filter(Boolean).join('\n'),
    ],
  });
  const method = observation.method === undefined ? '' : code('methodCode', observation.method);
  const site = observation.bodySite === undefined ? '' : code('targetSiteCode', observation.bodySite);
  return (
    `${resultBegins}${component === undefined ? scope.ids(observation) : scope.ids(observation, String(index))}${code('code', finding.code, { prefer: [loinc, snomed, cpt], reference: `${row}c` })}${textOf(row)}` +
    `<statusCode code="${resultStatuses[observation.status ?? ''] ?? 'active'}"></statusCode>${timeOrPeriod('effectiveTime', whenOf(observation), observation.effectivePeriod)}` +
    `${findingValue(finding)}${interpretations(finding)}${method}${site}${component === undefined ? who.elements : ''}${referenceRanges(finding)}</observation></component>`
  );
}

function reportObservation(scope: Scope, report: DiagnosticReport, rows: Row[]): string {
  const row = scope.row();
  const words = conclusionOf(report);
  const at = report.effectiveDateTime ?? (report.effectivePeriod === undefined ? report.issued : undefined);
  rows.push({
    id: row,
    cells: [
      readable(report.code) || 'report',
      words,
      '',
      '',
      readablePeriod(at, report.effectivePeriod),
      report.status ?? '',
      '',
    ],
  });
  const value = words === '' ? `<value${xsi} nullFlavor="NI" xsi:type="CD"></value>` : stringValue(words);
  return (
    `${resultBegins}${scope.ids(report, 'conclusion')}` +
    `${code('code', report.code, { prefer: [loinc, snomed, cpt], reference: `${row}c` })}${textOf(row)}` +
    `<statusCode code="${resultStatuses[report.status ?? ''] ?? 'active'}"></statusCode>${timeOrPeriod('effectiveTime', at, report.effectivePeriod)}${value}</observation></component>`
  );
}
