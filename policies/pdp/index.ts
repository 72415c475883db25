/** The door of the decision engine: a XACML 3.0 core engine that knows nothing of health care. */
export { type CompiledPolicy, compilePolicy, type PolicySource, readPolicy } from './compile.ts';
export { type Assignment, type AttributeValues, attributeKey, type Fulfillment, type Ruling } from './context.ts';
export { type DataType, type Scalar, TYPES } from './datatypes.ts';
export { type DecisionWord, evaluatePolicy, type Result } from './decide.ts';
export { readRequest, type SingleRequest } from './request.ts';
export { writeResponse } from './response.ts';
