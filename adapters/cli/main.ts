/** The commands of `mix-hie`: a file each beside this one. Exit 0 done, 1 it did not hold, 2 wrong use. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { MixError } from '../../schemas/errors/index.ts';
import { benchCommand } from './bench.ts';
import { caCommand } from './ca.ts';
import { checkCommand } from './check.ts';
import { convertCommand } from './convert.ts';
import { demoCommand } from './demo.ts';
import { docsCommand } from './docs.ts';
import { nodeCommand } from './node.ts';
import { resendCommand } from './resend.ts';
import { sendCommand } from './send.ts';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const program = new Command('mix-hie')
  .description('An open health information exchange engine.')
  .version(manifest.version)
  .showHelpAfterError('(add --help for the options)')
  .exitOverride();

for (const add of [
  demoCommand,
  nodeCommand,
  convertCommand,
  checkCommand,
  sendCommand,
  resendCommand,
  caCommand,
  docsCommand,
  benchCommand,
])
  add(program);

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
