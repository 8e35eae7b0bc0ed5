/** From words to a command and its options. What is wrong says what was probably meant. */

import { parseArgs } from "node:util";

import { KeepstateError } from "../errors.js";
import { suggest } from "../suggest.js";
import { type Command, type Flag, GLOBAL_FLAGS } from "./command.js";

/** The words of a call, sorted. */
export interface Parsed {
  readonly arguments: readonly string[];
  readonly flags: Readonly<Record<string, readonly (string | true)[]>>;
}

/** Sorts the words behind a command's name. */
export function parse(command: Command, words: readonly string[]): Parsed {
  const known = { ...GLOBAL_FLAGS, ...command.flags };
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { takes, short }]) => [
      name,
      { type: takes ? ("string" as const) : ("boolean" as const), ...(short ? { short } : {}) },
    ]),
  );
  const { tokens } = parseArgs({
    args: [...words],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const found: string[] = [];
  const flags: Record<string, (string | true)[]> = {};
  for (const token of tokens) {
    if (token.kind === "positional") found.push(token.value);
    if (token.kind !== "option") continue;
    const flag = flagOf(token.name, known, { raw: token.rawName, command: command.name });
    (flags[token.name] ??= []).push(readFlag(token.rawName, flag, token.value));
    if (!flag.many && (flags[token.name]?.length ?? 0) > 1) {
      throw wrong(`${token.rawName} was given twice. Give it once.`);
    }
  }
  if (!flags["help"]) checkCount(command, found);
  return { arguments: found, flags };
}

/** The command of this name. */
export function findCommand(name: string, commands: readonly Command[]): Command {
  const command = commands.find((one) => one.name === name);
  if (command) return command;
  const near = suggest(name, commands.map((one) => one.name));
  throw wrong(`There is no command ${name}.${near} keepstate --help lists them.`);
}

function flagOf(
  name: string,
  known: Readonly<Record<string, Flag>>,
  { raw, command }: { raw: string; command: string },
): Flag {
  const flag = Object.hasOwn(known, name) ? known[name] : undefined;
  if (flag) return flag;
  const near = suggest(raw, Object.keys(known).map((one) => `--${one}`));
  throw wrong(`keepstate ${command} has no option ${raw}.${near} See keepstate ${command} --help.`);
}

function readFlag(raw: string, flag: Flag, value: string | undefined): string | true {
  if (!flag.takes) {
    if (value === undefined) return true;
    throw wrong(`${raw} takes no value. Write ${raw} alone.`);
  }
  // A lone dash is standard input; any other word that begins with one is the next option.
  if (value === undefined || /^-./.test(value)) {
    throw wrong(`${raw} needs ${flag.takes} behind it, as ${raw}=${flag.takes}.`);
  }
  if (flag.choices && !flag.choices.includes(value)) {
    throw wrong(
      `${raw} takes ${flag.choices.join(" or ")}, not ${value}.${suggest(value, flag.choices)}`,
    );
  }
  return value;
}

function checkCount(command: Command, found: readonly string[]): void {
  const least = command.arguments.filter((argument) => !argument.optional).length;
  const missing = found.length < least ? command.arguments[found.length] : undefined;
  const help = `See keepstate ${command.name} --help.`;
  if (missing) throw wrong(`keepstate ${command.name} needs <${missing.name}>. ${help}`);
  const extra = found[command.arguments.length];
  if (extra !== undefined) throw wrong(`keepstate ${command.name} does not take ${extra}. ${help}`);
}

function wrong(message: string): KeepstateError {
  return new KeepstateError("INVALID_ARGUMENT", message);
}
