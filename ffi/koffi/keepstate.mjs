// The C interface in JavaScript: every type, constant and function of keepstate.h, declared from
// the header itself, so that nothing can drift.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import koffi from "koffi";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const text = readFileSync(here("../include/keepstate.h"), "utf8").replace(/\/\*[^]*?\*\//g, "");
const plain = text.replace(/\bstruct (ks_\w+)/g, "$1").replace(/\s+/g, " ");
const all = (pattern) => [...plain.matchAll(pattern)];

/** The numbers of the header: `KS_OK`, `KS_NOT_FOUND`, `KS_PUT_CREATE`, ... */
export const constants = Object.fromEntries([
  ...[...text.matchAll(/#define (KS_\w+) (-?\d+)$/gm)].map(([, name, value]) => [name, +value]),
  ...[...text.matchAll(/\b(KS_\w+) = (\d+),/g)].map(([, name, value]) => [name, +value]),
]);

/** The structs through which the library gives texts. */
const GIVEN = new Set(["ks_snapshot_info", "ks_entry", "ks_step"]);

/** Texts that the library gives have a length and no NUL: koffi must not make strings of them. */
const asPointers = (declared) => declared.replace(/const char \*/g, "const void *");

for (const [, type, name] of all(/typedef (uint32_t) (ks_\w+);/g)) koffi.alias(name, type);
for (const [, name] of all(/typedef (ks_\w+) \1;/g)) koffi.opaque(name);
for (const [, body, name] of all(/typedef struct \{([^}]*)\} (ks_\w+);/g)) struct(name, body);

/** A struct of the header. Its functions become callback types, as `ks_store_vtable_get`. */
function struct(name, declared) {
  const body = GIVEN.has(name) || declared.includes("(*") ? asPointers(declared) : declared;
  const fields = body.split(";").map((field) => field.trim()).filter(Boolean);
  koffi.struct(name, Object.fromEntries(fields.map((field) => {
    const callback = /^(\w+) \(\*(\w+)\)\((.*)\)$/.exec(field);
    if (callback) {
      koffi.proto(`${callback[1]} ${name}_${callback[2]}(${callback[3]})`);
      return [callback[2], `${name}_${callback[2]} *`];
    }
    const [, type, star, word] = /^(.*?)\s?(\**)(\w+)$/.exec(field);
    return [word, `${type} ${star}`.trim()];
  })));
}

/** Which way the content of a parameter goes. */
function direction(parameter) {
  if (!parameter.includes("*") || /^const (?!ks_snapshot \*\*)|^void \*/.test(parameter)) return "";
  if (/^ks_(bytes|supports|snapshot_info) \*\w/.test(parameter)) return "_Inout_ ";
  if (/\*\*|^ks_(entry|completion) \*|^(size_t|u?int\d+_t) \*/.test(parameter)) return "_Out_ ";
  return "";
}

function library() {
  const named = process.env.KEEPSTATE_LIBRARY;
  const path = (profile) => here(`../../native/target/${profile}/libkeepstate.so`);
  const built = ["release", "ci", "debug"].map(path);
  const found = [named, ...built].find((path) => path && existsSync(path));
  if (!found) {
    const command = "cargo build --profile ci -p keepstate-capi";
    throw new Error(`libkeepstate.so is missing; run ${command} in native/.`);
  }
  return koffi.load(found);
}

/** The functions of the header, as they are. */
export const ks = {};
const loaded = library();
for (const [, result, name, list] of all(/((?:const )?\w+ \*?)(ks_\w+)\(([^()]*)\);/g)) {
  const parameters = list.split(", ").map((one) => direction(one.trim()) + one.trim());
  ks[name] = loaded.func(`${result}${name}(${parameters.join(", ")})`);
}
if (ks.ks_abi_version() !== constants.KS_ABI_VERSION) {
  throw new Error("The library is of another version than keepstate.h; build it again.");
}

/** What a call that failed says. */
export class KeepstateError extends Error {
  constructor(error) {
    super(ks.ks_error_message(error, null));
    this.code = ks.ks_error_name(error, null);
    this.retryable = ks.ks_error_retryable(error);
  }
}

/** Calls a function whose last parameter is the error, and throws what it says. */
export function call(name, ...words) {
  const error = [null];
  if (ks[name](...words, error) === 0) return;
  const thrown = new KeepstateError(error[0]);
  ks.ks_error_free(error[0]);
  throw thrown;
}

/** The same on a thread of koffi's, for work that takes time and for stores in JavaScript. */
export function callAsync(name, ...words) {
  const error = [null];
  return new Promise((resolve, reject) => {
    ks[name].async(...words, error, (problem, status) => {
      if (problem) return reject(problem);
      if (status === 0) return resolve();
      const thrown = new KeepstateError(error[0]);
      ks.ks_error_free(error[0]);
      reject(thrown);
    });
  });
}

/** As a length: the text ends at its NUL, which koffi adds. */
export const NUL = 0xffff_ffff_ffff_ffffn;

/** A struct that grows, with its size. */
export const options = (type, fields = {}) => ({ struct_size: koffi.sizeof(type), ...fields });

/** Copies lent bytes into a Buffer and gives them back. */
export function takeBytes(bytes) {
  const type = koffi.array("uint8_t", Number(bytes.len), "Typed");
  const copy = bytes.len > 0 ? Buffer.from(koffi.decode(bytes.ptr, type)) : Buffer.alloc(0);
  ks.ks_bytes_free(bytes);
  return copy;
}

/** What is known of a snapshot. */
export function infoOf(snapshot) {
  const info = options("ks_snapshot_info");
  call("ks_snapshot_read", snapshot, info);
  const read = (name) => info[name] && koffi.decode.string(info[name], Number(info[`${name}_len`]));
  const [sequence, stored] = [Number(info.sequence), Number(info.stored)];
  return { sequence, stored, label: read("label"), reference: read("reference") };
}
