/** Words of the patient index's pages, kept apart for translation. English first. */
import type {
  ComparisonView,
  DecisionView,
  IdentityEventKind,
  MatchDecision,
  MatchKind,
  MatchState,
  MatchView,
} from '../../schemas/identity.ts';

const kinds: Record<MatchKind, string> = {
  possible: 'Possible match',
  overlay: 'Overwritten record',
  storm: 'Storm of duplicates',
  request: 'Asked for by a person',
};
const kindHelp: Record<MatchKind, string> = {
  possible: 'Two local records may be one person. Until somebody decides they stay two.',
  overlay:
    'A feed under one number told another name, sex and birth date all at once. The earlier facts stand, and the new ones wait here.',
  storm:
    'More local records point at one person than can be true, so nothing more was linked to it. Its source most likely sends duplicates or a placeholder; the other work of the index goes on.',
  request: 'Nobody was asked: a person wants this changed, or has changed it.',
};
const states: Record<MatchState, string> = {
  open: 'Open',
  'waiting-second': 'Waits for a second person',
  linked: 'Linked',
  'kept-apart': 'Kept apart',
  withdrawn: 'Withdrawn',
};
const stateHelp: Record<MatchState, string> = {
  open: 'Nobody has decided yet.',
  'waiting-second': 'One person has decided; another one has to confirm before anything changes.',
  linked: 'Decided, and in force: one person.',
  'kept-apart': 'Decided, and in force: two persons.',
  withdrawn: 'Facts have changed since, and nothing is left to decide.',
};

const withdrawnRequest = 'It was taken back or not confirmed; nothing of it is in force.';
const settled: Record<MatchKind, Record<'linked' | 'kept-apart', string>> = {
  possible: { linked: 'Linked', 'kept-apart': 'Kept apart' },
  overlay: { linked: 'New facts taken', 'kept-apart': 'New facts refused' },
  storm: { linked: 'Closed', 'kept-apart': 'Closed' },
  request: { linked: 'Linked', 'kept-apart': 'Parted' },
};

interface ActWords {
  act: string;
  title: string;
  help: string;
}
/** What the two decisions mean depends on what is decided. */
const decisions: Record<MatchKind, Record<MatchDecision, ActWords>> = {
  possible: {
    link: {
      act: 'One person',
      title: 'Link these two records',
      help: 'Both records become one person: numbers, documents and whoever asked for updates follow. It can be taken back.',
    },
    unlink: {
      act: 'Two persons',
      title: 'Keep these two apart',
      help: 'They stay two persons, and no feed will link these two records again. It can be taken back.',
    },
  },
  overlay: {
    link: {
      act: 'Same person, corrected',
      title: 'Take the new facts',
      help: 'The record is still the same person, and the new facts replace the earlier ones. It can be taken back.',
    },
    unlink: {
      act: 'Another person',
      title: 'Refuse the new facts',
      help: 'The earlier facts stand. The source wrote one person over another: tell it to register the other person under a number of its own. It can be taken back.',
    },
  },
  storm: {
    link: {
      act: 'Close',
      title: 'Close this storm',
      help: 'Nothing is linked by it. Close it when the source has been told and its feed is clean.',
    },
    unlink: {
      act: 'Close',
      title: 'Close this storm',
      help: 'Nothing is linked by it. Close it when the source has been told and its feed is clean.',
    },
  },
  request: {
    link: {
      act: 'One person',
      title: 'Make them one person',
      help: 'The local records of both become one person. It can be taken back.',
    },
    unlink: {
      act: 'Two persons',
      title: 'Make them two persons',
      help: 'The local records part, and no feed will link them again. It can be taken back.',
    },
  },
};
const asks: Record<NonNullable<MatchView['asks']>, string> = {
  'link-persons': 'Link two persons',
  'unlink-record': 'Take a record out of its person',
  'merge-persons': 'Merge two persons',
  unmerge: 'Take a merge back',
};
const acts: Record<DecisionView['act'], string> = {
  decided: 'Decided',
  seconded: 'Confirmed',
  refused: 'Not confirmed',
  undone: 'Taken back',
};
const verdicts: Record<ComparisonView['verdict'], string> = {
  match: 'match',
  possible: 'possible match',
  'no-match': 'no match',
};
const events: Record<IdentityEventKind, string> = {
  created: 'Registered',
  updated: 'Updated',
  joined: 'Records came to this person',
  left: 'Records left this person',
  merged: 'Merged into another person',
  revived: 'Active again',
  numbers: 'Numbers changed',
};

/** Fields of a comparison, as `engine/mpi` names them. */
const fields: Record<string, string> = {
  given: 'Given name',
  family: 'Family name',
  order: 'Order of names',
  middle: 'Middle name',
  maiden: 'Maiden name',
  suffix: 'Suffix',
  birth: 'Birth date',
  sex: 'Sex',
  house: 'House number',
  street: 'Street',
  unit: 'Flat or second line',
  postcode: 'Postcode',
  city: 'City',
  state: 'State',
  phone: 'Phone',
  email: 'E-mail',
  national: 'Social security number',
  number: 'Other number',
  rule: 'Doubt',
};
/** Levels of a comparison; a field's own words first. */
const levels: Record<string, string> = {
  exact: 'the same',
  same: 'the same',
  form: 'nickname or short form',
  part: 'one is part of the other',
  former: 'former or maiden name',
  close: 'one slip apart',
  near: 'two slips apart',
  similar: 'sounds or looks alike',
  letters: 'same letters, jumbled',
  initial: 'same initial',
  differ: 'different',
  straight: 'as written',
  swapped: 'swapped',
  words: 'most words the same',
  area: 'same area',
  name: 'same name, other provider',
  'last-four': 'same last four digits',
  'birth swapped': 'day and month swapped',
  'birth partial': 'the same, as far as told',
  'birth digit': 'one digit off',
  'birth month': 'within a month',
  'birth year': 'within a year',
  'birth decade': 'within ten years',
  'order swapped': 'given and family name swapped',
  'same-beside-given': 'as the given name suggests',
  'differ-beside-given': 'different beside one given name',
  'same-beside-postcode': 'as the postcode suggests',
  'exact-beside-postcode': 'as the postcode suggests',
  'close-beside-postcode': 'one slip, beside one postcode',
  'differ-beside-postcode': 'different beside one postcode',
  missing: 'not told by both',
  'rule household': 'may be of one household',
  'rule twins': 'may be twins',
  'rule namesake': 'may be a namesake in the family',
};
/** Rules that stand above the weights. */
const rules: Record<string, string> = {
  household: 'May be two of one household, who share a family name, address and phone: that says less here.',
  twins: 'May be twins, who share a birth date, family name and address: that says less here.',
  namesake: 'May be two of one family with one name, such as parent and child: the name says less here.',
  'test-patient': 'A name or number marks one side as a test patient. It is never linked to a real person by itself.',
  'birth-order': 'Both are of a multiple birth and tell a different birth order: two children.',
  newborn: 'A newborn without a name of its own yet. Never linked by itself.',
  suffix: 'One is Jr and the other Sr, or the like: most likely parent and child. Never linked by itself.',
  'no-name': 'A side tells no name. Without number and birth date in agreement it is never linked by itself.',
  'sex-conflict': 'Sex differs, and birth date or given name with it. Never linked by itself.',
  'no-birth-date': 'A side tells no birth date. Never linked by itself.',
  'number-conflict':
    'Two social security numbers that differ, and a name or birth date at odds beside it: most likely two persons.',
};

export const identityTexts = {
  matches: {
    title: 'Possible matches',
    columns: { who: 'Who', kind: 'What', probability: 'Likely', state: 'State', from: 'From', since: 'Since' },
    filters: { state: 'State', kind: 'What' },
    waiting: 'Waiting',
    allStates: 'All',
    kinds,
    kindHelp,
    states,
    settled,
    withdrawnRequest,
    stateHelp,
    and: 'and',
    storm: 'Many records point at',
    was: 'was',
    fed: 'now fed as',
    noName: 'Name not shown',
    notCompared: 'not compared',
    ofPerson: 'Only what concerns one person.',
    probability: (percent: string) => `${percent} likely one person`,
    empty:
      'Nothing waits. What the index is sure of it links by itself; what it is not sure of comes here to be decided.',
    emptyAct: 'See what was decided',
    emptyAll: 'Nothing has come up yet: no feed has made the index doubt.',
    emptyAllAct: 'See the persons',
    emptyFilter: 'No item fits these filters.',
    choose: (names: string) => `Choose ${names}`,
    apart: 'Keep apart or close',
    apartTitle: (count: number) => (count === 1 ? 'Keep one pair apart' : `Settle ${count} items as not linked`),
    apartHelp:
      'Pairs stay two persons and are not asked about again; storms are closed. Each is decided by itself and can be taken back by itself. To link, open the item and look at both sides. The reason goes into the audit.',
    apartOver: (done: number, of: number) => (done === of ? `All ${of} are settled.` : `${done} of ${of} are settled.`),
  },
  match: {
    back: 'All that waits',
    next: 'Next one',
    sides: 'Side by side',
    sidesOverlay: 'Before and now',
    oneSide: 'The record',
    before: 'As it was',
    now: 'As it is now',
    fed: 'As it was fed',
    one: 'One',
    other: 'The other',
    fact: 'Fact',
    differ: 'differs',
    notTold: 'not told',
    person: 'Person',
    samePerson: 'Both are one person now.',
    verdict: 'How the verdict comes about',
    told: (percent: string, verdict: string) => `${percent} likely one person: ${verdict}`,
    verdicts,
    help: 'Each field moves the weight of evidence, in bits: one bit more makes one person twice as likely. It begins with how rare it is that two records of this index belong together.',
    start: 'Before comparing',
    total: 'In all',
    possibleFrom: 'possible from',
    matchFrom: 'match from',
    noMatchZone: 'no match',
    asTable: 'As a table',
    tableField: 'Field',
    tableLevel: 'Found',
    tableBits: 'Bits',
    tableSum: 'Sum',
    picture: (start: string, total: string, possible: string, match: string) =>
      `Waterfall of the verdict: from ${start} bits before comparing to ${total} bits in all. Possible from ${possible}, match from ${match}.`,
    fields,
    levels,
    rules,
    rulesTitle: 'Rules that spoke',
    otherRule: (id: string) => `Rule "${id}" spoke.`,
    storyTitle: 'Decisions',
    noStory: 'Nobody has decided yet.',
    acts,
    decisions,
    asks,
    asked: (who: string) => `asked by ${who}`,
    from: (who: string) => `from ${who}`,
    secondTitle: 'A second person has to look',
    second: (who: string, decision: string) => `${who} decided: ${decision}. Nothing has changed yet.`,
    secondOwn: 'You decided. Nothing changes before another person confirms it.',
    secondNot: 'Nothing changes before a second person confirms it.',
    confirm: 'Confirm',
    confirmTitle: 'Confirm this decision',
    refuse: 'Do not confirm',
    refuseTitle: 'Do not confirm',
    refuseHelp: 'The item is open again, and nothing has changed.',
    fourEyes: 'Two persons decide here: the first decision changes nothing before another person confirms it.',
    undo: 'Take it back',
    undoTitle: 'Take this decision back',
    undoHelp:
      'Persons, numbers and documents become what they would be had it never been decided, and the item is open again. Your reason stays beside the first one.',
    reasonHelp: 'For instance: same photo and signature on both forms.',
    stormReasonHelp: 'For instance: the interface was set back and no longer repeats itself.',
    undoHelpRequest:
      'Persons, numbers and documents become what they would be had it never been done. Your reason stays beside the first one.',
    refuseHelpRequest: 'Nothing changes, and the request is withdrawn.',
    undoReasonHelp: 'For instance: the hospital called, these are two brothers.',
    mayNot: 'Your role may look at this but not decide it.',
    meanwhile: (who: string, act: string) => `${who} was here meanwhile: ${act}. What you see is how it stands now.`,
    seen: 'Understood',
    meanwhileWithdrawn: 'Meanwhile facts changed, and nothing is left to decide.',
    changedTitle: 'What changed after it',
    changedNone: 'Nothing was told to the index yet; this fills by itself.',
    working: 'Persons, numbers and documents are being moved. This may take a moment.',
    stormFix: (node: string) =>
      `Ask ${node} what it sent: look for one patient registered again and again, or a placeholder name and birth date. Then close this item.`,
    overlayFix: (node: string) =>
      `If it is another person, ${node} must register that person under a number of its own and send the earlier facts again.`,
  },
  person: {
    acts: 'Change who this is',
    link: 'Link with another',
    linkTitle: 'Link with another person',
    linkHelp: 'The local records of both become one person, by your decision. It can be taken back.',
    merge: 'Merge',
    mergeTitle: 'Merge with another person',
    mergeHelp:
      'The local records of both become one person, whatever was decided about them before. The number that was given first stays, and the other one leads on to it. It can be taken back.',
    other: 'Find the other person',
    otherHelp: 'Name, number or birth date; three letters of the name are enough.',
    search: 'Search',
    noneFound: 'Nobody fits. Try the whole number, or three letters of the name.',
    chosen: 'Chosen',
    change: 'Choose another',
    do: { link: 'Link', merge: 'Merge' },
    part: 'Take out',
    partTitle: 'Take this record out of the person',
    partHelp:
      'It becomes a person of its own, or goes back to the one it came from, with its documents. No feed will link it here again. It can be taken back.',
    partOnly: 'The only record of a person can not be taken out.',
    unmerge: 'Take the merge back',
    unmergeTitle: 'Take this merge back',
    unmergeHelp: 'This person is active again with its records, numbers and documents as they were.',
    mergedInto: 'This person was merged into another one.',
    openOther: 'Open that person',
    waits: 'Waits for a second person',
    records: 'Local records',
    asOf: 'As of',
    asOfHelp: 'How this person was at a time: pick a date, or an event of the history.',
    now: 'Now',
    atTime: (time: string) => `As of ${time}`,
    notYet: 'This person was not known then.',
    wasOther: 'Then it was part of another person.',
    isOther: 'It is part of another person now.',
    recordColumns: { node: 'From', number: 'Number', version: 'Facts', act: 'Act' },
    version: (version: number) => `version ${version}`,
    noFacts: 'none known',
    numbersThen: 'Numbers',
    factsThen: 'Facts',
    matches: 'Possible matches',
    matchesNone: 'No doubt about this person waits or was ever decided.',
    matchesAll: 'All of them',
    history: 'History',
    historyNone: 'Nothing has happened to this person yet.',
    events,
    came: 'came',
    left: 'left',
    recordsThen: (count: number) => (count === 1 ? 'one record' : `${count} records`),
    matcher: 'the matcher',
    older: 'Older',
    showThen: 'Show it then',
    reason: 'Reason',
    reasonHelp: 'For instance: both cards were shown at the desk.',
  },
};

/** A level in plain words; as it is called where there are none. */
export function levelText(field: string, level: string): string {
  return levels[`${field} ${level}`] ?? levels[level] ?? level.replaceAll('-', ' ');
}

export const fieldText = (field: string): string => fields[field] ?? field;

/** A rule in plain words. */
export const ruleText = (id: string): string => rules[id] ?? identityTexts.match.otherRule(id);

/** `99.4 %`; never a round 0 or 100 that is none. */
export function percentText(probability: number): string {
  const percent = probability * 100;
  if (percent > 0 && percent < 0.1) return 'below 0.1 %';
  if (percent < 100 && percent > 99.9) return 'above 99.9 %';
  return `${percent >= 99.5 || percent < 1 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** Bits with a sign: `+4.2`. */
export const bitsText = (bits: number): string => `${bits < 0 ? '\u2212' : '+'}${Math.abs(bits).toFixed(1)}`;
