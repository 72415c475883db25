/** The words in which the life of an identity is told: kinds and states of the work list, decisions, events. */

/**
 * What somebody has to look at. `possible`: two local records that may be one person. `overlay`: a feed under one number in which name, sex and birth
 * date all changed; the old facts stand until somebody decides. `storm`: more local records for one person than can be true; nothing more was linked.
 * `request`: what a person did, or wants to do, without being asked (link, part, merge, take back).
 */
export const MATCH_KINDS = ['possible', 'overlay', 'storm', 'request'] as const;
export type MatchKind = (typeof MATCH_KINDS)[number];

/**
 * `waiting-second`: decided, and waits for a second person (four eyes). `linked`, `kept-apart`: decided, and in force. `withdrawn`: nothing is left to
 * decide, because facts changed.
 */
export const MATCH_STATES = ['open', 'waiting-second', 'linked', 'kept-apart', 'withdrawn'] as const;
export type MatchState = (typeof MATCH_STATES)[number];

/**
 * `link`: one person. `unlink`: two. Of an overlay, `link` means the same person, corrected (the new facts are taken), and `unlink` another one (the new
 * facts are not taken: its source wrote over a record and must register the other person under a number of its own). Of a storm, either one closes it.
 */
export type MatchDecision = 'link' | 'unlink';

export const IDENTITY_EVENTS = ['created', 'updated', 'joined', 'left', 'merged', 'revived', 'numbers'] as const;
export type IdentityEventKind = (typeof IDENTITY_EVENTS)[number];
