/** Values: what is put is what is got. */

import assert from "node:assert/strict";

import { bytes, type Cases, read, refused, text } from "./suite.js";

export const values: Cases = {
  "an absent key is undefined": async (store) => {
    assert.equal(await store.get("nothing"), undefined);
  },

  "a value comes back as it was put": async (store) => {
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const version = await store.put("a", every);
    const found = await store.get("a");
    assert.deepEqual(Uint8Array.from(found?.value ?? []), every);
    assert.equal(found?.version, version);
  },

  "an empty value is a value": async (store) => {
    await store.put("empty", new Uint8Array());
    assert.equal((await store.get("empty"))?.value.length, 0);
  },

  "a large value comes back whole": async (store) => {
    const size = Math.min(store.supports.maxValue, 3_000_000);
    const large = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255);
    await store.put("large", large);
    const found = await store.get("large");
    assert.equal(Buffer.compare(found?.value ?? new Uint8Array(), large), 0);
  },

  "a put takes the bytes before it returns": async (store) => {
    const value = bytes("first");
    const put = store.put("a", value);
    value.fill(0);
    await put;
    assert.equal(await read(store, "a"), "first");
  },

  "a value that was got belongs to the caller": async (store) => {
    await store.put("a", bytes("kept"));
    (await store.get("a"))?.value.fill(0);
    assert.equal(await read(store, "a"), "kept");
  },

  "a put replaces and changes the version": async (store) => {
    const first = await store.put("a", bytes("1"));
    const second = await store.put("a", bytes("2"));
    assert.notEqual(first, second);
    assert.equal(await read(store, "a"), "2");
  },

  "the same bytes again have another version": async (store) => {
    const first = await store.put("a", bytes("same"));
    assert.notEqual(await store.put("a", bytes("same")), first);
  },

  "a delete removes, and again is no error": async (store) => {
    await store.put("a", bytes("1"));
    await store.delete("a");
    assert.equal(await store.get("a"), undefined);
    await store.delete("a");
  },

  "a version never comes back": async (store) => {
    const seen = new Set<string>();
    for (let round = 0; round < 5; round++) {
      seen.add(await store.put("a", bytes("x")));
      seen.add(await store.put("a", bytes("y")));
      await store.delete("a");
    }
    assert.equal(seen.size, 10);
  },

  "a range is a part of the value": async (store) => {
    const version = await store.put("a", bytes("0123456789"));
    const part = async (offset: number, length: number): Promise<string | undefined> =>
      text(await store.get("a", { range: { offset, length } }));
    assert.equal(await part(2, 3), "234");
    assert.equal(await part(0, 10), "0123456789");
    assert.equal(await part(8, 10), "89", "what lies behind the end is cut");
    assert.equal(await part(20, 5), "", "a range behind the end is empty");
    assert.equal(await part(3, 0), "");
    const found = await store.get("a", { range: { offset: 2, length: 3 } });
    assert.equal(found?.version, version, "the version is that of the whole value");
    assert.equal(await store.get("b", { range: { offset: 0, length: 1 } }), undefined);
  },

  "keys are any text, and no two meet": async (store) => {
    const odd = [
      "a/b", "a//b", "/a", "a/", ".", "..", "../up", "a/../b", "a b", "a%2Fb", "A", "con", "x.",
      "a\\b", 'q"<>|?*:', "\u00e4", "a\u0308", "\u{1f600}", "line\nbreak", "nul\0byte", "t.value",
    ];
    for (const key of odd) await store.put(key, bytes(`at ${key}`));
    for (const key of odd) assert.equal(await read(store, key), `at ${key}`);
  },

  "the longest key holds, and one byte more is refused": async (store) => {
    for (const character of ["k", "\u00e4", "/"]) {
      const longest = character.repeat(1024 / Buffer.byteLength(character));
      await store.put(longest, bytes("1"));
      assert.equal(await read(store, longest), "1");
      await refused(store.put(`${longest}k`, bytes("1")), "KEY_TOO_LONG");
      await refused(store.get(`${longest}k`), "KEY_TOO_LONG");
    }
  },

  "an empty key is refused": async (store) => {
    await refused(store.put("", bytes("1")), "INVALID_ARGUMENT");
    await refused(store.get(""), "INVALID_ARGUMENT");
    await refused(store.delete(""), "INVALID_ARGUMENT");
  },

  "a key with half of a surrogate pair is refused": async (store) => {
    await refused(store.put("a\ud800", bytes("1")), "INVALID_ARGUMENT");
  },

  "a value larger than the limit is refused": async (store) => {
    const { maxValue } = store.supports;
    assert.ok(maxValue > 0);
    if (maxValue > 1 << 26) return;
    await refused(store.put("a", new Uint8Array(maxValue + 1)), "VALUE_TOO_LARGE");
    assert.equal(await store.get("a"), undefined);
  },
};
