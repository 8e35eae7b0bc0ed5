// As much of a Linux library's header as tells whether it can be loaded. The dynamic linker tells a
// wrong processor as "No such file", and a file that was cut short kills the process (SIGBUS).

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What a library is. */
export interface Elf {
  /** The processor, in the words of `process.arch`. */
  readonly arch: string;
}

// The longest header, that of 64 bits.
const LENGTH = 64;

/** The header of a whole library, or undefined for anything else. */
export function readElf(path: string): Elf | undefined {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const header = Buffer.alloc(LENGTH);
    const isWhole = size >= LENGTH && readSync(file, header, 0, LENGTH, 0) === LENGTH;
    if (!isWhole || header.toString("latin1", 0, 4) !== "\x7fELF") return undefined;
    if (tableEnd(header) > size) return undefined;
    return { arch: MACHINES[header.readUInt16LE(18)] ?? "another processor" };
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** The table of sections stands last: a file that ends before it was cut. */
function tableEnd(header: Buffer): number {
  const is64 = header[4] === 2;
  const start = is64 ? Number(header.readBigUInt64LE(40)) : header.readUInt32LE(32);
  const sizes = is64 ? 58 : 46;
  return start + header.readUInt16LE(sizes) * header.readUInt16LE(sizes + 2);
}

const MACHINES: Readonly<Record<number, string>> = {
  3: "ia32",
  8: "mips",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x64",
  183: "arm64",
  243: "riscv64",
  258: "loong64",
};
