/** Child processes of the bench: what is measured and what measures never share a process. */
import { type ChildProcess, fork } from 'node:child_process';

/** Starts a file beside this one in a Node of its own. Buffers pass over its channel as they are. `profileDir` takes a CPU profile of it. */
export function startChild(name: string, profileDir?: string): ChildProcess {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fork(new URL(`./${name}.${ending}`, import.meta.url), {
    execPath: process.execPath,
    ...(profileDir === undefined ? {} : { execArgv: ['--cpu-prof', `--cpu-prof-dir=${profileDir}`] }),
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** Sends one thing to the child and gives its one answer. Throws when the child ends without one. */
export function askChild<T>(child: ChildProcess, question: object): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`a bench process ended early (${code})`));
    child.once('exit', ended);
    child.once('message', (answer) => {
      child.removeListener('exit', ended);
      resolve(answer as T);
    });
    child.send(question);
  });
}

/** Ends a child that answers nothing more. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await ended;
}

/** Ends a child in order, so that its profile is written; it must know `{ stop: true }`. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || !child.connected) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.send({ stop: true });
  await ended;
}
