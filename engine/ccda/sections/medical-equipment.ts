/** Medical Equipment (2.16.840.1.113883.10.20.22.2.23): devices that a person has or uses. */
import type { Device, DeviceUseStatement } from '@medplum/fhirtypes';
import { snomed } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import type { Scope } from '../scope.ts';
import { code, readable, readablePeriod, templateIds, text, time, timeOf, xsi } from '../write.ts';
import type { Body } from './body.ts';

export function writeMedicalEquipment(scope: Scope): Body {
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
  return { rows, entries };
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
