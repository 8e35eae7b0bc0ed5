// The style of the project, held by a test: arrows of imports, words, sizes. A limit is only ever
// lowered, and the lists of exceptions only ever shrink.

import { readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import test from "ava";

const root = resolve(process.cwd());

interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly isTest: boolean;
}

const IGNORED = new Set(["node_modules", "target", "build", "dist", ".git", ".keepstate"]);

function walk(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    if (IGNORED.has(name)) return [];
    const path = join(folder, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
}

const isTestPath = (path: string): boolean =>
  /(^|\/)(tests?|fuzz)\//.test(path) || /(^|_|\.|\/)tests?\.(rs|ts)$/.test(path);

const sources: Source[] = walk(root)
  .map((path) => relative(root, path))
  .filter((path) => /\.(rs|ts|mts|mjs|js|c|h|hpp|py|go|lua)$/.test(path))
  .map((path) => {
    const text = readFileSync(join(root, path), "utf8");
    return { path, text, lines: text.split("\n"), isTest: isTestPath(path) };
  });

const rust = sources.filter((source) => source.path.endsWith(".rs"));
const typescript = sources.filter((source) => /^(src|test)\/.*\.ts$/.test(source.path));
const shipped = (list: Source[]): Source[] => list.filter((source) => !source.isTest);

/** Files over the limit of their language, each with the reason. The list only shrinks. */
const LONG_FILES: Readonly<Record<string, string>> = {};

/** Generated files: their shape is that of their generator. */
const GENERATED = new Set(["ffi/include/keepstate.h"]);

function report(problems: readonly string[]): string {
  return problems.length === 0 ? "" : `\n${problems.slice(0, 40).join("\n")}`;
}

/** The code of a line without strings and line comments, roughly. */
function bare(line: string): string {
  return line.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\\n]|\\.){2,}'|`[^`]*`/g, '""').replace(/\/\/.*$/, "");
}

test("files and lines keep their limits", (t) => {
  const problems = sources.flatMap(({ path, lines, isTest }) => {
    if (GENERATED.has(path)) return [];
    const limit = path.endsWith(".rs") ? 400 : path.endsWith(".ts") ? 300 : Infinity;
    const found = lines
      .map((line, index) => ({ length: [...line].length, at: `${path}:${index + 1}` }))
      .filter(({ length }) => length > 100 && !isTest)
      .map(({ length, at }) => `${at} has ${length} columns, at most 100`);
    if (!isTest && lines.length - 1 > limit && !(path in LONG_FILES)) {
      found.push(`${path} has ${lines.length - 1} lines, at most ${limit}`);
    }
    return found;
  });
  const gone = Object.keys(LONG_FILES).filter((path) => !sources.some((s) => s.path === path));
  t.is(report([...problems, ...gone.map((path) => `${path} is listed as long and is gone`)]), "");
});

interface Found {
  readonly at: string;
  readonly length: number;
  readonly parameters: string;
  /** Others may call it. */
  readonly open: boolean;
}

/** Functions as {name, lines, parameters}, found by their heads and the indentation of their ends. */
function functions({ path, lines }: Source): Found[] {
  const head = path.endsWith(".rs")
    ? /^(\s*)(?:pub(?:\([^)]*\))? )?(?:const )?(?:async )?(?:unsafe )?(?:extern "C" )?fn (\w+)/
    : /^(\s*)(?:export )?(?:async )?function\*? ?(\w+)|^(\s+)(?:async )?(?:\*)?(#?\w+)\([^)]*\)(?:: [^={]+)? \{$/;
  return lines.flatMap((line, index) => {
    const match = head.exec(line);
    if (!match || /^\s*(if|for|while|switch|catch|return)\b/.test(line)) return [];
    const indent = match[1] ?? match[3] ?? "";
    const end = lines.findIndex((other, at) => at >= index && other.startsWith(`${indent}}`));
    const declared = lines.slice(index, index + 12).join(" ");
    const parameters = /\(([^()]*(?:\([^()]*\)[^()]*)*)\)/.exec(declared.slice(declared.indexOf("(")));
    const open = /^(pub|export)\b/.test(line.trim());
    const at = `${path}:${index + 1} ${match[2] ?? match[4]}`;
    return [{ at, length: (end < 0 ? index : end) - index + 1, parameters: parameters?.[1] ?? "", open }];
  });
}

/** What C calls has the parameters that C gives. */
function isCallback({ path, lines }: Source, at: string): boolean {
  const line = Number(at.slice(path.length + 1).split(" ")[0]);
  return lines[line - 1]?.includes('extern "C" fn') === true;
}

test("functions are short and take few parameters", (t) => {
  const problems = shipped([...rust, ...typescript]).flatMap((source) =>
    functions(source).flatMap(({ at, length, parameters, open }) => {
      const found = length > 70 ? [`${at} has ${length} lines, at most 70`] : [];
      const flat = parameters.replace(/<[^<>]*>|\{[^{}]*\}|\([^()]*\)|<[^<>]*>/g, "");
      const names = flat.split(",").filter((part) => part.trim() !== "" && !/^\s*&?(mut )?self$/.test(part));
      const foreign = source.path.startsWith("native/capi/") || isCallback(source, at);
      if (names.length > 3 && !foreign) found.push(`${at} takes ${names.length} parameters, at most 3`);
      const flags = names.filter((name) => /:\s*bool(ean)?\b/.test(name) && !/^\s*value\b/.test(name));
      if (open && flags.length > 0 && names.length > 1 && !foreign) {
        found.push(`${at} takes a positional boolean`);
      }
      return found;
    }),
  );
  t.is(report(problems), "");
});

/** A line without what is only said: comments and strings. */
const code = (line: string): string => (/^\s*(\*|\/\*)/.test(line) ? "" : bare(line));

const FORBIDDEN: readonly [RegExp, string][] = [
  [/\b(TODO|FIXME|XXX)\b/, "leaves work open"],
  [/\bexport \* from\b/, "exports a bag"],
  [/(:|<|as|extends)\s*any\b(?!\w)/, "uses any"],
  [/^\s*export default \{/, "exports a bag by default"],
  [/\b(class|struct|interface|type|enum|trait)\s+\w*(Manager|Service|Helper|Util|Handler|Base|Impl)\b/, "is named after a pattern"],
];

test("words that promise nothing good do not occur", (t) => {
  const problems = [...rust, ...typescript].flatMap(({ path, lines }) => {
    if (path === "test/tidy.test.ts") return [];
    return lines.flatMap((line, index) =>
      FORBIDDEN.filter(([pattern, what]) => pattern.test(what === "leaves work open" ? line : code(line)))
        .filter(([, what]) => !(what === "uses any" && path.endsWith(".rs")))
        .map(([, what]) => `${path}:${index + 1} ${what}: ${line.trim()}`),
    );
  });
  const folders = sources.filter(({ path }) => /(^|\/)(utils?|helpers?|common)(\/|\.)/.test(path));
  t.is(report([...problems, ...folders.map(({ path }) => `${path} is named after nothing`)]), "");
});

test("no code is commented out", (t) => {
  const dead = /^\s*\/\/(?![/!])\s*(let |const |return |if \(|for \(|fn |pub |use |import |\w+\(.*\);\s*$|.*[;{]\s*$)/;
  const problems = [...rust, ...typescript].flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => (dead.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
  );
  t.is(report(problems), "");
});

test("clock and randomness come through their port", (t) => {
  const allowed = new Set(["native/core/src/clock.rs", "src/ports/clock.ts"]);
  const pattern = /\b(SystemTime::now|Instant::now|getrandom::|Date\.now\(|Math\.random\(|new Date\(\)|performance\.now\(|randomBytes\(|randomUUID\()/;
  const problems = shipped([...rust, ...typescript])
    .filter(({ path }) => !allowed.has(path) && !path.includes("/examples/"))
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, index) => (pattern.test(bare(line)) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
    );
  t.is(report(problems), "");
});

test("nothing panics on data", (t) => {
  const pattern = /\.unwrap\(\)|\.expect\("|\b(panic|unreachable|todo|unimplemented)!/;
  const library = shipped(rust).filter(({ path }) => !path.includes("/examples/"));
  const problems = library.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => (pattern.test(bare(line)) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
  );
  t.is(report(problems), "");
});

test("sources are ASCII", (t) => {
  const problems = shipped([...rust, ...typescript]).flatMap(({ path, lines }) =>
    // eslint-disable-next-line no-control-regex
    lines.flatMap((line, index) => (/[^\x00-\x7f]/.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
  );
  t.is(report(problems), "");
});

/** Layers of src/, low to high; an import may only go to the own or a lower layer. */
const LAYERS: readonly (readonly string[])[] = [
  ["errors", "suggest", "version", "abort"],
  ["ports"],
  ["native"],
  ["encode", "bytes"],
  ["patch"],
  ["schema", "state"],
  ["timeline", "file", "document", "backup", "adapters", "route", "wrap"],
  ["schemes"],
  ["config"],
  ["options"],
  ["engine"],
  ["index", "testing", "integrations", "doctor"],
  ["server", "studio", "cli"],
];

const layerOf = (path: string): number => {
  const room = /^src\/([\w-]+)/.exec(path)?.[1] ?? "";
  return LAYERS.findIndex((rooms) => rooms.includes(room));
};

function imports({ path, text }: Source): string[] {
  const pattern = /(?:from|import\()\s*"(\.[^"]+)"|^import "(\.[^"]+)"/gm;
  return [...text.matchAll(pattern)].map((match) => {
    const target = join(dirname(path), match[1] ?? match[2] ?? "").replace(/\.js$/, ".ts");
    return target;
  });
}

test("imports go down, and never in a circle", (t) => {
  const own = shipped(typescript).filter(({ path }) => path.startsWith("src/"));
  const graph = new Map(own.map((source) => [source.path, imports(source)]));
  const problems: string[] = [];
  for (const [path, targets] of graph) {
    if (layerOf(path) < 0) problems.push(`${path} is in no layer`);
    for (const target of targets) {
      if (!graph.has(target)) problems.push(`${path} imports ${target}, which is not there`);
      if (layerOf(target) > layerOf(path)) problems.push(`${path} imports upward: ${target}`);
      const room = (of: string): string => of.split("/")[1]?.replace(/\.ts$/, "") ?? "";
      const siblings = layerOf(target) === layerOf(path) && room(target) !== room(path);
      if (siblings) problems.push(`${path} imports its sibling ${target}`);
    }
  }
  const state = new Map<string, "open" | "done">();
  const visit = (path: string, trail: string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      problems.push(`a circle: ${[...trail.slice(trail.indexOf(path)), path].join(" -> ")}`);
      return;
    }
    state.set(path, "open");
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    state.set(path, "done");
  };
  for (const path of graph.keys()) visit(path, []);
  t.is(report(problems), "");
});

test("no file is dead", (t) => {
  const entries = new Set(["src/index.ts", "src/testing/index.ts", "src/cli/main.ts"]);
  const used = new Set(typescript.flatMap(imports));
  const dead = shipped(typescript)
    .filter(({ path }) => path.startsWith("src/") && !entries.has(path) && !used.has(path))
    .map(({ path }) => `${path} is imported by nothing`);
  const modules = new Set(
    rust.flatMap(({ path, text }) =>
      [...text.matchAll(/^\s*(?:pub(?:\([^)]*\))? )?mod (\w+);|#\[path = "([\w./]+)"\]/gm)].map(
        (match) => `${dirname(path)}:${match[1] ?? match[2]?.replace(/\.rs$/, "")}`,
      ),
    ),
  );
  const names = new Set([...modules].map((entry) => entry.split(":")[1]?.split("/").at(-1)));
  const deadRust = shipped(rust)
    .filter(({ path }) => /\/src\//.test(path) && !/\/(lib|main|mod)\.rs$/.test(path))
    .filter(({ path }) => !names.has(/(\w+)\.rs$/.exec(path)?.[1]))
    .map(({ path }) => `${path} is declared by no module`);
  t.is(report([...dead, ...deadRust]), "");
});

test("the core knows neither Node nor C, and its arrows go down", (t) => {
  const core = shipped(rust).filter(({ path }) => path.startsWith("native/core/src/"));
  const problems = core.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => (/\b(napi|cbindgen)::/.test(bare(line)) ? [`${path}:${index + 1}`] : [])),
  );
  const low = ["error", "wire", "hex", "clock", "digest"];
  const upward = core
    .filter(({ path }) => low.some((name) => path === `native/core/src/${name}.rs`))
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, index) =>
        /\bcrate::(store|timeline|machine|drive|file)\b/.test(bare(line)) ? [`${path}:${index + 1}`] : [],
      ),
    );
  const sideways = core
    .filter(({ path }) => path.startsWith("native/core/src/store/"))
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, index) => (/\bcrate::(timeline|file)\b/.test(bare(line)) ? [`${path}:${index + 1}`] : [])),
    );
  t.is(report([...problems, ...upward, ...sideways]), "");
});

test("each room of a timeline uses only those under it", (t) => {
  const rooms = "form operation read change chunk save look keep transfer".split(" ");
  const home = "native/core/src/timeline/";
  const inside = shipped(rust).filter(({ path }) => path.startsWith(home) && path.split("/").length === 6);
  const named = inside.map(({ path }) => path.split("/")[4] ?? "");
  const upward = inside.flatMap(({ path, lines }, n) =>
    lines.flatMap((line, index) => {
      const used = [...bare(line).matchAll(/\btimeline::(\w+)/g)].map(([, room]) => room ?? "");
      const wrong = used.filter((room) => rooms.indexOf(room) >= rooms.indexOf(named[n] ?? ""));
      return wrong.map((room) => `${path}:${index + 1} uses ${room}`);
    }),
  );
  t.deepEqual([...new Set(named)].sort(), [...rooms].sort());
  t.is(report(upward), "");
});

test("a port has at most seven methods", (t) => {
  const count = (text: string, head: RegExp, method: RegExp): number => {
    const start = text.search(head);
    const body = text.slice(start, text.indexOf("\n}", start));
    return [...body.matchAll(method)].length;
  };
  const port = (path: string): string => sources.find((source) => source.path === path)?.text ?? "";
  const rustPort = count(port("native/core/src/store/mod.rs"), /pub trait Store\b/, /^ {4}fn /gm);
  const typescriptPort = count(port("src/ports/store.ts"), /export interface Store\b/, /^ {2}\w+\??\(/gm);
  t.true(rustPort > 0 && rustPort <= 7, `the Rust port has ${rustPort}`);
  t.true(typescriptPort > 0 && typescriptPort <= 7, `the TypeScript port has ${typescriptPort}`);
});

test("only the known documents stand at the root", (t) => {
  const known = new Set(["README.md", "ARCHITECTURE.md", "FORMAT.md", "CHANGELOG.md"]);
  const others = readdirSync(root).filter((name) => name.endsWith(".md") && !known.has(name));
  t.deepEqual(others, []);
});

test("nothing names this machine or a package registry", (t) => {
  const hosts = ["registry.npmjs" + ".org", "crates" + ".io/api", "pypi" + ".org", "proxy.golang" + ".org"];
  const paths = ["/wo" + "rk/", "/ro" + "ot/", "/tmp/" + "bash"];
  const files = walk(root).filter((path) => !/\.(node|png|bin)$/.test(path));
  const problems = files.flatMap((path) => {
    const text = readFileSync(path, "utf8");
    return [...hosts, ...paths].filter((word) => text.includes(word)).map((word) => `${relative(root, path)}: ${word}`);
  });
  t.is(report(problems), "");
});
