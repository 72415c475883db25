/**
 * Messages that we send: put together from plain values by `@medplum/core`'s `Hl7Message`, which knows the layout, with our own escaping,
 * which it does not do. Off the hot path; acknowledgments are written by `ack.ts`.
 */
import { createRequire } from 'node:module';
import { MixError } from '../../schemas/errors/index.ts';
import type { Delimiters, Message } from '../../schemas/hl7v2/message.ts';
import { completeDelimiters, encodingCharacters, standardDelimiters } from './delimiters.ts';
import { rawFor } from './edit.ts';
import { parseMessage } from './parse.ts';
import type { Value } from './read.ts';

const load = createRequire(import.meta.url);
let library: typeof import('@medplum/core') | undefined;

/** Loaded when the first message is composed: a process that only receives never needs it, and it is large. */
function medplum(): typeof import('@medplum/core') {
  library ??= load('@medplum/core') as typeof import('@medplum/core');
  return library;
}

/** A component: one value, or its subcomponents. */
export type ComposedComponent = Value | readonly Value[];
/** A field: one value, the components of one repetition, or (as `repetitions`) several of these. */
export type ComposedField =
  | Value
  | readonly ComposedComponent[]
  | { repetitions: readonly (Value | readonly ComposedComponent[])[] };

/**
 * A message from plain values: `composeMessage([['MSH', 'APP', ...], ['PID', '1', undefined, { repetitions: [['7', ...], ...] }]])`.
 *
 * `[0]` of a segment is its name and `[n]` its nth field, but in MSH `[1]` is MSH-3: MSH-1 and 2 are written from `delimiters`. Values are
 * escaped; `null` writes `""`. Segments end with CR. Throws what the parser finds when no MSH comes first.
 */
export function composeMessage(
  segments: readonly (readonly [name: string, ...fields: ComposedField[]])[],
  delimiters: Delimiters = standardDelimiters,
): Message {
  const { Hl7Context, Hl7Field, Hl7Message, Hl7Segment } = medplum();
  const own = completeDelimiters(delimiters);
  const context = new Hl7Context('\r', own.field, own.component, own.repetition, own.escape, own.subcomponent);
  const built = segments.map(([name, ...fields]) => {
    const head = [new Hl7Field([[name]], context)];
    // The layout writes a field that it is given, so MSH-2 goes in as it stands and MSH-1 is the separator before it.
    if (name === 'MSH') head.push(new Hl7Field([[encodingCharacters(own)]], context));
    return new Hl7Segment(
      [...head, ...fields.map((field) => new Hl7Field(repetitionsFor(field, own), context))],
      context,
    );
  });
  const text = `${new Hl7Message(built, context).toString().replace(/\r+$/, '')}\r`;
  const { message, faults } = parseMessage(text);
  if (message !== undefined) return message;
  const fault = faults[0]!;
  throw new MixError(fault.code, { place: fault.place, detail: fault.detail });
}

function repetitionsFor(field: ComposedField, delimiters: Delimiters): string[][] {
  if (typeof field === 'object' && field !== null && 'repetitions' in field) {
    return field.repetitions.map((repetition) => componentsFor(repetition, delimiters));
  }
  return [componentsFor(field, delimiters)];
}

function componentsFor(repetition: Value | readonly ComposedComponent[], delimiters: Delimiters): string[] {
  if (!isList(repetition)) return [rawFor(repetition, delimiters)];
  return repetition.map((component) =>
    isList(component)
      ? component.map((part) => rawFor(part, delimiters)).join(delimiters.subcomponent)
      : rawFor(component, delimiters),
  );
}

function isList<T>(value: Value | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
