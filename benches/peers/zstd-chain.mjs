// A chain of `zstd --patch-from`: the offline tool that stores evolving states in the fewest bytes.
// Only its bytes count: a process per save and a replay of the whole chain per restore is no store.
import { execFileSync } from "node:child_process";
import { renameSync, rmSync, writeFileSync } from "node:fs";

function zstd(parameters) {
  try {
    execFileSync("zstd", ["-q", "-f", ...parameters]);
  } catch (error) {
    if (error.code === "ENOENT") throw new Error("the zstd command is not installed");
    throw error;
  }
}

function openStates(folder) {
  const [now, before] = [`${folder}/now.json`, `${folder}/before.json`];
  return {
    save(state, k) {
      writeFileSync(now, JSON.stringify(state));
      const context = k === 0 ? [] : [`--patch-from=${before}`, "--long=31"];
      zstd(["-3", ...context, now, "-o", `${folder}/${k}.zst`]);
      renameSync(now, before);
    },
    close: () => rmSync(before),
  };
}

export const states = [{ name: "zstd patch chain", modes: ["packed"], open: openStates }];
