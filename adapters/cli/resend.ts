/** `mix-hie resend`: sends again what is parked at a node, for one outlet, one delivery or all, through the node's portal. */
import type { Command } from 'commander';
import type { ExchangeView, ResendAnswer } from '../../schemas/portal-exchange.ts';
import { type PortalClient, readSecret, SECRET_VARIABLE, signInToPortal } from './portal-client.ts';

interface ResendOptions {
  node: string;
  user: string;
  outlet?: string;
  delivery?: string[];
  all?: boolean;
  reason: string;
  ca?: string;
  json?: boolean;
}

/** Calls for one outlet; each takes up to 500. */
const CALLS_MAX = 10_000;

export function resendCommand(program: Command): void {
  program
    .command('resend')
    .description('send again what is parked: deliveries of one outlet, single ones, or all')
    .requiredOption('--node <url>', "address of the node's portal")
    .requiredOption('--user <name>', `who asks; the password comes from ${SECRET_VARIABLE} or is asked for`)
    .option('--outlet <name>', 'all that is parked at this outlet or node')
    .option('--delivery <id...>', 'these deliveries')
    .option('--all', 'all that is parked')
    .requiredOption('--reason <text>', 'why; it stands in the audit')
    .option('--ca <file>', "authority of the node's certificate, PEM")
    .option('--json', 'print the result as JSON')
    .action(async (options: ResendOptions, command: Command) => {
      const chosen = [options.outlet, options.delivery, options.all].filter((one) => one !== undefined);
      if (chosen.length !== 1) command.error('error: give one of --outlet, --delivery and --all', { exitCode: 2 });
      if (!URL.canParse(options.node))
        command.error('error: --node wants an address, such as https://host:8443', { exitCode: 2 });
      const { node, user, ca } = options;
      const secret = await readSecret(`Password of ${user}: `);
      const client = await signInToPortal(ca === undefined ? { node, user, secret } : { node, user, secret, ca });
      try {
        tell(await resend(client, options), options.json === true);
      } finally {
        await client.signOut();
      }
    });
}

function tell(results: Record<string, ResendAnswer>, json: boolean): void {
  const all = Object.values(results);
  const resent = all.reduce((sum, one) => sum + one.resent, 0);
  const left = all.reduce((sum, one) => sum + one.left, 0);
  if (json) process.stdout.write(`${JSON.stringify({ resent, left, outlets: results })}\n`);
  else {
    for (const [name, one] of Object.entries(results)) process.stdout.write(`${name}: ${one.resent} sent again\n`);
    process.stdout.write(`${resent} sent again, ${left} still parked\n`);
  }
  if (left > 0) process.exitCode = 1;
}

async function resend(client: PortalClient, options: ResendOptions): Promise<Record<string, ResendAnswer>> {
  const { reason } = options;
  if (options.delivery !== undefined)
    return {
      named: (await client.ask('POST', '/api/deliveries/resend', { ids: options.delivery, reason })) as ResendAnswer,
    };
  const outlets = options.outlet === undefined ? await parkedOutlets(client) : [options.outlet];
  const results: Record<string, ResendAnswer> = {};
  for (const outlet of outlets) results[outlet] = await resendOutlet(client, outlet, reason);
  return results;
}

async function parkedOutlets(client: PortalClient): Promise<string[]> {
  const { places } = (await client.ask('GET', '/api/exchange')) as ExchangeView;
  return places.filter((place) => place.relation !== 'source' && place.parked > 0).map((place) => place.name);
}

/** Until those that were parked at the beginning are sent; what is parked anew meanwhile is left. */
async function resendOutlet(client: PortalClient, outlet: string, reason: string): Promise<ResendAnswer> {
  const total: ResendAnswer = { resent: 0, left: 0 };
  let wanted = Number.POSITIVE_INFINITY;
  for (let call = 0; call < CALLS_MAX && total.resent < wanted; call += 1) {
    const answer = (await client.ask('POST', '/api/deliveries/resend', { outlet, reason })) as ResendAnswer;
    wanted = Math.min(wanted, total.resent + answer.resent + answer.left);
    total.resent += answer.resent;
    total.left = answer.left;
    if (answer.resent === 0 || answer.left === 0) break;
  }
  return total;
}
