/** A line that shows how far long work is: redrawn on a terminal, silent elsewhere. */
export interface Progress {
  at(done: number): void;
  /** Ends the line and leaves it standing. */
  end(): void;
}

const WIDTH = 24;
const REDRAW_MS = 80;

/** `of` may be 0 where the whole is not known: then only the count is shown. */
export function createProgress(what: string, of: number, silent = false): Progress {
  const out = process.stderr;
  const shown = !silent && out.isTTY;
  const begun = Date.now();
  let drawnAt = 0;
  let last = 0;
  const draw = (): void => {
    const share = of > 0 ? Math.min(1, last / of) : 0;
    const bar = of > 0 ? `[${'#'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '.')}] ` : '';
    const seconds = Math.max(0.001, (Date.now() - begun) / 1000);
    out.write(`\r  ${bar}${last}${of > 0 ? ` of ${of}` : ''} ${what}, ${Math.round(last / seconds)}/s   `);
  };
  return {
    at(done) {
      last = done;
      if (!shown || Date.now() - drawnAt < REDRAW_MS) return;
      drawnAt = Date.now();
      draw();
    },
    end() {
      if (!shown) return;
      draw();
      out.write('\n');
    },
  };
}
