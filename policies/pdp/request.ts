/** Decision requests as XML (XACML 3.0 5.42 to 5.46). */
import { MixError } from '../../schemas/errors/index.ts';
import { attributeOf, readXml, type XmlElement } from '../../schemas/xml.ts';
import { type AttributeValues, attributeKey } from './context.ts';
import { type Scalar, typeOf } from './datatypes.ts';

const XACML3 = 'urn:oasis:names:tc:xacml:3.0:core:schema:wd-17';

/** Bytes of a request, its attribute values, and the single requests that repeated categories make. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024;
const VALUES_MAX = 100_000;
const SINGLES_MAX = 1_000;

export interface SingleRequest {
  attributes: Map<string, AttributeValues[]>;
  /** Attributes that the asker wants to see in the result, as they came. */
  included: { category: string; attributeId: string; issuer: string | undefined; type: string; text: string }[];
}

interface Category {
  id: string;
  attributes: {
    attributeId: string;
    issuer: string | undefined;
    included: boolean;
    values: { type: string; text: string; value: Scalar }[];
  }[];
}

function refuse(place: string, detail: string): never {
  throw new MixError('policy.request', { place, detail });
}

function need(element: XmlElement, name: string, place: string): string {
  return attributeOf(element, name) || refuse(place, `${name} is missing`);
}

/**
 * Reads a Request. Several Attributes of one category make one single request for each combination (multiple decision profile, 2.3).
 * Throws `xml.*` and `policy.request`.
 */
export function readRequest(xml: string | Uint8Array): SingleRequest[] {
  const root = readXml(xml, { bytesMax: REQUEST_BYTES_MAX, depthMax: 100 });
  if (root.local !== 'Request' || root.namespace !== XACML3) return refuse('Request', 'not a Request of XACML 3.0');
  need(root, 'ReturnPolicyIdList', 'Request');
  need(root, 'CombinedDecision', 'Request');
  const groups = new Map<string, Category[]>();
  let count = 0;
  for (const element of root.children) {
    if (typeof element === 'string' || element.local === 'RequestDefaults') continue;
    if (element.local !== 'Attributes') return refuse('Request', `${element.local} is not understood`);
    const category = readCategory(element);
    count += category.attributes.reduce((sum, attribute) => sum + attribute.values.length, 0);
    if (count > VALUES_MAX)
      throw new MixError('policy.limit', { place: 'Request', detail: `more than ${VALUES_MAX} values` });
    groups.set(category.id, [...(groups.get(category.id) ?? []), category]);
  }
  let singles: Category[][] = [[]];
  for (const group of groups.values()) {
    singles = singles.flatMap((single) => group.map((category) => [...single, category]));
    if (singles.length > SINGLES_MAX)
      throw new MixError('policy.limit', { place: 'Request', detail: `more than ${SINGLES_MAX} decisions` });
  }
  return singles.map(toSingle);
}

function readCategory(element: XmlElement): Category {
  const id = need(element, 'Category', 'Attributes');
  const category: Category = { id, attributes: [] };
  for (const part of element.children) {
    if (typeof part === 'string' || part.local === 'Content') continue;
    if (part.local !== 'Attribute') return refuse(id, `${part.local} does not belong here`);
    const attributeId = need(part, 'AttributeId', id);
    const included = need(part, 'IncludeInResult', attributeId);
    const values = part.children
      .filter((node): node is XmlElement => typeof node !== 'string')
      .map((value) => readValue(value, attributeId));
    if (values.length === 0) return refuse(attributeId, 'an attribute without a value');
    category.attributes.push({
      attributeId,
      issuer: attributeOf(part, 'Issuer'),
      included: included === 'true' || included === '1',
      values,
    });
  }
  return category;
}

function readValue(element: XmlElement, place: string): { type: string; text: string; value: Scalar } {
  if (element.local !== 'AttributeValue') return refuse(place, `${element.local} does not belong here`);
  const type = need(element, 'DataType', place);
  const text = element.children
    .map((node) => (typeof node === 'string' ? node : refuse(place, 'elements inside a value')))
    .join('');
  const value = (typeOf(type) ?? refuse(place, 'unknown data type')).read(text);
  return { type, text, value: value ?? refuse(place, 'the value is not of its data type') };
}

function toSingle(categories: Category[]): SingleRequest {
  const single: SingleRequest = { attributes: new Map(), included: [] };
  for (const category of categories) {
    for (const { attributeId, issuer, included, values } of category.attributes) {
      const entries = single.attributes.get(attributeKey(category.id, attributeId)) ?? [];
      for (const { type, text, value } of values) {
        const dataType = typeOf(type)!;
        const known = entries.find((entry) => entry.type === dataType && entry.issuer === issuer);
        if (known) (known.values as Scalar[]).push(value);
        else entries.push({ type: dataType, issuer, values: [value] });
        if (included) single.included.push({ category: category.id, attributeId, issuer, type, text });
      }
      single.attributes.set(attributeKey(category.id, attributeId), entries);
    }
  }
  return single;
}
