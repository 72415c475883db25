export { buildPages } from './build.ts';
