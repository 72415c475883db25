/**
 * Every setting of a node: key, type, default, check, sentence. `docs/settings.md` is printed from here.
 *
 * A file of settings is YAML with one key a room; {@link readSettings} gives the frozen values or tells every fault at once.
 */
export { describeSettings } from './describe.ts';
export type { SecretReference } from './manifest.ts';
export { checkSettings, readSettings } from './read.ts';
export { type ListenerSettings, manifest, type Settings } from './rooms.ts';
export { checkRoutes } from './route-check.ts';
