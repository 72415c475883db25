/**
 * The shape of a vendor profile: how one EMR product bends HL7, as data. A profile file is JSON; `profile.ts` reads it.
 *
 * A rule is one of a small closed set of operations. What no operation can say belongs into a new operation here, never
 * into code that asks which vendor it is.
 */
import { z } from 'zod';

/** `PID-3`, `PV1-3.4`, `PID-3.4.2`: segment, field, component, subcomponent (1-based). */
const place = z.string().regex(/^[A-Z][A-Z0-9]{2}-[1-9]\d{0,2}(\.[1-9]\d?(\.[1-9]\d?)?)?$/, {
  error: 'is not a place such as PID-3 or PV1-3.4',
});
/** A field as a whole. */
const fieldPlace = z.string().regex(/^[A-Z][A-Z0-9]{2}-[1-9]\d{0,2}$/, { error: 'is not a field such as PID-3' });
/** Fields that an operation runs over: `PID-5`, `PID-*`, `*` (all but MSH-1 and MSH-2). */
const fields = z
  .array(
    z.string().regex(/^(\*|[A-Z][A-Z0-9]{2}-(\*|[1-9]\d{0,2}))$/, {
      error: 'is not a field such as PID-5, PID-* or *',
    }),
  )
  .min(1)
  .max(200);
const segmentName = z.string().regex(/^[A-Z][A-Z0-9]{2}$/, { error: 'is not a segment name such as PID' });
const text = z.string().max(500);
const shortName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{1,60}$/, { error: 'is not a lower-case name such as trim-padding' });
const oid = z
  .string()
  .regex(/^[0-2](\.(0|[1-9]\d*))+$/, { error: 'is not an object identifier such as 2.16.840.1.113883.4.1' });
/** Texts with `*` for any run of characters; upper and lower case are the same. */
const pattern = z.string().min(1).max(100);

const when = z.strictObject({
  /** Version limits, both optional: `from` included, `before` not. */
  versionFrom: z
    .string()
    .regex(/^\d\.\d(\.\d)?$/)
    .optional(),
  versionBefore: z
    .string()
    .regex(/^\d\.\d(\.\d)?$/)
    .optional(),
  /** MSH-9.1 */
  types: z.array(z.string().min(1).max(10)).min(1).max(50).optional(),
  /** MSH-9.2 */
  events: z.array(z.string().min(1).max(10)).min(1).max(50).optional(),
  /** MSH-3 patterns. */
  senders: z.array(pattern).min(1).max(50).optional(),
});

const base = {
  /** Stands in the notes about a message and is what a profile that extends this one leaves out. */
  name: shortName,
  why: text.optional(),
  when: when.optional(),
};
const overwrite = z.boolean().default(false);

const rule = z.discriminatedUnion('op', [
  /** Takes a value to another place; leaves it where the target is filled, unless `overwrite`. */
  z.strictObject({ op: z.literal('move'), ...base, from: place, to: place, overwrite }),
  z.strictObject({ op: z.literal('copy'), ...base, from: place, to: place, overwrite }),
  /** Writes a fixed value where there is none (or always). */
  z.strictObject({ op: z.literal('set'), ...base, place, value: text, overwrite }),
  /** Writes what a list gives for the value at `from`. */
  z.strictObject({
    op: z.literal('translate'),
    ...base,
    from: place,
    to: place,
    values: z.record(z.string(), text),
    overwrite,
  }),
  /** Empties fields (or only those equal to another field of the message). */
  z.strictObject({ op: z.literal('clear'), ...base, places: fields, equalTo: place.optional() }),
  /** Empties components that hold one of these texts (patterns): placeholders nobody filled in. */
  z.strictObject({ op: z.literal('drop-literals'), ...base, places: fields, values: z.array(pattern).min(1).max(100) }),
  /** `""^""^X` inside a composite says "nothing here", not "delete": becomes `^^X`; all-null becomes one `""`. */
  z.strictObject({ op: z.literal('explicit-nulls'), ...base, places: fields }),
  /** Takes padding blanks off components. */
  z.strictObject({ op: z.literal('trim'), ...base, places: fields }),
  /** Drops a second component that is a date format (`20260401^YYYYMMDD`). */
  z.strictObject({ op: z.literal('date-format'), ...base, places: fields }),
  /** Cuts a time of midnight off a date (`197001010000`). */
  z.strictObject({ op: z.literal('date-only'), ...base, places: fields }),
  /** Puts the missing point before milliseconds (`20260401101500123`). */
  z.strictObject({ op: z.literal('milliseconds'), ...base, places: fields }),
  /** Joins a suffix or degree that is split over components (`M^D`), and takes it out of the family name. `family` is the component of the family name: 1 in XPN, 2 in XCN. */
  z.strictObject({
    op: z.literal('name-suffix'),
    ...base,
    places: fields,
    family: z.number().int().min(1).max(9),
    generations: z.array(z.string().min(1)).default(['JR', 'SR', 'II', 'III', 'IV']),
    degrees: z
      .array(z.string().min(1))
      .default(['MD', 'DO', 'NP', 'PA', 'RN', 'PHD', 'DDS', 'DPM', 'CNM', 'CRNA', 'PHARMD']),
  }),
  /** Drops repetitions without content, or where none of the components `needs` is filled. */
  z.strictObject({
    op: z.literal('empty-repetitions'),
    ...base,
    places: fields,
    needs: z.array(z.number().int().min(1).max(30)).optional(),
  }),
  /** Writes the value at `from` before that at `to`: a heading kept apart from its text. */
  z.strictObject({
    op: z.literal('prefix'),
    ...base,
    from: fieldPlace,
    to: fieldPlace,
    separator: z.string().max(10).default(': '),
  }),
  /** Leaves a segment out of the map; with `needs`, only one in which none of these fields is filled. */
  z.strictObject({
    op: z.literal('drop-segment'),
    ...base,
    segment: segmentName,
    needs: z.array(z.number().int().min(1).max(200)).optional(),
  }),
]);

const codeTable = z.strictObject({
  name: shortName,
  why: text.optional(),
  /** A small table that shows the form; a site puts its own dictionary here. */
  sample: z.boolean().default(false),
  when: when.optional(),
  places: z.array(fieldPlace).min(1).max(50),
  /** Coding systems (component 3) that are read as this local table; `""` is none. */
  fromSystems: z.array(z.string().max(50)).default(['', 'L']),
  /** Coding system of the standard code (table 0396: LN, SCT, CVX, RXNORM, I10). Absent: `codes` gives plain values of component 1. */
  toSystem: z.string().min(1).max(50).optional(),
  /** local -> standard code and name. */
  codes: z.record(z.string(), z.union([text, z.tuple([text, text])])),
});

const zField = z.strictObject({
  from: z
    .string()
    .regex(/^Z[A-Z0-9]{2}-[1-9]\d{0,2}(\.[1-9]\d?)?$/, { error: 'is not a field of a Z-segment such as ZF1-3' }),
  /** Where the value belongs, or `note`: it is told in an NTE behind the segment. */
  to: z.union([z.literal('note'), place]),
  /** What stands before the value in a note. */
  heading: text.optional(),
});

/** The file as written: what it leaves out comes from the profile it extends. */
export const profileFile = z.strictObject({
  name: shortName,
  title: text,
  /** What this is from, and what in it is assumed. */
  note: z.string().min(20).max(3000),
  extends: shortName.optional(),
  /** The listener profile that this one belongs to (`mckesson`); a listener tells its profiles apart by `match`. */
  family: shortName.optional(),
  /** The profile of its family when no `match` holds. */
  familyDefault: z.boolean().default(false),
  match: z
    .array(z.strictObject({ sendingApplication: pattern.optional(), sendingFacility: pattern.optional() }))
    .max(50)
    .default([]),
  text: z
    .strictObject({
      /** Character set when MSH-18 is empty (a name that iconv-lite knows). */
      charset: z.string().min(1).max(40).optional(),
      /** Lines that do not begin with a segment name are the rest of the line before. */
      joinWrappedLines: z.boolean().optional(),
      /** Segments that were seen joined to MSH without a segment end. */
      splitGluedSegments: z.array(segmentName).max(20).optional(),
    })
    .default({}),
  /** IANA zone of times without an offset, where this system's clock runs in another than the hospital's (`node.zone`). */
  zone: z.string().refine(isZone, { error: 'is not an IANA time zone such as America/Chicago' }).optional(),
  identity: z
    .strictObject({
      /** Fields that together name one message. */
      fields: z.array(place).min(1).max(20),
      /** Same identity with other bytes is refused. */
      unique: z.boolean().default(false),
    })
    .optional(),
  /** Event for messages whose MSH-9 has none: by message type, first line whose version limit holds. */
  defaultEvents: z
    .record(
      z.string(),
      z.array(z.strictObject({ versionBefore: z.string().optional(), event: z.string().min(2).max(5) })).min(1),
    )
    .default({}),
  identifiers: z
    .strictObject({
      /** Where the numbers stand; what is elsewhere is brought to PID-3, PID-18, PID-19. */
      mrn: fieldPlace.optional(),
      account: fieldPlace.optional(),
      ssn: fieldPlace.optional(),
      /** Fields whose numbers also belong into PID-3 (twice the same number is one). */
      alsoFrom: z.array(fieldPlace).max(10).optional(),
      /** Identifier type (table 0203) of numbers that carry none, by field. */
      defaultTypes: z.record(fieldPlace, z.string().min(1).max(10)).optional(),
      /** Local identifier type -> table 0203. */
      types: z.record(z.string(), z.string().min(1).max(10)).optional(),
      /** Where the type and the facility stand in the CX (5 and 6 in the standard). */
      typeIn: z.number().int().min(2).max(12).optional(),
      facilityIn: z.number().int().min(2).max(12).optional(),
      /** A number without assigning authority belongs to its facility, unless that is the sender itself (MSH-4). */
      authorityFromFacility: z.boolean().optional(),
      /** Names, numbers or OIDs of authorities that stand for the hospital itself: such numbers get the authority of the source. */
      ownAuthorities: z.array(z.string().min(1).max(200)).max(50).optional(),
      /** Local name or number of an authority -> OID. */
      authorities: z.record(z.string(), oid).optional(),
      /** Numbers that are nobody's (patterns). */
      ignore: z.array(pattern).max(100).optional(),
    })
    .default({}),
  rules: z.array(rule).max(300).default([]),
  zSegments: z.array(zField).max(300).default([]),
  codes: z.array(codeTable).max(100).default([]),
  /** Names of rules, code tables of the extended profile that this one leaves out. */
  without: z.array(shortName).max(100).default([]),
  /** How this product wants what is sent to it; what is left out goes as it came. */
  outbound: z
    .strictObject({
      /** MSH-12. Fields are not moved between versions but by the rules below. */
      version: z
        .string()
        .regex(/^2\.\d(\.\d)?$/, { error: 'is not a version such as 2.5.1' })
        .optional(),
      /** A name of table 0211 or one that iconv-lite knows; MSH-18 is written where the table has it. */
      charset: z.string().min(1).max(40).optional(),
      /** MSH-1 and MSH-2; `|^~\\&` where left out. */
      delimiters: z
        .string()
        .regex(/^[^A-Za-z0-9\s"]{5}$/, { error: 'is not five delimiters such as |^~\\&' })
        .refine((five) => new Set(five).size === 5, { error: 'has the same delimiter twice' })
        .optional(),
      /** MSH-3 and MSH-4, components parted by ^. */
      sendingApplication: z.string().min(1).max(227).optional(),
      sendingFacility: z.string().min(1).max(227).optional(),
      /** Components of MSH-9: 3 from 2.3.1 on and 2 before where left out. */
      typeComponents: z.number().int().min(1).max(3).optional(),
      /** Segments that it does not take (patterns such as Z*). */
      leaveOut: z
        .array(z.string().regex(/^[A-Z0-9*]{1,3}$/))
        .max(100)
        .default([]),
      /** In this order, over the message as its own sender's profile has normalized it. */
      rules: z.array(rule).max(300).default([]),
    })
    .default({ leaveOut: [], rules: [] }),
  /** What names an order, best first. */
  orderKey: z
    .array(z.enum(['placer', 'filler', 'account']))
    .min(1)
    .max(3)
    .optional(),
  ack: z
    .strictObject({
      /** Mode when MSH-15 and MSH-16 are empty. */
      mode: z.enum(['original', 'enhanced']).optional(),
      charset: z.string().min(1).max(40).optional(),
      /** The sender sends nothing more until it has the answer. */
      awaitsAck: z.boolean().optional(),
      /** After a break the sender may send again what was already answered. */
      resends: z.boolean().optional(),
      /** What answers a batch: a batch of answers (chapter 2.10.3), or the bare answers one after another. */
      batch: z.enum(['enveloped', 'bare']).optional(),
    })
    .default({}),
});

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export type ProfileFile = z.infer<typeof profileFile>;
export type Rule = z.infer<typeof rule>;
export type RuleWhen = z.infer<typeof when>;
export type CodeTable = z.infer<typeof codeTable>;
export type ZField = z.infer<typeof zField>;

/** A profile with everything it extends joined in; nothing of it is optional but what may truly be absent. */
export interface VendorProfile {
  name: string;
  title: string;
  note: string;
  family: string;
  familyDefault: boolean;
  match: ProfileFile['match'];
  text: { charset: string; joinWrappedLines: boolean; splitGluedSegments: string[] };
  /** IANA zone of times without an offset, where it is another than the hospital's (`node.zone`). */
  zone: string | undefined;
  identity: { fields: string[]; unique: boolean };
  defaultEvents: ProfileFile['defaultEvents'];
  identifiers: ProfileFile['identifiers'];
  rules: Rule[];
  zSegments: ZField[];
  codes: CodeTable[];
  outbound: ProfileFile['outbound'];
  orderKey: ('placer' | 'filler' | 'account')[];
  ack: {
    mode: 'original' | 'enhanced';
    charset: string;
    awaitsAck: boolean;
    resends: boolean;
    batch: 'enveloped' | 'bare';
  };
}
