import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';

export interface Ran {
  out: string;
  err: string;
  exit: number;
}

/** Runs one command as `mix-hie` does, with its output caught. */
export async function runCommand(add: (program: Command) => void, args: string[]): Promise<Ran> {
  const ran: Ran = { out: '', err: '', exit: 0 };
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    ran.out += text;
    return true;
  });
  const err = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    ran.err += text;
    return true;
  });
  process.exitCode = undefined;
  try {
    const program = new Command('mix-hie').exitOverride();
    add(program);
    await program.parseAsync(['node', 'mix-hie', ...args]);
    ran.exit = Number(process.exitCode ?? 0);
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause;
    ran.exit = cause.exitCode === 0 ? 0 : 2;
  } finally {
    process.exitCode = undefined;
    out.mockRestore();
    err.mockRestore();
  }
  return ran;
}
