import { group, path, text, whole } from './manifest.ts';

export const pki = group('The certificate authority of the node', {
  folder: path('folder', 'its keys and certificates; made at the first start', { default: '{dataDir}/pki' }),
  authorityName: text('common name of the authority', { max: 64, default: 'MIX-HIE hospital authority' }),
  certificateDays: whole([1, 3650], 'validity of the certificates that it issues', { default: 397, unit: 'days' }),
});
