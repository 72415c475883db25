/** Small steps of reading XACML elements, with the place told when something is missing. */
import { MixError } from '../../schemas/errors/index.ts';
import { attributeOf, type XmlElement } from '../../schemas/xml.ts';

export function refusePolicy(place: string, detail: string): never {
  throw new MixError('policy.malformed', { place, detail });
}

/** The value of an attribute that must be there. */
export function required(element: XmlElement, name: string, place: string): string {
  const value = attributeOf(element, name);
  return value === undefined || value === '' ? refusePolicy(place, `${name} is missing`) : value;
}

/** Child elements; text between them other than blanks is refused. */
export function elementsOf(element: XmlElement): XmlElement[] {
  return element.children.filter((node): node is XmlElement => typeof node !== 'string');
}

/** Text of an element that may hold nothing else. */
export function textOfValue(element: XmlElement, place: string): string {
  if (element.children.some((node) => typeof node !== 'string')) return refusePolicy(place, 'elements inside a value');
  return element.children.join('');
}

/** First child of a name. */
export function child(element: XmlElement, local: string): XmlElement | undefined {
  return elementsOf(element).find((one) => one.local === local);
}

/** Text of `Description`, blanks folded to one. */
export function sentenceOf(element: XmlElement): string {
  const description = child(element, 'Description');
  return description
    ? description.children
        .filter((node) => typeof node === 'string')
        .join('')
        .trim()
        .replace(/\s+/g, ' ')
    : '';
}

/** Refuses children that the element does not know, so that a misspelt one is not silently without effect. */
export function allowOnly(element: XmlElement, names: readonly string[], place: string): void {
  for (const one of elementsOf(element))
    if (!names.includes(one.local)) refusePolicy(place, `${one.local} does not belong here`);
}
