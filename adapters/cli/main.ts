/** The commands of `mix-hie`: a file each beside this one. Exit 0 done, 1 it did not hold, 2 wrong use. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { MixError } from '../../schemas/errors/index.ts';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const program = new Command('mix-hie')
  .description('An open health information exchange engine.')
  .version(manifest.version)
  .showHelpAfterError('(add --help for the options)')
  .exitOverride();

/** A command is loaded when it is asked for: what a node needs, a `check` should not wait for. */
const commands: Record<string, () => Promise<(program: Command) => void>> = {
  demo: async () => (await import('./demo.ts')).demoCommand,
  node: async () => (await import('./node.ts')).nodeCommand,
  convert: async () => (await import('./convert.ts')).convertCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  send: async () => (await import('./send.ts')).sendCommand,
  resend: async () => (await import('./resend.ts')).resendCommand,
  codes: async () => (await import('./codes.ts')).codesCommand,
  ca: async () => (await import('./ca.ts')).caCommand,
  'verify-chain': async () => (await import('./verify-chain.ts')).verifyChainCommand,
  link: async () => (await import('./link.ts')).linkCommand,
  docs: async () => (await import('./docs.ts')).docsCommand,
  bench: async () => (await import('./bench.ts')).benchCommand,
};

const asked = process.argv[2] ?? '';
const wanted = Object.hasOwn(commands, asked) ? [commands[asked]!] : Object.values(commands);
for (const load of wanted) (await load())(program);

try {
  await program.parseAsync(process.argv);
} catch (cause) {
  if (cause instanceof CommanderError) {
    process.exitCode = cause.exitCode === 0 ? 0 : 2;
  } else if (cause instanceof MixError) {
    process.stderr.write(`${cause.message}\n`);
    process.exitCode = 1;
  } else {
    throw cause;
  }
}
