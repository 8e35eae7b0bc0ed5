// Objects of one shape come back the same whether their builder was compiled or not: whatever the
// keys are, nothing of them is run, and where compiling is forbidden they come back all the same.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

import test from "ava";

import { compileBuilder } from "../../src/encode/builders.js";
import { Decoder } from "../../src/encode/decode.js";
import { encodeMsgpack } from "../../src/encode/msgpack.js";
import { difference } from "./compare.js";
import { loadAddon } from "./native.js";

const { tapeReader } = loadAddon();
const run = promisify(execFile);

const keyLists: [name: string, keys: string[]][] = [
  ["plain", ["role", "content"]],
  ["quotes and breaks", ['"', "'", "\\", "`${1}`", "\n\r\u2028\u2029", "\0"]],
  ["code", ['"]: next()}; globalThis.ran = true; ({["', "*/ globalThis.ran = true //"]],
  ["names with a meaning", ["constructor", "toString", "then", "next", "return"]],
  ["the one that sets the prototype", ["a", "__proto__"]],
  ["numbers, which objects sort", ["2", "1", "-1", "1.5", "4294967295", "01"]],
  ["other scripts, and a half of a pair", ["\u00e9", "\u{1f600}", "\ud800", ""]],
  ["more than are compiled", Array.from({ length: 150 }, (_, n) => `key ${n}`)],
];

for (const [name, keys] of keyLists) {
  test(`keys: ${name}`, (t) => {
    const decoder = new Decoder(tapeReader());
    const of = (n: number): object => {
      const object = {};
      for (const [at, key] of keys.entries()) {
        const value = { n, at, list: [{ n }] };
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true });
      }
      return object;
    };
    const state = Array.from({ length: 30 }, (_, n) => of(n));
    const bytes = encodeMsgpack(state);
    for (let round = 0; round < 2; round += 1) {
      const restored = decoder.decode(bytes) as object[];
      t.is(difference(restored, state), undefined);
      for (const object of restored) t.is(Object.getPrototypeOf(object), Object.prototype);
    }
    t.false("ran" in globalThis);
  });
}

test("a builder is compiled once, and known from then on", (t) => {
  const keys = ["only", "here"];
  const build = compileBuilder(keys);
  t.is(compileBuilder(keys), build);
  t.deepEqual(build?.(new Int32Array([7, 0, 2, 1]), 1, ["", 1, 2]), { only: 2, here: 1 });
});

test("where compiling is forbidden, states come back", async (t) => {
  const script = `
    import { open } from ${JSON.stringify(new URL("../../src/index.js", import.meta.url).href)};
    const ks = await open("memory:");
    const state = Array.from({ length: 50 }, (_, n) => ({ n, text: "t" + n }));
    await ks.timeline("a/b").save(state);
    const restored = await ks.timeline("a/b").restore();
    process.stdout.write(String(JSON.stringify(restored) === JSON.stringify(state)));
  `;
  const words = ["--disallow-code-generation-from-strings", "--input-type=module", "-e", script];
  t.is((await run(process.execPath, words)).stdout, "true");
});
