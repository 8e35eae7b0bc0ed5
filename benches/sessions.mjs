// Recorded agent sessions as workloads: the states a checkpointer would save, one after each step.
// A session is `{name, base, listKey, items, steps: [{upto, head}]}`; state k is base, the head of
// step k, and the items up to `upto`. Where no recording is at hand, seeded ones of the same shape.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { dice } from "./harness/numbers.mjs";
import { patterns } from "./patterns.mjs";

const CORPUS = fileURLToPath(new URL("../../shared/corpus/", import.meta.url));
const SUFFIX = ".session.json";

const GENERATED = [
  { name: "generated-long", steps: 146, perStep: 2, words: 200 },
  { name: "generated-marathon", steps: 209, perStep: 5, words: 260 },
  { name: "generated-day", steps: 306, perStep: 4, words: 85 },
];

/** The sessions to run, by name; `load` turns an entry into the session itself. */
export function sessions({ session: files = [] } = {}) {
  if (files.length > 0) return files.map((file) => entryOf(file));
  if (!existsSync(CORPUS)) return GENERATED.map((shape) => ({ name: shape.name, shape }));
  const recorded = readdirSync(CORPUS).filter((file) => file.endsWith(SUFFIX));
  return recorded.sort().map((file) => entryOf(`${CORPUS}${file}`));
}

function entryOf(file) {
  return { name: file.replace(/^.*\//, "").replace(SUFFIX, ""), file };
}

export function load({ file, shape }) {
  return file ? JSON.parse(readFileSync(file, "utf8")) : generate(shape);
}

/**
 * Walks the states of a session in order. Items keep their identity from state to state, as in a
 * running agent; with `edits` an old one is changed in place now and then, and with `pattern` the
 * list lives otherwise (patterns.mjs). Two replays of the same entry pass through equal states, so
 * one can be saved and the other compared with.
 */
export class Replay {
  #session;
  #edits;
  #pattern;
  #roll;

  constructor(entry, { edits = false, pattern } = {}) {
    this.#session = load(entry);
    this.#edits = edits;
    this.#pattern = pattern;
    this.#roll = dice(20260105);
  }

  get length() {
    return this.#session.steps.length;
  }

  states() {
    return this.#pattern ? patterns[this.#pattern](this.#session) : this.#appended();
  }

  *#appended() {
    const { base, listKey, items, steps } = this.#session;
    for (const [index, { upto, head }] of steps.entries()) {
      const edited = this.#edits && index % 5 === 3 && upto > 2;
      if (edited) this.#edit(items[this.#roll(upto - 1)], index);
      yield { ...base, ...head, [listKey]: items.slice(0, upto) };
    }
  }

  last() {
    let state;
    for (state of this.states());
    return state;
  }

  #edit(item, index) {
    const [key, text] = Object.entries(item).find(([, value]) => typeof value === "string") ?? [];
    if (key !== undefined) item[key] = `${text} (edited at step ${index})`;
    item.edits = (item.edits ?? 0) + 1;
  }
}

/** The states that are read back: the same ones in every run. */
export function picks(length, count) {
  const roll = dice(4711);
  return Array.from({ length: count }, () => roll(length));
}

const SYLLABLES = "ta re mi so lu ne ka do pe shi an or el in us".split(" ");

function generate({ name, steps: count, perStep, words }) {
  const roll = dice(words * count);
  const vocabulary = Array.from({ length: 2000 }, () => word(roll));
  const lexicon = Array.from({ length: 900 }, () => phrase(roll, vocabulary));
  const source = { roll, lexicon, words };
  const items = Array.from({ length: count * perStep }, (_, id) => item(id, source));
  const steps = Array.from({ length: count }, (_, index) => ({
    upto: (index + 1) * perStep,
    head: head(index, roll),
  }));
  const base = { agent: name, policy: text(roll, { lexicon, words: 900 }) };
  return { name, base, listKey: "messages", items, steps };
}

function word(roll) {
  return Array.from({ length: 1 + roll(4) }, () => SYLLABLES[roll(SYLLABLES.length)]).join("");
}

const PHRASE = 8;

// Whole phrases return, as paths and commands do in a session: that is what codecs live on.
function phrase(roll, vocabulary) {
  return Array.from({ length: PHRASE }, () => vocabulary[roll(vocabulary.length)]).join(" ");
}

// Drawn by two dice, so that some phrases are frequent.
function text(roll, { lexicon, words }) {
  const size = lexicon.length;
  const draw = () => lexicon[Math.floor((roll(size) * roll(size)) / size)];
  return Array.from({ length: Math.ceil(words / PHRASE) }, draw).join(" ");
}

function item(id, { roll, lexicon, words }) {
  const content = text(roll, { lexicon, words: Math.max(4, roll(2 * words)) });
  if (id % 2 === 0) return { role: "user", content, timestamp: 1767600000 + id * 7 };
  const usage = { prompt_tokens: 1000 + 90 * id, completion_tokens: roll(900), cached: id % 3 < 1 };
  return { role: "assistant", content, extra: { id: `gen-${roll(1e9)}`, model: "m-1", usage } };
}

function head(index, roll) {
  const updated_at = new Date(Date.UTC(2026, 0, 5, 9, 0, index * 7)).toISOString();
  const totals = { tool_calls: 2 * index, cost: roll(1e6) / 1e6 + index };
  return { step: index, updated_at, totals };
}
