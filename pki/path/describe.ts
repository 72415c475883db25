/** The page `docs/path-validation.md`, printed from the table of rules. */
import { RULES, type Strictness } from './rules.ts';
import { PATH_REASONS } from './verdict.ts';

const HEAD = `# Path validation

\`mix-hie verify-chain\` and every check of a certificate in the house go through one engine (\`pki/path\`). Printed by \`mix-hie docs\`; a test holds it
equal to the code.

## How strict

| strictness | used for | keys | signatures |
| --- | --- | --- | --- |
| \`rfc5280\` | \`verify-chain\` without a TLS purpose and without a host name | RSA and DSA from 2048 bits, named curves, Ed25519, Ed448; from 1024 bits for certificates made from 1996 to 2013 | SHA-2; SHA-1 for what was made from 1996 to 2013 (NIST SP 800-131A, legacy use); never MD5 |
| \`exchange\` | nodes with each other, document signatures | RSA of 2048 to 8192 bits, P-256, P-384, P-521 | SHA-256 and stronger |
| \`web\` | \`verify-chain\` for TLS: purpose server or client, or a host name or address | as \`exchange\`, RSA sizes in whole bytes, plain key parameters | as \`exchange\`; a root of 1996 to 2015 may have signed itself with SHA-1 |

## What holds always

| what | source |
| --- | --- |
| DER is read strictly: definite and shortest lengths, shortest integers, nothing after the end, no extension twice, extensions only in version 3, the same algorithm inside and outside | X.690 10, 11; RFC 5280 4.1, 4.2 |
| serial numbers of up to 20 octets; an issuer has a name | RFC 5280 4.1.2.2, 4.1.2.4 |
| names are compared without regard to case, runs of blanks and type of string | RFC 5280 7.1 |
| signature, time, critical extensions, authority, key usage, path length (key changes do not count) of every certificate; the root's time, path length, extensions and name constraints too | RFC 5280 6.1; RFC 5937 |
| a DSA key without parameters takes its issuer's; a curve is told by name only | RFC 5280 6.1.4; RFC 5480 2.1.1 |
| name constraints for directory names, hosts, mailboxes, URIs, addresses; any other form, a minimum, a maximum or a broken mask refuses; an excluded host refuses a wildcard that could stand for it | RFC 5280 4.2.1.10; RFC 9598 6 |
| policies, mappings and their inhibition, as a graph that does not grow with crossing mappings | RFC 5280 6.1; RFC 9618 |
| extended key usage is heeded down the path: an authority that lists purposes issues for these alone; a leaf must list the purpose that is asked for | RFC 5280 4.2.1.12; BR 7.1.2 |
| names of hosts, addresses and mailboxes come from alternative names alone; a wildcard is the whole first label and stands for one label, none of an internationalised name; names with letters beyond ASCII are refused (give A-labels) | RFC 9525 6 |
| revocation lists: complete, delta, partial by user, authority, reason or distribution point, indirect; signed by the issuer, or by a certificate of its name that may sign lists and leads to the same root, with a status of its own | RFC 5280 5, 6.3 |
| the newest list of a scope counts; one that is stale, of the future, not understood or not well signed makes nothing good | RFC 5280 6.3.3 |
| without a demand for status (\`revocation\`), an issuer without any list counts as one that revoked nothing | own choice |
| key identifiers order the search and prove nothing; the same name with the same key is passed once; 20 certificates a path, 4,000 steps, 200 whole paths, 500,000 comparisons of names and 150,000 of policies, 10 seconds, then \`chain.limit\` | RFC 4158; own limits |

## Rules for single certificates

BR: CA/Browser Forum, Baseline Requirements for TLS Server Certificates 2. Where a rule is broken the reason is \`chain.form\` with the rule's name, unless
another stands beside it. A root of 1996 to June 2012, from before the baseline requirements, is held to \`version\`, \`authority-subject\`, \`root-key-usage\` and
\`root-purpose\` alone, and to its keys.

| rule | what | of | source | rfc5280 | exchange | web | reason |
| --- | --- | --- | --- | --- | --- | --- | --- |
`;

const LEVELS: readonly Strictness[] = ['rfc5280', 'exchange', 'web'];

/** The whole page. */
export function describePathValidation(): string {
  const rows = RULES.map((rule) => {
    const where = rule.on.map((place) => (place === 'leaf' && rule.server ? 'server' : place)).join(', ');
    const marks = LEVELS.map((level) => (rule.strictness.includes(level) ? 'yes' : ''));
    const cells = [`\`${rule.id}\``, rule.sentence, where, rule.source, ...marks, rule.code ? `\`${rule.code}\`` : ''];
    return `| ${cells.join(' | ')} |`;
  });
  const extra = '| `leaf-root` | who serves or asks is no root itself | leaf | BR 7.1.2.1 |  |  | yes |  |';
  const reasons = PATH_REASONS.map((reason) => `\`${reason}\``).join(', ');
  return `${HEAD}${[...rows, extra].join('\n')}

## Reasons

${reasons}. Their sentences stand in [errors](errors.md). A verdict names the certificate at fault by its place from the leaf (0) and its key identifier.
`;
}
