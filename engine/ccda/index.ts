/** What the exchange knows about C-CDA: building a CCD, checking one, showing one. */
export { buildCcd } from './build.ts';
export { checkCcd } from './check.ts';
export type { CcdHeader, CcdOrganization, CcdRecord } from './scope.ts';
export { renderCcdHtml } from './view.ts';
