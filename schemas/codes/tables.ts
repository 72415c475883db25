/**
 * HL7 v2 tables and what their codes are in FHIR R4 (HL7 v2-to-FHIR, code system maps). A code that is not listed here has no
 * equivalent there and is carried with the v2 table's own URI.
 */

const v3 = 'http://terminology.hl7.org/CodeSystem/v3-';

/** The FHIR URI of a v2 table, `0001` or `1`. */
export function v2Uri(table: string): string {
  return `http://terminology.hl7.org/CodeSystem/v2-${table.padStart(4, '0')}`;
}

/** v2 code -> FHIR code where FHIR has a required code of its own. */
const codes = {
  /** Administrative sex -> administrative-gender. */
  sex: {
    F: 'female',
    M: 'male',
    O: 'other',
    U: 'unknown',
    A: 'other',
    N: 'other',
    X: 'other',
    C: 'other',
    FEMALE: 'female',
    MALE: 'male',
  },
  /** 0190 -> address use. */
  addressUse: {
    B: 'work',
    O: 'work',
    BA: 'old',
    C: 'temp',
    TM: 'temp',
    H: 'home',
    V: 'temp',
    BI: 'billing',
    HV: 'temp',
  },
  /** 0190 -> address type. */
  addressType: { M: 'postal', SH: 'postal', P: 'physical' },
  /** 0200 -> name use. */
  nameUse: {
    A: 'anonymous',
    B: 'official',
    C: 'official',
    D: 'usual',
    L: 'official',
    M: 'maiden',
    N: 'nickname',
    NB: 'temp',
    P: 'nickname',
    S: 'anonymous',
    T: 'temp',
    TEMP: 'temp',
    BAD: 'old',
    NOUSE: 'old',
    R: 'official',
    I: 'official',
    K: 'usual',
    REL: 'official',
    MSK: 'anonymous',
  },
  /** 0201 -> contact point use. */
  telecomUse: {
    PRN: 'home',
    ORN: 'home',
    VHN: 'home',
    WPN: 'work',
    ASN: 'work',
    PRS: 'mobile',
    EMR: 'home',
    BPN: 'work',
  },
  /** 0202 -> contact point system. */
  telecomSystem: {
    PH: 'phone',
    FX: 'fax',
    CP: 'phone',
    SAT: 'phone',
    BP: 'pager',
    INTERNET: 'email',
    'X.400': 'email',
    MD: 'other',
    TDD: 'other',
    TTY: 'other',
  },
  /** 0085 -> observation status. */
  observationStatus: {
    C: 'corrected',
    D: 'entered-in-error',
    F: 'final',
    I: 'registered',
    N: 'unknown',
    O: 'registered',
    P: 'preliminary',
    R: 'preliminary',
    S: 'preliminary',
    U: 'final',
    W: 'entered-in-error',
    X: 'cancelled',
    A: 'amended',
    B: 'amended',
    V: 'final',
    K: 'corrected',
  },
  /** 0123 -> diagnostic report status. */
  reportStatus: {
    O: 'registered',
    I: 'registered',
    S: 'registered',
    A: 'partial',
    P: 'preliminary',
    C: 'corrected',
    R: 'partial',
    F: 'final',
    X: 'cancelled',
    Y: 'unknown',
    Z: 'unknown',
    M: 'partial',
    N: 'unknown',
  },
  /** 0038 -> request status. */
  orderStatus: {
    A: 'active',
    CA: 'revoked',
    CM: 'completed',
    DC: 'revoked',
    ER: 'entered-in-error',
    HD: 'on-hold',
    IP: 'active',
    RP: 'revoked',
    SC: 'active',
    F: 'completed',
  },
  /** 0119 -> request status, where ORC-5 is empty. */
  orderControl: {
    NW: 'active',
    OK: 'active',
    CA: 'revoked',
    OC: 'revoked',
    CR: 'revoked',
    DC: 'revoked',
    OD: 'revoked',
    DR: 'revoked',
    HD: 'on-hold',
    OH: 'on-hold',
    HR: 'on-hold',
    RL: 'active',
    OE: 'active',
    RP: 'revoked',
    RU: 'active',
    RO: 'active',
    XO: 'active',
    XX: 'active',
    SC: 'active',
    SN: 'active',
    RE: 'completed',
    CN: 'completed',
    DE: 'entered-in-error',
    UA: 'revoked',
    PA: 'active',
    CH: 'active',
    SR: 'active',
    AF: 'active',
    RF: 'active',
  },
  /** 0027, 0485 -> request priority. */
  priority: {
    S: 'stat',
    STAT: 'stat',
    A: 'asap',
    ASAP: 'asap',
    R: 'routine',
    ROUTINE: 'routine',
    P: 'routine',
    PRE: 'routine',
    C: 'urgent',
    T: 'urgent',
    U: 'urgent',
    UR: 'urgent',
    PRN: 'routine',
    E: 'stat',
  },
  /** 0127 -> allergy category. */
  allergyCategory: {
    DA: 'medication',
    FA: 'food',
    EA: 'environment',
    PA: 'environment',
    LA: 'environment',
    AA: 'environment',
  },
  /** 0128 -> reaction severity. */
  allergySeverity: { SV: 'severe', MO: 'moderate', MI: 'mild' },
  /** 0128 -> criticality. */
  allergyCriticality: { SV: 'high', MO: 'low', MI: 'low', U: 'unable-to-assess' },
  /** 0271 -> document status. */
  documentStatus: {
    AU: 'final',
    DI: 'preliminary',
    DO: 'preliminary',
    IN: 'preliminary',
    IP: 'preliminary',
    LA: 'final',
    PA: 'preliminary',
  },
  /** 0322 -> immunization status. */
  immunizationStatus: { CP: 'completed', PA: 'completed', RE: 'not-done', NA: 'not-done' },
  /** 0322 -> medication administration status. */
  administrationStatus: { CP: 'completed', PA: 'stopped', RE: 'not-done', NA: 'not-done' },
  /** 0136. */
  yesNo: { Y: 'true', N: 'false' },
  /** 0116 -> bed status (v2-0116 itself); and the encounter location's status. */
  specimenStatus: { Y: 'available', N: 'unavailable' },
} as const satisfies Record<string, Record<string, string>>;

export type TableName = keyof typeof codes;

const lookups = new Map<string, ReadonlyMap<string, string>>(
  Object.entries(codes).map(([name, table]) => [name, new Map(Object.entries(table))]),
);

/** The FHIR code for a v2 code of a table (case does not matter), or undefined where FHIR has none. */
export function tableCode(table: TableName, code: string): string | undefined {
  const map = lookups.get(table)!;
  return map.get(code) ?? map.get(code.toUpperCase());
}

export interface Concept {
  system: string;
  code: string;
  display?: string;
}

/** Displays of v2 tables whose codes stay themselves in FHIR, and v3 codes where FHIR binds to v3. */
const concepts: Record<string, { system: string; rows: Record<string, string> }> = {
  /** 0002 marital status -> v3 MaritalStatus; rows: v2 code -> `code|display`. */
  '0002': {
    system: `${v3}MaritalStatus`,
    rows: {
      A: 'L|Legally Separated',
      E: 'L|Legally Separated',
      D: 'D|Divorced',
      M: 'M|Married',
      S: 'S|Never Married',
      W: 'W|Widowed',
      C: 'C|Common Law',
      G: 'T|Domestic partner',
      P: 'T|Domestic partner',
      R: 'T|Domestic partner',
      N: 'A|Annulled',
      I: 'I|Interlocutory',
      B: 'U|unmarried',
      U: 'UNK|unknown',
      O: 'OTH|other',
      T: 'UNK|unknown',
    },
  },
  /** 0004 patient class -> v3 ActCode encounter class. */
  '0004': {
    system: `${v3}ActCode`,
    rows: {
      E: 'EMER|emergency',
      I: 'IMP|inpatient encounter',
      O: 'AMB|ambulatory',
      P: 'PRENC|pre-admission',
      R: 'AMB|ambulatory',
      B: 'IMP|inpatient encounter',
      D: 'AMB|ambulatory',
      H: 'HH|home health',
      V: 'VR|virtual',
      S: 'SS|short stay',
    },
  },
  '0078': {
    system: `${v3}ObservationInterpretation`,
    rows: {
      L: 'L|Low',
      H: 'H|High',
      LL: 'LL|Critical low',
      HH: 'HH|Critical high',
      '<': '<|Off scale low',
      '>': '>|Off scale high',
      N: 'N|Normal',
      A: 'A|Abnormal',
      AA: 'AA|Critical abnormal',
      U: 'U|Significant change up',
      D: 'D|Significant change down',
      B: 'B|Better',
      W: 'W|Worse',
      S: 'S|Susceptible',
      R: 'R|Resistant',
      I: 'I|Intermediate',
      MS: 'S|Susceptible',
      VS: 'S|Susceptible',
      POS: 'POS|Positive',
      NEG: 'NEG|Negative',
      IND: 'IND|Indeterminate',
      DET: 'DET|Detected',
      ND: 'ND|Not detected',
      RR: 'RR|Reactive',
      NR: 'NR|Non-reactive',
      WR: 'WR|Weakly reactive',
      HM: 'HM|Hold for Medical Review',
      NS: 'NS|Non-susceptible',
      SDD: 'SDD|Susceptible-dose dependent',
      SYN: 'SYN-R|Synergy - resistant',
      EXP: 'EXP|Expected',
      UNE: 'UNE|Unexpected',
      HU: 'HU|Significantly high',
      LU: 'LU|Significantly low',
    },
  },
  /** Null reasons that OBX-8 writes as a word. */
  '0074': {
    system: v2Uri('0074'),
    rows: {
      AU: 'Audiology',
      BG: 'Blood Gases',
      BLB: 'Blood Bank',
      CG: 'Cytogenetics',
      CH: 'Chemistry',
      CP: 'Cytopathology',
      CT: 'CAT Scan',
      CTH: 'Cardiac Catheterization',
      CUS: 'Cardiac Ultrasound',
      EC: 'Electrocardiac',
      EN: 'Electroneuro',
      GE: 'Genetics',
      HM: 'Hematology',
      ICU: 'Bedside ICU Monitoring',
      IMM: 'Immunology',
      LAB: 'Laboratory',
      MB: 'Microbiology',
      MCB: 'Mycobacteriology',
      MYC: 'Mycology',
      NMR: 'Nuclear Magnetic Resonance',
      NMS: 'Nuclear Medicine Scan',
      NRS: 'Nursing Service Measures',
      OUS: 'OB Ultrasound',
      OT: 'Occupational Therapy',
      OTH: 'Other',
      OSL: 'Outside Lab',
      PHR: 'Pharmacy',
      PT: 'Physical Therapy',
      PHY: 'Physician',
      PF: 'Pulmonary Function',
      RAD: 'Radiology',
      RX: 'Radiograph',
      RUS: 'Radiology Ultrasound',
      RC: 'Respiratory Care',
      RT: 'Radiation Therapy',
      SR: 'Serology',
      SP: 'Surgical Pathology',
      TX: 'Toxicology',
      VUS: 'Vascular Ultrasound',
      VR: 'Virology',
      XRC: 'Cineradiograph',
    },
  },
  '0131': {
    system: v2Uri('0131'),
    rows: {
      C: 'Emergency Contact',
      E: 'Employer',
      F: 'Federal Agency',
      I: 'Insurance Company',
      N: 'Next-of-Kin',
      S: 'State Agency',
      O: 'Other',
      U: 'Unknown',
      CP: 'Contact person',
      EP: 'Emergency contact person',
      PR: 'Person preparing referral',
      BP: 'Billing contact person',
    },
  },
  /** 0063 relationship -> v3 RoleCode where the guide has one. */
  '0063': {
    system: `${v3}RoleCode`,
    rows: {
      SPO: 'SPS|spouse',
      DOM: 'DOMPART|domestic partner',
      CHD: 'CHILD|child',
      GCH: 'GRNDCHILD|grandchild',
      NCH: 'NCHILD|natural child',
      SCH: 'STPCHLD|step child',
      FCH: 'CHLDFOST|foster child',
      PAR: 'PRN|parent',
      MTH: 'MTH|mother',
      FTH: 'FTH|father',
      GRP: 'GRPRN|grandparent',
      SIB: 'SIB|sibling',
      BRO: 'BRO|brother',
      SIS: 'SIS|sister',
      FND: 'FRND|unrelated friend',
      EXF: 'EXT|extended family member',
      LIP: 'SIGOTHR|significant other',
      SEL: 'ONESELF|self',
      DEP: 'CHILD|child',
      NBR: 'NBOR|neighbor',
      GRD: 'GUARD|guardian',
    },
  },
  '0203': {
    system: v2Uri('0203'),
    rows: {
      MR: 'Medical record number',
      PI: 'Patient internal identifier',
      PT: 'Patient external identifier',
      PN: 'Person number',
      AN: 'Account number',
      VN: 'Visit number',
      SS: 'Social Security number',
      DL: "Driver's license number",
      NI: 'National unique individual identifier',
      PPN: 'Passport number',
      MC: "Patient's Medicare number",
      MA: 'Patient Medicaid number',
      NPI: 'National provider identifier',
      DN: 'Doctor number',
      EI: 'Employee number',
      PLAC: 'Placer Identifier',
      FILL: 'Filler Identifier',
      ACSN: 'Accession ID',
      SNO: 'Serial Number',
      NIIP: 'National Insurance Payor Identifier (Payor)',
      MB: 'Member Number',
      SN: 'Subscriber Number',
      PNT: 'Patient number',
      XX: 'Organization identifier',
      FI: 'Facility ID',
      BC: 'Bank Card Number',
      DI: "Diner's Club card",
      PGN: 'Placer Group Number',
      TAX: 'Tax ID number',
      PRN: 'Provider number',
      DEA: 'Drug Enforcement Administration registration number',
      U: 'Unspecified identifier',
      AM: 'American Express',
      BR: 'Birth registry number',
      ANON: 'Anonymous identifier',
      LN: 'License number',
      MD: 'Medical License number',
      MCN: 'Microchip Number',
      UPIN: "Medicare/CMS (formerly HCFA)'s Universal Physician Identification numbers",
      SL: 'State license',
      RI: 'Resource identifier',
      HC: 'Health Card Number',
      JHN: 'Jurisdictional health number (Canada)',
      PHE: 'Public Health Event ID',
    },
  },
  '0007': {
    system: v2Uri('0007'),
    rows: {
      A: 'Accident',
      C: 'Elective',
      E: 'Emergency',
      L: 'Labor and Delivery',
      N: 'Newborn (Birth in healthcare facility)',
      R: 'Routine',
      U: 'Urgent',
    },
  },
  '0112': { system: v2Uri('0112'), rows: {} },
  '0162': {
    system: v2Uri('0162'),
    rows: {
      AP: 'Apply Externally',
      B: 'Buccal',
      DT: 'Dental',
      EP: 'Epidural',
      ET: 'Endotrachial Tube',
      GTT: 'Gastrostomy Tube',
      GU: 'GU Irrigant',
      IA: 'Intra-arterial',
      IB: 'Intrabursal',
      IC: 'Intracardiac',
      ICV: 'Intracervical (uterus)',
      ID: 'Intradermal',
      IH: 'Inhalation',
      IHA: 'Intrahepatic Artery',
      IM: 'Intramuscular',
      IMR: 'Immerse (Soak) Body Part',
      IN: 'Intranasal',
      IO: 'Intraocular',
      IP: 'Intraperitoneal',
      IS: 'Intrasynovial',
      IT: 'Intrathecal',
      IU: 'Intrauterine',
      IV: 'Intravenous',
      MM: 'Mucous Membrane',
      MTH: 'Mouth/Throat',
      NG: 'Nasogastric',
      NP: 'Nasal Prongs',
      NS: 'Nasal',
      NT: 'Nasotrachial Tube',
      OP: 'Ophthalmic',
      OT: 'Otic',
      OTH: 'Other/Miscellaneous',
      PF: 'Perfusion',
      PO: 'Oral',
      PR: 'Rectal',
      RM: 'Rebreather Mask',
      SC: 'Subcutaneous',
      SD: 'Soaked Dressing',
      SL: 'Sublingual',
      TD: 'Transdermal',
      TL: 'Translingual',
      TP: 'Topical',
      TRA: 'Tracheostomy',
      UR: 'Urethral',
      VG: 'Vaginal',
      VM: 'Ventimask',
      WND: 'Wound',
    },
  },
  '0163': {
    system: v2Uri('0163'),
    rows: {
      LA: 'Left Arm',
      RA: 'Right Arm',
      LD: 'Left Deltoid',
      RD: 'Right Deltoid',
      LT: 'Left Thigh',
      RT: 'Right Thigh',
      LG: 'Left Gluteus Medius',
      RG: 'Right Gluteus Medius',
      LVL: 'Left Vastus Lateralis',
      RVL: 'Right Vastus Lateralis',
      LLFA: 'Left Lower Forearm',
      RLFA: 'Right Lower Forearm',
    },
  },
  '0052': { system: v2Uri('0052'), rows: { A: 'Admitting', W: 'Working', F: 'Final' } },
  '0006': { system: v2Uri('0006'), rows: {} },
  '0270': {
    system: v2Uri('0270'),
    rows: {
      AR: 'Autopsy report',
      CD: 'Cardiodiagnostics',
      CN: 'Consultation',
      DI: 'Diagnostic imaging',
      DS: 'Discharge summary',
      ED: 'Emergency department report',
      HP: 'History and physical examination',
      OP: 'Operative report',
      PC: 'Psychiatric consultation',
      PH: 'Psychiatric history and physical examination',
      PN: 'Procedure note',
      PR: 'Progress note',
      SP: 'Surgical pathology',
      TS: 'Transfer summary',
    },
  },
};

/**
 * The FHIR concept of a v2 table's code: the v3 one where FHIR binds to v3, else the v2 table's own with its display.
 * Undefined where the table maps to v3 and has no equivalent.
 */
export function conceptOf(table: string, code: string): Concept | undefined {
  const known = concepts[table];
  if (!known) return undefined;
  const row = known.rows[code];
  if (row === undefined) return undefined;
  const bar = row.indexOf('|');
  if (bar < 0) return { system: known.system, code, display: row };
  const mapped = row.slice(0, bar);
  if (mapped === 'UNK' || mapped === 'OTH')
    return { system: `${v3}NullFlavor`, code: mapped, display: row.slice(bar + 1) };
  return { system: known.system, code: mapped, display: row.slice(bar + 1) };
}

/** The name of a v2 table's code, where we know one. */
export function displayOf(table: string, code: string): string | undefined {
  const row = concepts[table]?.rows[code];
  if (row === undefined) return undefined;
  const bar = row.indexOf('|');
  return bar < 0 ? row : undefined;
}
