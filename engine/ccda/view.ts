/**
 * A CDA document for a human: the header in a banner, a table of contents, and the narrative of each section, as one HTML page.
 *
 * Safe for documents of strangers: every text is escaped, only a fixed list of elements and no attribute of the document but IDs and
 * spans gets through, there is no script, no style from the document, and nothing is loaded from anywhere. It reads any CDA R2 document.
 */
import { MixError } from '../../schemas/errors/index.ts';
import { attributeOf, childOf, childrenOf, readXml, textOf, type XmlElement, type XmlNode } from '../../schemas/xml.ts';
import { at, bannerOf, codeWords } from './banner.ts';

/** Bytes of a document at most. */
const bytesMax = 64 * 1024 * 1024;
/** Nodes of narrative at most; a page beyond that helps nobody. */
const nodesMax = 500_000;

function escapeHtml(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;');
}

/** HTML element for an element of the narrative block (CDA R2 4.3.5); what is not here gives its content only. */
const narrativeTags: Readonly<Record<string, string>> = {
  paragraph: 'p',
  content: 'span',
  br: 'br',
  sub: 'sub',
  sup: 'sup',
  list: 'ul',
  item: 'li',
  caption: 'div',
  table: 'table',
  thead: 'thead',
  tbody: 'tbody',
  tfoot: 'tfoot',
  tr: 'tr',
  th: 'th',
  td: 'td',
  footnote: 'small',
};

const styles: Readonly<Record<string, string>> = { Bold: 'b', Italics: 'i', Underline: 'u', Emphasis: 'em' };

interface Page {
  /** Nodes that may still be written. */
  left: number;
  toc: string;
  sections: number;
}

/**
 * Renders a CDA document as a complete HTML page without scripts.
 *
 * @throws MixError of `readXml` when it is no XML, `ccda.not-cda` when its root is not a ClinicalDocument.
 */
export function renderCcdHtml(xml: string | Uint8Array): string {
  const root = readXml(xml, { bytesMax });
  if (root.local !== 'ClinicalDocument' || (root.namespace !== 'urn:hl7-org:v3' && root.namespace !== ''))
    throw new MixError('ccda.not-cda', { place: root.local });
  const page: Page = { left: nodesMax, toc: '', sections: 0 };
  const title = at(root, 'title');
  const words = title === undefined ? 'Clinical document' : textOf(title).trim() || 'Clinical document';
  const body = renderBody(root, page);
  return (
    `<!doctype html><html lang="${languageOf(root)}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><title>${escapeHtml(words)}</title><style>${stylesheet}</style></head>` +
    `<body><header><h1>${escapeHtml(words)}</h1>${renderBanner(root)}</header>` +
    `<nav aria-label="Contents"><ol>${page.toc}</ol></nav><main>${body}</main></body></html>`
  );
}

const stylesheet =
  ':root{color-scheme:light dark}body{font:1rem/1.45 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem}' +
  'header{border-bottom:2px solid;margin-bottom:1rem}h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:1.5rem}' +
  'dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem}dt{font-weight:600}dd{margin:0}' +
  'main{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:.5rem 0}th,td{border:1px solid #8888;padding:.25rem .5rem;text-align:left;vertical-align:top}' +
  'th{background:#8882}pre{white-space:pre-wrap}@media(max-width:40rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}';

function languageOf(root: XmlElement): string {
  const code = attributeOf(at(root, 'languageCode') ?? root, 'code') ?? '';
  return /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(code) ? code : 'en';
}

function renderBanner(root: XmlElement): string {
  return `<dl>${bannerOf(root)
    .map(({ head, values }) => `<dt>${head}</dt><dd>${values.map(escapeHtml).join('<br>')}</dd>`)
    .join('')}</dl>`;
}

function renderBody(root: XmlElement, page: Page): string {
  let out = '';
  for (const component of childrenOf(root, 'component')) {
    const structured = childOf(component, 'structuredBody');
    if (structured !== undefined) out += renderSections(structured, page, 2);
    const nonXml = at(component, 'nonXMLBody', 'text');
    if (nonXml !== undefined) out += renderNonXml(nonXml);
  }
  return out || '<p>The document has no body.</p>';
}

function renderNonXml(text: XmlElement): string {
  const kind = attributeOf(text, 'mediaType') ?? 'text/plain';
  if (attributeOf(text, 'representation') === 'B64') {
    if (kind !== 'text/plain') return `<p>The body is an attachment of type ${escapeHtml(kind)}.</p>`;
    return `<pre>${escapeHtml(Buffer.from(textOf(text), 'base64').toString('utf8'))}</pre>`;
  }
  return `<pre>${escapeHtml(textOf(text))}</pre>`;
}

function renderSections(parent: XmlElement, page: Page, level: number): string {
  let out = '';
  for (const component of childrenOf(parent, 'component')) {
    for (const section of childrenOf(component, 'section')) out += renderSection(section, page, level);
  }
  return out;
}

function renderSection(section: XmlElement, page: Page, level: number): string {
  const number = ++page.sections;
  const title = at(section, 'title');
  const words = (title ? textOf(title).trim() : '') || codeWords(at(section, 'code')) || `Section ${number}`;
  page.toc += `<li><a href="#section-${number}">${escapeHtml(words)}</a></li>`;
  const text = at(section, 'text');
  const narrative = text === undefined ? '<p>No narrative.</p>' : renderNodes(text.children, page);
  const heading = Math.min(level, 6);
  return (
    `<section id="section-${number}"><h${heading}>${escapeHtml(words)}</h${heading}>${narrative}` +
    `${level < 6 ? renderSections(section, page, level + 1) : ''}</section>`
  );
}

function renderNodes(nodes: readonly XmlNode[], page: Page): string {
  let out = '';
  for (const node of nodes) {
    if (page.left-- <= 0) return out;
    out += typeof node === 'string' ? escapeHtml(node) : renderElement(node, page);
  }
  return out;
}

function renderElement(element: XmlElement, page: Page): string {
  const { local } = element;
  if (local === 'br') return '<br>';
  if (local === 'renderMultiMedia') return '<em>(picture, see the source document)</em>';
  const inner = renderNodes(element.children, page);
  const ordered = local === 'list' && attributeOf(element, 'listType') === 'ordered';
  const tag = ordered ? 'ol' : Object.hasOwn(narrativeTags, local) ? narrativeTags[local] : undefined;
  if (tag === undefined) return inner;
  const style = (attributeOf(element, 'styleCode') ?? '').split(/\s+/).find((one) => Object.hasOwn(styles, one));
  const styled = style === undefined ? inner : `<${styles[style]}>${inner}</${styles[style]}>`;
  return `<${tag}${spans(element)}>${styled}</${tag}>`;
}

function spans(element: XmlElement): string {
  let out = '';
  for (const name of ['colspan', 'rowspan']) {
    const value = attributeOf(element, name) ?? '';
    if (/^[0-9]{1,3}$/.test(value)) out += ` ${name}="${value}"`;
  }
  return out;
}
