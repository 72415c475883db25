export {
  createFhirDoor,
  type FhirDoor,
  type FhirDoorLimits,
  type FhirDoorParts,
  type FhirDoorTls,
} from './fhir.ts';
export type { Http, HttpParts, HttpSettings, RouteFace } from './server.ts';
export { createHttp } from './server.ts';
export type { NodeFace } from './sign-in-page.ts';
