/** Medical Equipment (2.16.840.1.113883.10.20.22.2.23): devices that a person has or uses. */
import type { Device, DeviceUseStatement } from '@medplum/fhirtypes';
import { snomed } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import type { Scope } from '../scope.ts';
import {
  code,
  idOf,
  readable,
  readablePeriod,
  readableTime,
  templateIds,
  text,
  time,
  timeOf,
  translations,
  xsi,
} from '../write.ts';
import type { Body } from './body.ts';
import { type Finding, readableValue, whenOf } from './observation.ts';

/** Where unique device identifiers stand: the agency that runs their register. */
const udiRoot = '2.16.840.1.113883.3.3719';

export function writeMedicalEquipment(scope: Scope, findings: readonly Finding[]): Body {
  const rows: Row[] = [];
  let entries = '';
  const used = new Set<Device>();
  for (const statement of scope.of('DeviceUseStatement')) {
    const found = scope.find(statement.device, statement);
    const device = found?.resourceType === 'Device' ? found : undefined;
    if (device !== undefined) used.add(device);
    entries += supply(scope, device, statement, rows);
  }
  // A device without a patient is an instrument of the laboratory, not the person's.
  for (const device of scope.of('Device'))
    if (device.patient !== undefined && !used.has(device)) entries += supply(scope, device, undefined, rows);
  for (const finding of findings) entries += implant(scope, finding, rows);
  return { rows, entries };
}

/** A device that the person has, told as an observation of its unique device identifier. */
function implant(scope: Scope, finding: Finding, rows: Row[]): string {
  const row = scope.row();
  const { observation } = finding;
  const udi = readableValue(finding);
  const at = whenOf(observation) ?? observation.effectivePeriod?.start;
  rows.push({ id: row, cells: [readable(finding.code) || 'device', readableTime(at), observation.status ?? '', udi] });
  return (
    `<entry typeCode="DRIV"><supply classCode="SPLY" moodCode="EVN">${templateIds(entryTemplates.nonMedicinalSupply)}${scope.ids(observation, 'supply')}${textOf(row)}<statusCode code="completed"></statusCode>` +
    `<effectiveTime${xsi} xsi:type="IVL_TS">${time('low', at)}</effectiveTime><participant typeCode="PRD"><participantRole classCode="MANU">${templateIds(entryTemplates.productInstance)}` +
    `${idOf(udiRoot, udi)}<playingDevice><code nullFlavor="UNK"><originalText><reference value="#${row}c"></reference></originalText>${translations(finding.code)}</code></playingDevice>` +
    `<scopingEntity><id root="${udiRoot}"></id></scopingEntity></participantRole></participant></supply></entry>`
  );
}

function supply(
  scope: Scope,
  device: Device | undefined,
  statement: DeviceUseStatement | undefined,
  rows: Row[],
): string {
  const row = scope.row();
  const name = device?.deviceName?.[0]?.name ?? statement?.device?.display ?? '';
  const concept = device?.type ?? (name ? { text: name } : undefined);
  const udi = device?.udiCarrier?.[0]?.deviceIdentifier ?? device?.identifier?.[0]?.value ?? '';
  const period = statement?.timingPeriod;
  const at = statement?.timingDateTime ?? (period === undefined ? statement?.recordedOn : undefined);
  rows.push({
    id: row,
    cells: [
      [readable(concept), name].filter(Boolean).join(': ') || 'unnamed device',
      readablePeriod(at, period),
      statement?.status ?? device?.status ?? '',
      [udi, device?.serialNumber ?? '', device?.lotNumber ?? ''].filter(Boolean).join(', '),
    ],
  });
  const high = timeOf(period?.end) === undefined ? '' : time('high', period?.end);
  const owner = statement ?? (device as Device);
  const model = device?.modelNumber ? `<manufacturerModelName>${text(device.modelNumber)}</manufacturerModelName>` : '';
  return (
    `<entry typeCode="DRIV"><supply classCode="SPLY" moodCode="EVN">${templateIds(entryTemplates.nonMedicinalSupply)}${scope.ids(owner, 'supply')}${textOf(row)}<statusCode code="completed"></statusCode>` +
    `<effectiveTime${xsi} xsi:type="IVL_TS">${time('low', at ?? period?.start)}${high}</effectiveTime><participant typeCode="PRD"><participantRole classCode="MANU">${templateIds(entryTemplates.productInstance)}` +
    `${device === undefined ? '<id nullFlavor="UNK"></id>' : scope.ids(device)}<playingDevice>${code('code', concept, { prefer: [snomed], reference: `${row}c` })}${model}</playingDevice>` +
    '<scopingEntity><id nullFlavor="UNK"></id></scopingEntity></participantRole></participant></supply></entry>'
  );
}
