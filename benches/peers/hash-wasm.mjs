// hash-wasm: hashes compiled to WebAssembly, through its synchronous hashers.
const CASTAGNOLI = 0x82f63b78;

async function open() {
  const { createBLAKE3, createCRC32, createSHA256 } = await import("hash-wasm");
  const hashers = {
    sha256: await createSHA256(),
    blake3: await createBLAKE3(),
    crc32c: await createCRC32(CASTAGNOLI),
  };
  return (digest) => {
    const hasher = hashers[digest];
    return (bytes) => hasher.init().update(bytes).digest("binary");
  };
}

export const hashes = [{ name: "hash-wasm", offers: ["sha256", "blake3", "crc32c"], open }];
