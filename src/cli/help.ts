/** Help texts, from the table of commands. */

import { type Command, type Flag, GLOBAL_FLAGS } from "./command.js";

/** The text of `keepstate --help`. */
export function overview(commands: readonly Command[]): string {
  return [
    "Keeps the state of AI agents: saves what changed at every step, restores any state.",
    "",
    "Usage: keepstate <command> [options]",
    "",
    ...rows(commands.map(({ name, summary }) => [name, summary])),
    "",
    "A snapshot is named agent/session@17, agent/session@latest or agent/session#tag.",
    "The store is --store, else KEEPSTATE_STORE, else keepstate.toml, else ./.keepstate.",
    "",
    "keepstate <command> --help tells more. keepstate --version tells the version.",
  ].join("\n");
}

/** The text of `keepstate <command> --help`. */
export function helpOf(command: Command): string {
  const words = command.arguments.map(({ name, optional }) =>
    optional ? `[${name}]` : `<${name}>`,
  );
  return [
    command.summary,
    "",
    `Usage: ${["keepstate", command.name, ...words, "[options]"].join(" ")}`,
    ...(command.details ? ["", command.details] : []),
    ...section("Arguments", command.arguments.map(({ name, meaning }) => [name, meaning])),
    ...section("Options", flagRows(command.flags)),
    ...section("Options of every command", flagRows(GLOBAL_FLAGS)),
    "",
    "Examples:",
    ...command.examples.map((example) => `  ${example}`),
  ].join("\n");
}

/** Lines of two columns. */
export function rows(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...pairs.map(([left]) => left.length));
  return pairs.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

function section(title: string, pairs: readonly (readonly [string, string])[]): string[] {
  return pairs.length === 0 ? [] : ["", `${title}:`, ...rows(pairs)];
}

function flagRows(flags: Readonly<Record<string, Flag>>): (readonly [string, string])[] {
  return Object.entries(flags).map(([name, { short, takes, choices, meaning }]) => {
    const value = takes ? ` ${choices ? choices.join("|") : takes}` : "";
    return [`${short ? `-${short}, ` : "    "}--${name}${value}`, meaning] as const;
  });
}
