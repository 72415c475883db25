import { flag, group, whole } from './manifest.ts';

export const mpi = group('The patient index of a region or global node', {
  fourEyes: flag(
    'a decision about identities (link, part, merge, take back) is in force when a second person says the same',
    {
      default: false,
    },
  ),
  recordsMax: whole(
    [2, 1_000],
    'local records that may be linked to one person by themselves; where more hang together nothing is linked, and somebody is told',
    { default: 100 },
  ),
});
