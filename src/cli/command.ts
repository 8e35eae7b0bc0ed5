/** What a command is. One table of commands drives help, completion and parsing. */

import type { Keepstate } from "../engine.js";
import type { Config } from "../config/resolve.js";
import type { Terminal } from "./terminal.js";

/** An option of a command. */
export interface Flag {
  readonly meaning: string;
  /** What stands behind it, as `URL`; absent for a switch. */
  readonly takes?: string;
  /** What may stand behind it, where that is a short list. */
  readonly choices?: readonly string[];
  readonly short?: string;
  /** It may be given several times. */
  readonly many?: true;
}

/** An argument of a command. */
export interface Argument {
  readonly name: string;
  readonly meaning: string;
  readonly optional?: true;
  /** What completion offers: references of the store, files, or these words. */
  readonly completes?: "references" | "files" | readonly string[];
}

/** What a command does to its store. `read` changes nothing, and only `create` makes a new one. */
export type Use = "read" | "write" | "create";

/** A command as it was called. */
export interface Call {
  readonly terminal: Terminal;
  readonly arguments: readonly string[];
  /** Whether a switch is on. */
  has(flag: string): boolean;
  /** What stands behind an option. */
  get(flag: string): string | undefined;
  /** All that stands behind an option that may be given several times. */
  all(flag: string): readonly string[];
  /** The configuration that holds, mistakes included. */
  config(): Promise<Config>;
  /** Opens the call's store, or another; it is closed when the call is over. */
  open(use: Use, store?: string): Promise<Keepstate>;
}

/** One command. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** More for people, below the usage. */
  readonly details?: string;
  readonly arguments: readonly Argument[];
  readonly flags: Readonly<Record<string, Flag>>;
  readonly examples: readonly string[];
  /** Does it. A number is the exit code; nothing means success. */
  run(call: Call): Promise<number | void>;
}

/** The options of every command. */
export const GLOBAL_FLAGS: Readonly<Record<string, Flag>> = {
  store: {
    takes: "URL",
    short: "s",
    meaning: "the store: a path, a URL, or a name of [stores] in keepstate.toml",
  },
  config: { takes: "FILE", meaning: "the configuration file, instead of ./keepstate.toml" },
  profile: { takes: "NAME", meaning: "the profile of the configuration file" },
  durability: {
    takes: "HOW",
    choices: ["sync", "async"],
    meaning: "sync: done means on disk; async: done survives a killed process",
  },
  json: { meaning: "the answer, and any error, as JSON" },
  help: { short: "h", meaning: "this text" },
};
