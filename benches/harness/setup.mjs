// What must be there before a bench runs: the peers, and the addon built for speed.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const BENCHES = fileURLToPath(new URL("..", import.meta.url));
const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/** Installs the peers if they are missing; they belong to the benches alone. */
export function installPeers(say) {
  if (existsSync(`${BENCHES}node_modules/.package-lock.json`)) return;
  say("installing the peers into benches/node_modules; some compile, so this takes minutes");
  run("npm", ["ci", "--no-audit", "--no-fund"], BENCHES);
}

/** Builds the addon in release form. */
export function buildOurs(say) {
  if (!existsSync(`${PROJECT}scripts/setup.mjs`)) {
    say("scripts/setup.mjs is not there: what is built already is measured");
    return;
  }
  run(process.execPath, ["scripts/setup.mjs", "--release"], PROJECT);
}

// Whatever the command says goes to stderr: stdout holds nothing but the result.
function run(command, parameters, cwd) {
  const { status, error } = spawnSync(command, parameters, { cwd, stdio: ["ignore", 2, 2] });
  if (error) throw new Error(`${command} could not be started: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${parameters.join(" ")} failed (${status}).`);
}
