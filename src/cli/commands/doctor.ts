/** `keepstate doctor`: what is loaded, from where, and whether the store works. */

import { proveStore } from "../../doctor/prove.js";
import { describeAddon, describeRuntime } from "../../doctor/surroundings.js";
import { requireValid } from "../../config/resolve.js";
import { storeOf } from "../../config/load.js";
import { KeepstateError } from "../../errors.js";
import { redactUrl } from "../../schemes.js";
import type { Call, Command } from "../command.js";
import { exitCodeOf } from "../exit.js";

export const doctor: Command = {
  name: "doctor",
  summary: "Tell what is loaded, from where, and prove the store by a round trip.",
  details: "It leaves nothing behind: what it writes, it removes.",
  arguments: [],
  flags: {},
  examples: ["keepstate doctor", "keepstate doctor --store dir:./files --json"],
  run,
};

/** One thing that was looked at. */
interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

async function run(call: Call): Promise<number> {
  const findings: Finding[] = [];
  let exit = 0;
  const look = async (name: string, at: () => Promise<string>): Promise<void> => {
    try {
      findings.push({ name, ok: true, detail: await at() });
    } catch (error) {
      if (!(error instanceof KeepstateError)) throw error;
      findings.push({ name, ok: false, detail: `${error.code}: ${error.message}` });
      exit ||= exitCodeOf(error);
    }
  };
  await look("runtime", async () => describeRuntime());
  await look("addon", async () => describeAddon());
  await look("configuration", async () => {
    const config = await call.config();
    requireValid(config);
    return `store ${redactUrl(storeOf(config).url)}`;
  });
  if (exit === 0) {
    const { url, parameters } = storeOf(await call.config());
    await look("store", () => proveStore(url, parameters));
  }
  await report(call, findings);
  return exit;
}

async function report({ terminal, has }: Call, findings: readonly Finding[]): Promise<void> {
  if (has("json")) return terminal.json(findings);
  for (const { name, ok, detail } of findings) {
    const mark = ok ? terminal.color("green", "ok   ") : terminal.color("red", "WRONG");
    await terminal.line(`${mark} ${name.padEnd(13)} ${detail}`);
  }
}
