/** Where the pages ask for the life of an identity, and what they ask (schemas/identity.ts). */
import type { MatchDecision, MatchFilter, MatchView } from '../../schemas/identity.ts';
import { queryOf } from './address.ts';
import { ask } from './api.ts';

const part = encodeURIComponent;

export const matchesPath = (filter: MatchFilter): string => `/api/matches${queryOf({ ...filter })}`;
export const matchPath = (id: string): string => `/api/matches/${part(id)}`;
export const historyPath = (personId: string, cursor?: string): string =>
  `/api/patients/${part(personId)}/history${queryOf({ cursor })}`;
export const personAtPath = (personId: string, at: string): string =>
  `/api/patients/${part(personId)}/at${queryOf({ at })}`;

const act = (path: string, body: Record<string, string>): Promise<MatchView> =>
  ask<MatchView>(path, { method: 'POST', body });

export const decideMatch = (id: string, decision: MatchDecision, reason: string): Promise<MatchView> =>
  act(`${matchPath(id)}/decide`, { decision, reason });
export const undoMatch = (id: string, reason: string): Promise<MatchView> => act(`${matchPath(id)}/undo`, { reason });

export const linkPersons = (one: string, other: string, reason: string): Promise<MatchView> =>
  act('/api/identity/link', { one, other, reason });
export const unlinkRecord = (record: string, reason: string): Promise<MatchView> =>
  act('/api/identity/unlink', { record, reason });
export const mergePersons = (survivor: string, retired: string, reason: string): Promise<MatchView> =>
  act('/api/identity/merge', { survivor, retired, reason });
export const unmergePerson = (person: string, reason: string): Promise<MatchView> =>
  act('/api/identity/unmerge', { person, reason });
