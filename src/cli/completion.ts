/** Completion scripts, from the table of commands. References are asked of the store itself. */

import { type Argument, type Command, type Flag, GLOBAL_FLAGS } from "./command.js";

const REFERENCES = "keepstate list 2>/dev/null";

/** The script for bash. */
export function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const words = flagNames(command).join(" ");
    const all = command.arguments.map(({ completes }) => completes);
    return [
      `    ${command.name})`,
      "      if [[ $cur == -* ]]; then",
      `        COMPREPLY=($(compgen -W ${quote(words)} -- "$cur"))`,
      "        return",
      "      fi",
      `      COMPREPLY=(${all.map(bashSource).join(" ")})`,
      "      ;;",
    ].join("\n");
  });
  return `# bash completion of keepstate
_keepstate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  COMP_WORDBREAKS=\${COMP_WORDBREAKS//[@:]/}
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W ${quote(names(commands).join(" "))} -- "$cur"))
    return
  fi
  case $prev in
${valued(commands).map(bashValue).join("\n")}
  esac
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
  esac
}
complete -o default -F _keepstate keepstate
`;
}

/** The script for zsh. */
export function zsh(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const specs = Object.entries({ ...command.flags, ...GLOBAL_FLAGS }).map(zshFlag);
    const positions = command.arguments.map(
      ({ name, completes }, i) => quote(`${i + 1}:${name}:${zshSource(completes)}`),
    );
    return `    ${command.name})\n      _arguments ${[...specs, ...positions].join(" ")}\n      ;;`;
  });
  const described = commands.map(({ name, summary }) => quote(`${name}:${plain(summary)}`));
  return `#compdef keepstate
_keepstate_references() {
  local -a found
  found=(\${(f)"$(${REFERENCES})"})
  compadd -- $found
}
_keepstate() {
  local -a commands
  commands=(${described.join(" ")})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _keepstate ]]; then _keepstate "$@"; else compdef _keepstate keepstate; fi
`;
}

/** The script for fish. */
export function fish(commands: readonly Command[]): string {
  const lines = ["# fish completion of keepstate", "complete -c keepstate -f"];
  for (const { name, summary } of commands) {
    const first = "complete -c keepstate -n __fish_use_subcommand";
    lines.push(`${first} -a ${name} -d ${quote(summary)}`);
  }
  for (const command of commands) {
    const isWithin = quote(`__fish_seen_subcommand_from ${command.name}`);
    const within = `complete -c keepstate -n ${isWithin}`;
    for (const [flag, { meaning, takes, short, choices }] of Object.entries({
      ...command.flags,
      ...GLOBAL_FLAGS,
    })) {
      const value = takes ? ` -r${choices ? ` -a ${quote(choices.join(" "))}` : ""}` : "";
      lines.push(`${within} -l ${flag}${short ? ` -s ${short}` : ""}${value} -d ${quote(meaning)}`);
    }
    for (const { completes } of command.arguments) {
      if (completes === "files") lines.push(`${within} -F`);
      else if (completes === "references") lines.push(`${within} -a ${quote(`(${REFERENCES})`)}`);
      else if (completes) lines.push(`${within} -a ${quote(completes.join(" "))}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function names(commands: readonly Command[]): string[] {
  return commands.map(({ name }) => name);
}

function flagNames(command: Command): string[] {
  return Object.keys({ ...command.flags, ...GLOBAL_FLAGS }).map((name) => `--${name}`);
}

/** Options that take a value, each once. */
function valued(commands: readonly Command[]): [name: string, flag: Flag][] {
  const all = commands.flatMap(({ flags }) => Object.entries(flags));
  const found = new Map([...Object.entries(GLOBAL_FLAGS), ...all].filter(([, flag]) => flag.takes));
  return [...found];
}

function bashValue([name, { choices, short }]: [string, Flag]): string {
  const words = choices ? `-W ${quote(choices.join(" "))}` : "-f";
  const names = `--${name}${short ? `|-${short}` : ""}`;
  return `    ${names}) COMPREPLY=($(compgen ${words} -- "$cur")); return ;;`;
}

function bashSource(completes: Argument["completes"]): string {
  if (completes === "files") return '$(compgen -f -- "$cur")';
  if (completes === "references") return `$(compgen -W "$(${REFERENCES})" -- "$cur")`;
  return `$(compgen -W ${quote((completes ?? []).join(" "))} -- "$cur")`;
}

function zshFlag([name, { meaning, takes, choices, many }]: [string, Flag]): string {
  const source = choices ? `(${choices.join(" ")})` : takes === "FILE" ? "_files" : "";
  const value = takes ? `:${takes}:${source}` : "";
  return quote(`${many ? "*" : ""}--${name}[${plain(meaning).replace(/[[\]]/g, "")}]${value}`);
}

function zshSource(completes: Argument["completes"]): string {
  if (completes === "files") return "_files";
  return completes === "references" ? "_keepstate_references" : `(${(completes ?? []).join(" ")})`;
}

/** Text without what would end a description of zsh. */
function plain(text: string): string {
  return text.replaceAll(":", " -");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
