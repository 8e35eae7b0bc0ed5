/** `keepstate completion`: a script that lets the shell complete commands, options and names. */

import { KeepstateError } from "../../errors.js";
import { suggest } from "../../suggest.js";
import type { Call, Command } from "../command.js";
import { bash, fish, zsh } from "../completion.js";

const SHELLS = { bash, zsh, fish };

/** The command; `commands` gives the table, which it is itself a part of. */
export function completion(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    summary: "Print a completion script for a shell.",
    arguments: [
      { name: "shell", meaning: "bash, zsh or fish", completes: Object.keys(SHELLS) },
    ],
    flags: {},
    examples: [
      'eval "$(keepstate completion bash)"',
      "keepstate completion zsh > ~/.zfunc/_keepstate",
      "keepstate completion fish > ~/.config/fish/completions/keepstate.fish",
    ],
    run: (call) => run(call, commands()),
  };
}

async function run(call: Call, commands: readonly Command[]): Promise<void> {
  const [shell = ""] = call.arguments;
  const script = Object.entries(SHELLS).find(([name]) => name === shell)?.[1];
  if (script) return call.terminal.bytes(script(commands));
  const near = suggest(shell, Object.keys(SHELLS));
  const message = `keepstate completion knows bash, zsh and fish, not ${shell}.${near}`;
  throw new KeepstateError("INVALID_ARGUMENT", message);
}
