/** Progress of long work, on a terminal only, and only when it takes long. */

import type { Terminal } from "./terminal.js";

// Milliseconds of work before anything is shown, and between two drawings.
const EVERY = 250;

/** A line on stderr that is drawn again and again, and erased at the end. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #what: string;
  #told = "";
  #drawn = false;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal, what: string) {
    this.#terminal = terminal;
    this.#what = what;
    if (!terminal.world.stderr.isTTY) return;
    this.#timer = setInterval(() => this.#draw(), EVERY);
    this.#timer.unref();
  }

  /** Tells how far the work is. */
  tell(text: string): void {
    this.#told = text;
  }

  /** Erases the line. */
  end(): void {
    clearInterval(this.#timer);
    if (this.#drawn) this.#terminal.world.stderr.write("\r\u001b[K");
  }

  #draw(): void {
    this.#drawn = true;
    this.#terminal.world.stderr.write(`\r\u001b[K${this.#what} ${this.#told}`);
  }
}
