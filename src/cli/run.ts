/** One run of the command line: from words to an exit code. */

import { loadConfig, type Outside } from "../config/load.js";
import { type Keepstate, openFrom } from "../engine.js";
import { KeepstateError } from "../errors.js";
import type { OpenOptions } from "../options.js";
import { VERSION } from "../version.js";
import type { Call, Command, Use } from "./command.js";
import { COMMANDS } from "./commands.js";
import { exitCodeOf } from "./exit.js";
import { helpOf, overview } from "./help.js";
import { findCommand, parse, type Parsed } from "./parse.js";
import { Terminal, type World } from "./terminal.js";

// In code, so that nothing outside can make a command make a store that only looks at it.
const USES: Readonly<Record<Use, OpenOptions>> = {
  read: { create: false },
  write: { create: false },
  create: {},
};

/** Runs the command that the words name. Never rejects: what failed is told on stderr. */
export async function run(words: readonly string[], world: World): Promise<number> {
  const terminal = new Terminal(world);
  try {
    const [name, ...rest] = words;
    if (name === "--version" || name === "-v") return await answer(terminal, VERSION);
    if (name === undefined || name === "--help" || name === "-h" || name === "help") {
      const about = name === "help" ? rest[0] : undefined;
      const text = about ? helpOf(findCommand(about, COMMANDS)) : overview(COMMANDS);
      return name === undefined ? complain(terminal, text) : await answer(terminal, text);
    }
    const command = findCommand(name, COMMANDS);
    const parsed = parse(command, rest);
    if (parsed.flags["help"]) return await answer(terminal, helpOf(command));
    return await runCommand(command, parsed, terminal);
  } catch (error) {
    return fail(terminal, error, words.includes("--json") ? "json" : "text");
  }
}

async function answer(terminal: Terminal, text: string): Promise<number> {
  await terminal.line(text);
  return 0;
}

function complain(terminal: Terminal, text: string): number {
  terminal.note(text);
  return 2;
}

async function runCommand(command: Command, parsed: Parsed, terminal: Terminal): Promise<number> {
  const opened: Keepstate[] = [];
  const text = (name: string): string | undefined => parsed.flags[name]?.at(-1)?.toString();
  const outside = outsideOf(text, terminal.world);
  const call: Call = {
    terminal,
    arguments: parsed.arguments,
    has: (flag) => parsed.flags[flag] !== undefined,
    get: text,
    all: (flag) => (parsed.flags[flag] ?? []).map(String),
    config: () => loadConfig({}, outside),
    open: async (use, store) => {
      const other = store === undefined ? {} : { store };
      const options = { ...USES[use], ...other };
      const ks = await openFrom(options, { ...outside, reads: use === "read" });
      opened.push(ks);
      return ks;
    },
  };
  try {
    return (await command.run(call)) ?? 0;
  } finally {
    await Promise.all(opened.map((ks) => ks.close()));
  }
}

function outsideOf(text: (flag: string) => string | undefined, { environment }: World): Outside {
  const keys = ["store", "profile", "durability"] as const;
  const commandLine = Object.fromEntries(keys.map((key) => [key, text(key)]));
  return { here: true, file: text("config"), environment, commandLine };
}

function fail(terminal: Terminal, error: unknown, form: "json" | "text"): number {
  const { signal } = terminal.world;
  if (signal.aborted && (error === signal.reason || isAbort(error))) return 130;
  const code = error instanceof KeepstateError ? error.code : "INTERNAL";
  const message = error instanceof Error ? error.message : String(error);
  if (form === "json") terminal.note(JSON.stringify({ error: placed(error, code, message) }));
  else terminal.note(`${terminal.noteColor("red", code)}: ${message}`);
  const isOurFault = code === "INTERNAL" && form === "text";
  if (isOurFault && error instanceof Error) terminal.note(error.stack ?? "");
  return exitCodeOf(error);
}

function isAbort(error: unknown): boolean {
  return error instanceof KeepstateError && error.code === "ABORTED";
}

function placed(error: unknown, code: string, message: string): Record<string, unknown> {
  const place = error instanceof KeepstateError ? Object.fromEntries(Object.entries(error)) : {};
  return { ...place, code, message };
}
