import type { FaultKind } from './kind.ts';

export const httpFaults = {
  'http.not-signed-in': { sentence: 'nobody is signed in', fix: 'sign in first', retry: false, http: 401, fhir: 'login' },
  'http.wrong-secret': { sentence: 'the name and the password do not belong together', fix: 'type both again; after a first start the one-time password stands in the console', retry: false, http: 401, fhir: 'login' },
  'http.secret-must-change': { sentence: 'the one-time password was used', fix: 'choose a password of your own first', retry: false, http: 403, fhir: 'login' },
  'http.weak-secret': { sentence: 'the new password is too easy to guess', fix: 'use at least 12 characters that are not your name and not the old password', retry: false, http: 422, fhir: 'value' },
  'http.too-many-tries': { sentence: 'too many sign-ins failed', fix: 'wait for the time told and try again', retry: true, http: 429, fhir: 'throttled' },
  'http.too-many-requests': { sentence: 'too many requests came from this address', fix: 'wait a moment and try again', retry: true, http: 429, fhir: 'throttled' },
  'http.too-many-streams': { sentence: 'the limit of live streams is reached', fix: 'close other windows of the portal or raise http.liveStreamsMax', retry: true, http: 503, fhir: 'throttled' },
  'http.foreign-origin': { sentence: 'the request does not come from a page of this node', fix: 'use the portal itself, or send the header x-mix-portal from your program', retry: false, http: 403, fhir: 'security' },
  'http.bad-input': { sentence: 'the request has a value that does not fit', fix: 'correct the value at the place told', retry: false, http: 400, fhir: 'value' },
  'http.too-large': { sentence: 'the request is larger than the limit', fix: 'send less, or raise http.bodyBytesMax', retry: false, http: 413, fhir: 'too-long' },
  'http.unsupported-media': { sentence: 'the request has a content type that is not read here', fix: 'send application/json', retry: false, http: 415, fhir: 'not-supported' },
  'http.not-found': { sentence: 'there is no such thing here', fix: 'check the address', retry: false, http: 404, fhir: 'not-found' },
  'http.pages-missing': { sentence: 'the pages are not built', fix: 'run npm run build:web, or start with npm start', retry: false, http: 503, fhir: 'incomplete' },
  'http.unexpected': { sentence: 'the node failed in a way that it does not know', fix: 'try again; if it stays, look in the log for the reference told', retry: true, http: 500, fhir: 'exception' },
} as const satisfies Record<string, FaultKind>;
