/** The settings in force as a tree for people: what stands, what was changed from the default. Secrets are shown as references only. */
import { join } from 'node:path';
import type { SettingView } from '../schemas/portal-exchange.ts';
import { manifest, type Settings } from '../schemas/settings/index.ts';
import type { List, Members, Node, Setting } from '../schemas/settings/manifest.ts';

/** A room a branch, in the order of the manifest. */
export function settingsTreeOf(settings: Settings): SettingView[] {
  const { dataDir } = settings.node;
  return Object.entries<Node>(manifest).map(([key, node]) => viewNode(node, key, key, member(settings, key), dataDir));
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function viewNode(node: Node, key: string, path: string, value: unknown, dataDir: string): SettingView {
  if (node.is === 'setting') return viewSetting(node, key, path, value, dataDir);
  if (node.is === 'list') return viewList(node, key, path, value, dataDir);
  return {
    key,
    path,
    is: 'group',
    sentence: node.sentence,
    mark: value === undefined ? 'absent' : 'none',
    members: value === undefined ? [] : viewMembers(node.members, path, value, dataDir),
  };
}

function viewMembers(members: Members, path: string, value: unknown, dataDir: string): SettingView[] {
  return Object.entries(members).map(([key, node]) =>
    viewNode(node, key, `${path}.${key}`, member(value, key), dataDir),
  );
}

function viewList(node: List<Members>, key: string, path: string, value: unknown, dataDir: string): SettingView {
  const items = Array.isArray(value) ? (value as unknown[]) : [];
  return {
    key,
    path,
    is: 'list',
    sentence: node.sentence,
    value: String(items.length),
    mark: 'none',
    members: items.map((item, at) => {
      const name = member(item, 'name') ?? member(item, 'outlet');
      return {
        key: typeof name === 'string' ? name : String(at + 1),
        path: `${path}[${at}]`,
        is: 'item',
        sentence: '',
        mark: 'none',
        members: viewMembers(node.members, `${path}[${at}]`, item, dataDir),
      };
    }),
  };
}

function viewSetting(
  setting: Setting<unknown>,
  key: string,
  path: string,
  value: unknown,
  dataDir: string,
): SettingView {
  const view: SettingView = {
    key,
    path,
    is: 'setting',
    sentence: setting.sentence,
    type: setting.type.replaceAll('`', ''),
    mark: 'changed',
    members: [],
  };
  if (setting.unit !== undefined) view.unit = setting.unit;
  if (setting.default !== undefined) view.standard = tellValue(setting.default);
  if (value === undefined) view.mark = 'absent';
  else if (isReference(value)) {
    view.mark = 'secret';
    view.value = tellReference(value);
  } else {
    view.value = tellValue(value);
    if (isStandard(setting, value, dataDir)) view.mark = 'default';
  }
  return view;
}

const isReference = (value: unknown): value is { file: string } | { env: string } =>
  typeof member(value, 'file') === 'string' || typeof member(value, 'env') === 'string';

const tellReference = (value: { file: string } | { env: string }): string =>
  'file' in value ? `file: ${value.file}` : `env: ${value.env}`;

/** A name and password that somebody put into an address are not shown. */
const tellValue = (value: unknown): string =>
  (Array.isArray(value) ? value.map(String).join('\n') : String(value)).replaceAll(/\/\/[^/@\s]+@/g, '//***@');

function isStandard(setting: Setting<unknown>, value: unknown, dataDir: string): boolean {
  const { default: standard } = setting;
  if (standard === undefined) return false;
  if (setting.path !== true || typeof standard !== 'string' || typeof value !== 'string') return value === standard;
  // Paths were made absolute when they were read.
  if (standard.startsWith('{dataDir}')) return value === join(dataDir, standard.slice('{dataDir}'.length));
  return value === standard || value.endsWith(`/${standard}`);
}
