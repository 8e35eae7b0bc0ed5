/** What the command line sees of the world: streams, variables, and whether people watch. */

import type { Readable, Writable } from "node:stream";

/** A stream that answers go to. */
export type Sink = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** A stream that states come from. */
export type Source = Readable & { readonly isTTY?: boolean };

/** The streams and variables of one run. */
export interface World {
  readonly stdin: Source;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, and when nobody reads the answer any more. */
  readonly signal: AbortSignal;
}

const COLORS = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, dim: 2 } as const;

/** The name of a color. */
export type Color = keyof typeof COLORS;

/** Answers go to stdout, everything else to stderr. */
export class Terminal {
  readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** Whether a person reads the answer. */
  get isInteractive(): boolean {
    return this.world.stdout.isTTY === true;
  }

  /** Whether a person can be asked. */
  get canAsk(): boolean {
    return this.world.stdin.isTTY === true && this.world.stderr.isTTY === true;
  }

  /** The width of the answer's lines, where there is one. */
  get width(): number {
    return this.isInteractive ? (this.world.stdout.columns ?? 80) : Infinity;
  }

  /** A line of the answer. */
  async line(text: string): Promise<void> {
    await this.bytes(`${text}\n`);
  }

  /** A part of the answer, as it is. Waits while the reader is slow. */
  async bytes(part: string | Uint8Array): Promise<void> {
    this.world.signal.throwIfAborted();
    const { stdout } = this.world;
    if (stdout.write(part)) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        stdout.off("drain", go);
        stdout.off("close", go);
        resolve();
      };
      stdout.on("drain", go);
      stdout.on("close", go);
    });
  }

  /** The answer as one JSON text. */
  async json(value: unknown): Promise<void> {
    await this.line(JSON.stringify(value, undefined, this.isInteractive ? 2 : undefined));
  }

  /** A line for people, which is no part of the answer. */
  note(text: string): void {
    this.world.stderr.write(`${text}\n`);
  }

  /** Text in a color, where the answer goes to a terminal that shows colors. */
  color(color: Color, text: string): string {
    return isColored(this.world.stdout, this.world) ? paint(color, text) : text;
  }

  /** The same for stderr. */
  noteColor(color: Color, text: string): string {
    return isColored(this.world.stderr, this.world) ? paint(color, text) : text;
  }
}

/** NO_COLOR (no-color.org) wins over FORCE_COLOR, which wins over what the stream is. */
function isColored(sink: Sink, { environment }: World): boolean {
  if (environment["NO_COLOR"]) return false;
  if (environment["FORCE_COLOR"]) return environment["FORCE_COLOR"] !== "0";
  return sink.isTTY === true && environment["TERM"] !== "dumb";
}

function paint(color: Color, text: string): string {
  return `\u001b[${COLORS[color]}m${text}\u001b[0m`;
}
