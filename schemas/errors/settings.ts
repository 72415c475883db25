import type { FaultKind } from './kind.ts';

export const settingsFaults = {
  'settings.unknown-key': {
    sentence: 'there is no setting of this name',
    fix: 'see docs/settings.md for the names',
    retry: false,
    http: 500,
    fhir: 'invalid',
  },
  'settings.missing': {
    sentence: 'a setting that has no default is missing',
    fix: 'add it; see docs/settings.md for what it means',
    retry: false,
    http: 500,
    fhir: 'required',
  },
  'settings.bad-value': {
    sentence: 'a setting has a value that it can not have',
    fix: 'correct it; see docs/settings.md for what is allowed',
    retry: false,
    http: 500,
    fhir: 'value',
  },
  'settings.contradiction': {
    sentence: 'two settings do not go together',
    fix: 'change one of them',
    retry: false,
    http: 500,
    fhir: 'business-rule',
  },
  'settings.unreadable': {
    sentence: 'the settings file can not be read',
    fix: 'check that it is there, may be read and is YAML',
    retry: false,
    http: 500,
    fhir: 'structure',
  },
  'settings.invalid': {
    sentence: 'the settings do not hold',
    fix: 'correct each place that is told',
    retry: false,
    http: 500,
    fhir: 'invalid',
  },
} as const satisfies Record<string, FaultKind>;
