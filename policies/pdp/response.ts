/** Decision responses as XML (XACML 3.0 5.47 to 5.58). */
import { escapeAttribute, escapeText } from '../../schemas/xml.ts';
import type { Assignment, EvaluationFault, Fulfillment } from './context.ts';
import type { Result } from './decide.ts';
import type { SingleRequest } from './request.ts';

const STATUS = 'urn:oasis:names:tc:xacml:1.0:status:';

/** Writes the Response to one request, a Result for each decision. */
export function writeResponse(results: { result: Result; included: SingleRequest['included'] }[]): string {
  const body = results.map(({ result, included }) => writeResult(result, included)).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Response xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17">${body}</Response>\n`;
}

function writeResult(result: Result, included: SingleRequest['included']): string {
  const obligations = result.fulfillments.filter((one) => one.kind === 'obligation');
  const advice = result.fulfillments.filter((one) => one.kind === 'advice');
  return (
    `<Result><Decision>${result.decision}</Decision>${writeStatus(result.fault)}` +
    (obligations.length > 0
      ? `<Obligations>${obligations.map((one) => writeFulfillment('Obligation', one)).join('')}</Obligations>`
      : '') +
    (advice.length > 0
      ? `<AssociatedAdvice>${advice.map((one) => writeFulfillment('Advice', one)).join('')}</AssociatedAdvice>`
      : '') +
    `${writeIncluded(included)}</Result>`
  );
}

function writeStatus(fault: EvaluationFault | undefined): string {
  if (!fault) return `<Status><StatusCode Value="${STATUS}ok"/></Status>`;
  const missing = fault.missing;
  const detail = missing
    ? `<StatusDetail><MissingAttributeDetail Category="${escapeAttribute(missing.category)}" AttributeId="${escapeAttribute(missing.attributeId)}" DataType="${escapeAttribute(missing.type)}"${
        missing.issuer === undefined ? '' : ` Issuer="${escapeAttribute(missing.issuer)}"`
      }/></StatusDetail>`
    : '';
  return `<Status><StatusCode Value="${STATUS}${fault.code}"/><StatusMessage>${escapeText(fault.detail)}</StatusMessage>${detail}</Status>`;
}

function writeFulfillment(name: 'Obligation' | 'Advice', one: Fulfillment): string {
  return `<${name} ${name}Id="${escapeAttribute(one.id)}">${one.assignments.map(writeAssignment).join('')}</${name}>`;
}

function writeAssignment(one: Assignment): string {
  const category = one.category === undefined ? '' : ` Category="${escapeAttribute(one.category)}"`;
  const issuer = one.issuer === undefined ? '' : ` Issuer="${escapeAttribute(one.issuer)}"`;
  return `<AttributeAssignment AttributeId="${escapeAttribute(one.attributeId)}"${category}${issuer} DataType="${escapeAttribute(one.type.id)}">${escapeText(one.type.write(one.value))}</AttributeAssignment>`;
}

function writeIncluded(included: SingleRequest['included']): string {
  const categories = [...new Set(included.map((one) => one.category))];
  return categories
    .map((category) => {
      const attributes = included
        .filter((one) => one.category === category)
        .map((one) => {
          const issuer = one.issuer === undefined ? '' : ` Issuer="${escapeAttribute(one.issuer)}"`;
          return `<Attribute IncludeInResult="true" AttributeId="${escapeAttribute(one.attributeId)}"${issuer}><AttributeValue DataType="${escapeAttribute(one.type)}">${escapeText(one.text)}</AttributeValue></Attribute>`;
        });
      return `<Attributes Category="${escapeAttribute(category)}">${attributes.join('')}</Attributes>`;
    })
    .join('');
}
