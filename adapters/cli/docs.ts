/** `mix-hie docs`: prints the pages that are made from the code. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describePathValidation } from '../../pki/index.ts';
import { describeErrors } from '../../schemas/errors/describe.ts';
import { describeSettings } from '../../schemas/settings/index.ts';

/** The pages by their file names. */
export function printedPages(): Record<string, string> {
  return {
    'errors.md': describeErrors(),
    'settings.md': describeSettings(),
    'path-validation.md': describePathValidation(),
  };
}

export function docsCommand(program: Command): void {
  program
    .command('docs')
    .description('print docs/errors.md, docs/settings.md and docs/path-validation.md from the code')
    .option('--out <folder>', 'where to', fileURLToPath(new URL('../../docs', import.meta.url)))
    .option('--check', 'write nothing; exit 1 when a page differs')
    .option('--json', 'print one line of JSON')
    .action((options: { out: string; check?: boolean; json?: boolean }) => {
      const changed: string[] = [];
      for (const [name, text] of Object.entries(printedPages())) {
        const file = join(options.out, name);
        if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
        changed.push(name);
        if (options.check) continue;
        mkdirSync(options.out, { recursive: true });
        writeFileSync(file, text);
      }
      if (options.json) process.stdout.write(`${JSON.stringify({ changed })}\n`);
      else for (const name of changed) process.stdout.write(`${name} ${options.check ? 'differs' : 'written'}\n`);
      if (options.check && changed.length > 0) process.exitCode = 1;
    });
}
