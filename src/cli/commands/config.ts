/** `keepstate config`: what holds, where it comes from, and what is wrong in it. */

import type { Config } from "../../config/resolve.js";
import { KeepstateError } from "../../errors.js";
import { suggest } from "../../suggest.js";
import type { Call, Command } from "../command.js";
import type { Terminal } from "../terminal.js";

const ACTIONS = ["show", "validate"];

export const config: Command = {
  name: "config",
  summary: "Show the configuration that holds, or find every mistake in it.",
  details:
    "Order: command line, environment (KEEPSTATE_*), file (keepstate.toml), preset, default. " +
    "Secrets are never shown.",
  arguments: [{ name: "action", meaning: "show or validate", completes: ACTIONS }],
  flags: { explain: { meaning: "with show: where each value comes from" } },
  examples: [
    "keepstate config show --explain",
    "keepstate config validate",
    "KEEPSTATE_DURABILITY=async keepstate config show --json",
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const [action = ""] = call.arguments;
  if (!ACTIONS.includes(action)) {
    const near = suggest(action, ACTIONS);
    const message = `keepstate config takes show or validate, not ${action}.${near}`;
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
  const found = await call.config();
  return action === "show" ? print(call, found) : validate(call, found);
}

async function print(call: Call, { effective, mistakes }: Config): Promise<number> {
  const { terminal } = call;
  const entries = [...effective.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  if (call.has("json")) {
    const shown = entries.map(({ key, shown: text, value, origin }) => {
      const plain = typeof value === "string" ? text : value;
      return [key, call.has("explain") ? { value: plain, origin } : plain] as const;
    });
    await terminal.json(Object.fromEntries(shown));
  } else {
    const width = Math.max(...entries.map(({ key, shown }) => key.length + shown.length + 3));
    for (const { key, shown, origin } of entries) {
      const line = `${key} = ${shown}`;
      const from = terminal.color("dim", `# ${origin}`);
      await terminal.line(call.has("explain") ? `${line.padEnd(width)}  ${from}` : line);
    }
  }
  for (const { origin, message } of mistakes) terminal.note(`${origin}: ${message}`);
  return mistakes.length > 0 ? 2 : 0;
}

async function validate(call: Call, { mistakes }: Config): Promise<number> {
  const { terminal } = call;
  if (call.has("json")) await terminal.json(mistakes);
  else await report(terminal, mistakes);
  return mistakes.length > 0 ? 2 : 0;
}

async function report(terminal: Terminal, mistakes: Config["mistakes"]): Promise<void> {
  for (const { origin, message } of mistakes) await terminal.line(`${origin}: ${message}`);
  if (mistakes.length === 0) terminal.note("The configuration is valid.");
}
