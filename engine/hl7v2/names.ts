/** What things are called in the standard, for pages. Loads the dictionary of a version when it is first asked for. */
import { dataTypeDefinition, type ElementDefinition, segmentDefinition } from '../../schemas/hl7v2/dictionary.ts';

export { tableDisplay } from '../../schemas/hl7v2/dictionary.ts';

export interface ElementName {
  /** `Patient Name`; '' for what the standard does not know. */
  name: string;
  /** `XPN`; '' where unknown. */
  dataType: string;
  required: boolean;
  repeats: boolean;
  /** Four digits, `0001`. */
  table?: string;
}

/** Name and type of a field (`'2.5.1', 'PID', 5`). A Z-segment's or unknown field has an empty name and type. */
export function fieldName(version: string, segment: string, position: number): ElementName {
  return nameOf(segmentDefinition(version, segment)?.fields[position - 1]);
}

/** Name of a component of a data type (`'2.5.1', 'XPN', 1` is `Family Name`); '' where unknown. */
export function componentName(version: string, dataType: string, position: number): string {
  return componentOfType(version, dataType, position).name;
}

/** Name and type of a component of a data type. */
export function componentOfType(version: string, dataType: string, position: number): ElementName {
  return nameOf(dataTypeDefinition(version, dataType)?.subfields[position - 1]);
}

/** Title of a segment (`Patient Identification`); for a Z-segment and one that is not known, ''. */
export function segmentTitle(version: string, segment: string): string {
  return segmentDefinition(version, segment)?.desc ?? '';
}

function nameOf(element: ElementDefinition | undefined): ElementName {
  if (element === undefined) return { name: '', dataType: '', required: false, repeats: false };
  const name: ElementName = {
    name: element.desc.trim(),
    dataType: element.datatype,
    required: element.opt === 2,
    repeats: element.rep !== 1,
  };
  if (element.table) name.table = String(element.table).padStart(4, '0');
  return name;
}
