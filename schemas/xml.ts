/**
 * The one XML reader and writer.
 *
 * Reading: XML 1.0 in UTF-8 without a document type declaration, bounded in size and depth, namespaces resolved (Namespaces in
 * XML 1.0). Text is kept as it stands: nothing is trimmed, nothing turned into numbers. Comments and processing instructions
 * are left out.
 *
 * Writing: primitives that escape as Canonical XML does (Exclusive XML Canonicalization 1.0, Canonical XML 1.0 section 2.3), so that a
 * writer that also keeps to the order of attributes writes canonical XML by construction.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { MixError } from './errors/index.ts';

/** An element as read. Attributes stand in document order; `xmlns` declarations are not among them. */
export interface XmlElement {
  /** Name as written, with its prefix. */
  name: string;
  /** Name without prefix. */
  local: string;
  /** Namespace URI, '' for none. */
  namespace: string;
  attributes: XmlAttribute[];
  children: XmlNode[];
}

export interface XmlAttribute {
  name: string;
  local: string;
  namespace: string;
  value: string;
}

/** Child of an element: an element, or text with entities and CDATA resolved. */
export type XmlNode = XmlElement | string;

export interface XmlLimits {
  /** Bytes (of UTF-8) at most; default 64 MiB. */
  bytesMax?: number;
  /** Levels of elements at most; default 200. */
  depthMax?: number;
}

const bytesMaxDefault = 64 * 1024 * 1024;
const depthMaxDefault = 200;
const xmlNamespace = 'http://www.w3.org/XML/1998/namespace';
const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/';

const parserOptions = {
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  allowBooleanAttributes: false,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  // Only the five entities of XML are allowed (checked before), and they are decoded here: the library would leave the
  // numeric ones or accept all of HTML's.
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  cdataPropName: '#cdata',
  // Names such as __proto__ are legal in XML; as keys of the library's plain objects they would not be safe, so they are refused.
  onDangerousProperty: (name: string): string => {
    throw new MixError('xml.malformed', { detail: `name ${name} is reserved` });
  },
};

/**
 * Reads a document and gives its root element.
 *
 * @throws MixError `xml.too-large`, `xml.too-deep`, `xml.encoding`, `xml.doctype`, or `xml.malformed` with line and column.
 */
export function readXml(input: string | Uint8Array, limits: XmlLimits = {}): XmlElement {
  const bytesMax = limits.bytesMax ?? bytesMaxDefault;
  const depthMax = limits.depthMax ?? depthMaxDefault;
  const text = decodeXml(input, bytesMax);
  checkTokens(text, depthMax);
  const verdict = XMLValidator.validate(text, { allowBooleanAttributes: false });
  if (verdict !== true) {
    throw new MixError('xml.malformed', {
      place: `line ${verdict.err.line}, column ${verdict.err.col}`,
      detail: verdict.err.code,
    });
  }
  let parsed: unknown;
  try {
    parsed = new XMLParser({ ...parserOptions, maxNestedTags: depthMax + 1 }).parse(text);
  } catch (cause) {
    if (cause instanceof MixError) throw cause;
    throw new MixError('xml.malformed');
  }
  const roots = readNodes(
    parsed as ParsedNode[],
    new Map([
      ['', ''],
      ['xml', xmlNamespace],
    ]),
    depthMax,
  );
  const elements = roots.filter((node) => typeof node !== 'string');
  const root = elements[0];
  if (elements.length !== 1 || root === undefined)
    throw new MixError('xml.malformed', { detail: 'not exactly one root element' });
  if (roots.some((node) => typeof node === 'string' && node.trim() !== '')) {
    throw new MixError('xml.malformed', { detail: 'text outside the root element' });
  }
  return root;
}

/** What fast-xml-parser gives with preserveOrder: one key for the name, `:@` for attributes. */
type ParsedNode = Record<string, unknown>;

function decodeXml(input: string | Uint8Array, bytesMax: number): string {
  const bytes = typeof input === 'string' ? Buffer.byteLength(input, 'utf8') : input.byteLength;
  if (bytes > bytesMax) throw new MixError('xml.too-large', { detail: `${bytes} bytes, limit ${bytesMax}` });
  let text: string;
  if (typeof input === 'string') {
    text = input.charCodeAt(0) === 0xfeff ? input.slice(1) : input;
  } else {
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(input);
    } catch {
      throw new MixError('xml.encoding');
    }
    const declared = /^<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']{1,40})/.exec(text)?.[1]?.toLowerCase();
    if (declared !== undefined && declared !== 'utf-8' && declared !== 'us-ascii') {
      throw new MixError('xml.encoding', { detail: 'another encoding is declared' });
    }
  }
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

const entity = /&(?:lt|gt|amp|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});/y;
const illegal = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/**
 * One pass for what the library is lax about: document types, foreign entities, characters outside XML 1.0, unclosed comments,
 * depth. Each branch moves forward by indexOf, so the time is linear in the text.
 */
function checkTokens(text: string, depthMax: number): void {
  const bad = illegal.exec(text);
  if (bad !== null)
    throw new MixError('xml.malformed', { place: placeOf(text, bad.index), detail: 'character not allowed in XML' });
  let depth = 0;
  let at = 0;
  let ampersand = -1;
  while (at < text.length) {
    const open = text.indexOf('<', at);
    const end = open < 0 ? text.length : open;
    ampersand = checkEntities(text, ampersand, at, end);
    // The library drops text after the root element.
    if (depth === 0 && text.slice(at, end).trim() !== '')
      throw new MixError('xml.malformed', { place: placeOf(text, at), detail: 'text outside the root element' });
    if (text.slice(at, end).includes(']]>'))
      throw new MixError('xml.malformed', { place: placeOf(text, at), detail: ']]> in text' });
    if (open < 0) return;
    if (text.startsWith('<!--', open)) {
      const dashes = text.indexOf('--', open + 4);
      if (dashes < 0 || text[dashes + 2] !== '>')
        throw new MixError('xml.malformed', { place: placeOf(text, open), detail: 'comment' });
      at = dashes + 3;
    } else if (text.startsWith('<![CDATA[', open)) {
      at = closeOf(text, ']]>', open);
    } else if (text.startsWith('<!', open)) {
      throw new MixError('xml.doctype', { place: placeOf(text, open) });
    } else if (text.startsWith('<?', open)) {
      at = closeOf(text, '?>', open);
    } else {
      at = tagEnd(text, open);
      ampersand = checkEntities(text, ampersand, open, at);
      if (text[open + 1] === '/') depth--;
      else if (text[at - 2] !== '/') depth++;
      if (depth > depthMax)
        throw new MixError('xml.too-deep', { place: placeOf(text, open), detail: `limit ${depthMax}` });
    }
  }
}

function closeOf(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from);
  if (end < 0) throw new MixError('xml.malformed', { place: placeOf(text, from), detail: `no ${mark}` });
  return end + mark.length;
}

/** Position after the `>` of a tag, with quoted attribute values stepped over. */
function tagEnd(text: string, open: number): number {
  let quote = 0;
  for (let i = open + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quote !== 0) {
      if (c === quote) quote = 0;
      else if (c === 0x3c) break;
    } else if (c === 0x22 || c === 0x27) quote = c;
    else if (c === 0x3e) return i + 1;
    else if (c === 0x3c) break;
  }
  throw new MixError('xml.malformed', { place: placeOf(text, open), detail: 'tag is not closed' });
}

/** Checks the entities of a stretch and gives the next ampersand after it, so that nothing is searched twice. */
function checkEntities(text: string, ampersand: number, from: number, to: number): number {
  let i = ampersand < from ? nextAmpersand(text, from) : ampersand;
  while (i < to) {
    entity.lastIndex = i;
    if (!entity.test(text)) throw new MixError('xml.malformed', { place: placeOf(text, i), detail: 'unknown entity' });
    i = nextAmpersand(text, i + 1);
  }
  return i;
}

function nextAmpersand(text: string, from: number): number {
  const found = text.indexOf('&', from);
  return found < 0 ? Number.POSITIVE_INFINITY : found;
}

function placeOf(text: string, offset: number): string {
  let line = 1;
  let start = 0;
  for (let i = text.indexOf('\n'); i >= 0 && i < offset; i = text.indexOf('\n', i + 1)) {
    line++;
    start = i + 1;
  }
  return `line ${line}, column ${offset - start + 1}`;
}

const named: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(
    /&(?:(lt|gt|amp|quot|apos)|#([0-9]+)|#x([0-9a-fA-F]+));/g,
    (_, name: string, decimal: string, hex: string) => {
      if (name) return named[name] as string;
      const code = decimal ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16);
      const character = code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? '\u0000' : String.fromCodePoint(code);
      if (illegal.test(character))
        throw new MixError('xml.malformed', { detail: 'character reference not allowed in XML' });
      return character;
    },
  );
}

type Scope = Map<string, string>;

function readNodes(parsed: ParsedNode[], scope: Scope, depthLeft: number): XmlNode[] {
  const nodes: XmlNode[] = [];
  for (const node of parsed) {
    for (const name of Object.keys(node)) {
      if (name === ':@') continue;
      if (name === '#text') {
        pushText(nodes, decodeEntities(String(node[name])));
      } else if (name === '#cdata') {
        const parts = node[name] as ParsedNode[];
        pushText(nodes, parts.map((part) => String(part['#text'] ?? '')).join(''));
      } else {
        if (depthLeft <= 0) throw new MixError('xml.too-deep');
        nodes.push(
          readElement(
            name,
            node[name] as ParsedNode[],
            node[':@'] as Record<string, string> | undefined,
            scope,
            depthLeft,
          ),
        );
      }
    }
  }
  return nodes;
}

function pushText(nodes: XmlNode[], text: string): void {
  if (text === '') return;
  const last = nodes.length - 1;
  if (last >= 0 && typeof nodes[last] === 'string') nodes[last] += text;
  else nodes.push(text);
}

function readElement(
  name: string,
  children: ParsedNode[],
  raw: Record<string, string> | undefined,
  outer: Scope,
  depthLeft: number,
): XmlElement {
  let scope = outer;
  const plain: [string, string][] = [];
  for (const key of Object.keys(raw ?? {})) {
    const value = decodeEntities((raw as Record<string, string>)[key]!.replace(/[\t\n]/g, ' '));
    if (key === 'xmlns' || key.startsWith('xmlns:')) {
      if (scope === outer) scope = new Map(outer);
      const prefix = key.slice(6);
      if (prefix !== '' && value === '') throw new MixError('xml.malformed', { detail: 'prefix bound to nothing' });
      if (value === xmlnsNamespace || prefix === 'xmlns' || (prefix === 'xml') !== (value === xmlNamespace)) {
        throw new MixError('xml.malformed', { detail: 'reserved namespace' });
      }
      scope.set(prefix, value);
    } else plain.push([key, value]);
  }
  const attributes = plain.map(([key, value]) => ({ name: key, ...resolveName(key, scope, true), value }));
  const seen = new Set<string>();
  for (const attribute of attributes) {
    const expanded = `${attribute.namespace} ${attribute.local}`;
    if (seen.has(expanded)) throw new MixError('xml.malformed', { detail: 'attribute given twice' });
    seen.add(expanded);
  }
  return { name, ...resolveName(name, scope, false), attributes, children: readNodes(children, scope, depthLeft - 1) };
}

function resolveName(name: string, scope: Scope, attribute: boolean): { local: string; namespace: string } {
  const colon = name.indexOf(':');
  if (colon < 0) return { local: name, namespace: attribute ? '' : (scope.get('') ?? '') };
  const namespace = scope.get(name.slice(0, colon));
  const local = name.slice(colon + 1);
  if (namespace === undefined || colon === 0 || local === '' || local.includes(':')) {
    throw new MixError('xml.malformed', { detail: 'prefix is not bound' });
  }
  return { local, namespace };
}

/** Value of an attribute without namespace, or of one in `namespace`. */
export function attributeOf(element: XmlElement, local: string, namespace = ''): string | undefined {
  return element.attributes.find((a) => a.local === local && a.namespace === namespace)?.value;
}

/** Child elements of this local name (any namespace unless one is given), in order. */
export function childrenOf(element: XmlElement, local: string, namespace?: string): XmlElement[] {
  return element.children.filter(
    (node): node is XmlElement =>
      typeof node !== 'string' && node.local === local && (namespace === undefined || node.namespace === namespace),
  );
}

/** First child element of this local name. */
export function childOf(element: XmlElement, local: string, namespace?: string): XmlElement | undefined {
  return childrenOf(element, local, namespace)[0];
}

/** All text under an element, in order. */
export function textOf(element: XmlElement): string {
  return element.children.map((node) => (typeof node === 'string' ? node : textOf(node))).join('');
}

// Control characters, lone surrogates and the two non-characters: XML 1.0 section 2.2 has no way to write them.
const unwritable = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const textNeeds = /[&<>\r\u0000-\u0008\u000B\u000C\u000E-\u001F\uD800-\uDFFF\uFFFE\uFFFF]/;
const attributeNeeds = /[&<"\t\n\r\u0000-\u0008\u000B\u000C\u000E-\u001F\uD800-\uDFFF\uFFFE\uFFFF]/;

/** Escapes character data as Canonical XML does (& < > CR); what XML 1.0 cannot hold becomes U+FFFD. */
export function escapeText(text: string): string {
  if (!textNeeds.test(text)) return text;
  return text
    .replace(unwritable, '\uFFFD')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/\r/g, '&#xD;');
}

/** Escapes an attribute value for double quotes as Canonical XML does (& < " TAB LF CR); what XML 1.0 cannot hold becomes U+FFFD. */
export function escapeAttribute(value: string): string {
  if (!attributeNeeds.test(value)) return value;
  return value
    .replace(unwritable, '\uFFFD')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/"/g, '&quot;')
    .replace(/\t/g, '&#x9;')
    .replace(/\n/g, '&#xA;')
    .replace(/\r/g, '&#xD;');
}

/**
 * Writes an element tree as exclusive canonical XML without comments (no self-closing tags, attributes in canonical order,
 * namespaces declared where they are first used). Prefixes are kept as in `name`.
 */
export function writeXml(element: XmlElement): string {
  return writeElement(element, new Map());
}

function writeElement(element: XmlElement, outer: ReadonlyMap<string, string>): string {
  const declared = new Map<string, string>();
  const need = (name: string, namespace: string, attribute: boolean): void => {
    const colon = name.indexOf(':');
    const prefix = colon < 0 ? '' : name.slice(0, colon);
    if ((attribute && prefix === '') || prefix === 'xml') return;
    if ((outer.get(prefix) ?? '') !== namespace) declared.set(prefix, namespace);
  };
  need(element.name, element.namespace, false);
  for (const attribute of element.attributes) need(attribute.name, attribute.namespace, true);
  let out = `<${element.name}`;
  for (const prefix of [...declared.keys()].sort()) {
    out += ` ${prefix === '' ? 'xmlns' : `xmlns:${prefix}`}="${escapeAttribute(declared.get(prefix) ?? '')}"`;
  }
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  for (const a of [...element.attributes].sort((x, y) => order(x.namespace, y.namespace) || order(x.local, y.local))) {
    out += ` ${a.name}="${escapeAttribute(a.value)}"`;
  }
  out += '>';
  const inner = declared.size === 0 ? outer : new Map([...outer, ...declared]);
  for (const child of element.children)
    out += typeof child === 'string' ? escapeText(child) : writeElement(child, inner);
  return `${out}</${element.name}>`;
}
