import { group, oneOf, whole } from './manifest.ts';

export const documents = group('When documents (CCDs) are made', {
  when: oneOf(
    ['coalesced', 'encounter-end', 'on-demand'],
    'after changes, at the end of an encounter, or when asked for',
    { default: 'coalesced' },
  ),
  quietMs: whole([0, 3_600_000], 'quiet time after the last change', { default: 5000, unit: 'ms' }),
  latestMs: whole([0, 86_400_000], 'longest wait after the first change', { default: 60_000, unit: 'ms' }),
});
