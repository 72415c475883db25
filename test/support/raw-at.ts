/** Raw text of a message by its path, for tests. */
import { componentOf, readPath, repetitionOf, segmentOf, subcomponentOf } from '../../engine/hl7v2/index.ts';
import type { Message } from '../../schemas/hl7v2/message.ts';

/** At the depth that the path names: `PID-3` the whole field, `PID-3[1]` one repetition, `PID-3.1` a component of the first. */
export function rawAt(message: Message, path: string): string {
  const place = readPath(path);
  const field = segmentOf(message, place!.segment, place!.occurrence)?.fields[place!.field!] ?? '';
  if (place!.repetition === undefined && place!.component === undefined) return field;
  const repetition = repetitionOf(field, place!.repetition ?? 1, message.delimiters);
  if (place!.component === undefined) return repetition;
  const component = componentOf(repetition, place!.component, message.delimiters);
  return place!.subcomponent === undefined
    ? component
    : subcomponentOf(component, place!.subcomponent, message.delimiters);
}
