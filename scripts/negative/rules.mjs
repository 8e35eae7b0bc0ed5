// The rules that hold everything together, each with the test that must turn red without it.

/** Rule of the core: the test program, which of its tests, and what it is told. */
export const CORE_RULES = {
  SyncCommit: ["log_crash", "sync_mode"],
  SyncFlush: ["log_crash", "async_mode"],
  SyncFolder: ["log_crash", "sync_mode"],
  SyncSmallFile: ["log_crash", "sync_mode"],
  SyncNewSegment: ["log_crash", "async_mode"],
  SyncCompacted: ["log_crash", "sync_mode"],
  FlushBeforeCompact: ["log_crash", "async_mode"],
  CatalogBeforeRemove: ["log_crash", "sync_mode"],
  FrameCheck: ["log_damage", "with_the_page"],
  ValueCheck: ["corruption", "values_are_checked"],
  SmallFileCheck: ["corruption", "no_byte_of_a_small_file"],
  SegmentHeaderCheck: ["corruption", "no_byte_of_a_small_file"],
  CheckpointCheck: ["log_damage", "from_a_checkpoint"],
  AppendLock: ["log_processes", "all_of_them_write"],
  Conditions: ["conformance_log", ""],
  TakeBack: ["log_faults", "a_write_that_failed_is_undone"],
  EndAfterFailedSync: ["log_faults", "a_failed_sync_in_sync_mode"],
  Reserve: ["log_faults", "a_full_disk"],
  DirSyncFile: ["dir_order", ""],
  DirSyncFolder: ["dir_order", ""],
  DirLock: ["dir_two_processes", ""],
  DirCondition: ["dir_two_processes", ""],
  DirTimesRise: ["dir_options", "the_time_of_a_key"],
  DirTimesOfDeleted: ["dir_options", "the_time_of_a_key"],
  ShardsCheck: ["dir_options", "shards_are_remembered"],
  FileHash: ["file_formats", ""],
  TimelineSum: ["timeline_damage", "damage_is_named"],
  TimelineCreate: ["simulation", "", { KEEPSTATE_CAST: "saves", KEEPSTATE_SEEDS: "300" }],
  TimelineReadBack: ["timeline_writers", "a_lost_answer_is_read_back"],
  TimelineControl: ["timeline_writers", "a_stalled_writer_creates_nothing"],
  SealProof: ["seal", ""],
  ChunkHash: ["timeline_chunks", "a_missing_or_changed_chunk"],
  ChunkClaim: ["timeline_chunks", "beside_a_prune_or_delete"],
  ChunkUses: ["timeline_chunks", "beside_a_prune_or_delete"],
  ChunkCondemned: ["timeline_chunks", "a_chunk_that_is_to_be_removed"],
  NamedPacks: ["timeline_chunks", "a_change_that_was_done"],
  ChunkSum: ["timeline_chunks", "what_a_store_gives_for_another_key"],
};

// The shadow's rules are pieces of the built TypeScript that are taken out. A piece that is not
// found exactly once is a mistake in this table.

const SHADOW = ["encode/shadow", "random changes in place, *part 0"];
const FROZEN = ["encode/immutable", "*"];

/** Rule: the file, what is taken out (one piece or more), what stands there instead, the test. */
export const SHADOW_RULES = {
  "tape: values of an array": [
    "encode/compare-tape",
    "if (!Object.is(slot, item) || (item === undefined && !(i in array)))",
    "if (false)",
    SHADOW,
  ],
  "tape: values of an object": [
    "encode/compare-tape",
    "if ((slot !== item || item === 0) && !Object.is(slot, item))",
    "if (false)",
    SHADOW,
  ],
  "tape: values where no container is": [
    "encode/compare-tape",
    "if (!Object.is(tape[at], item))",
    "if (false)",
    SHADOW,
  ],
  "tape: where containers are": ["encode/recorder", "nested |= bit;", ";", SHADOW],
  "tape: the length": ["encode/compare-tape", "if (array.length !== tag)", "if (false)", SHADOW],
  "tape: names and order": [
    "encode/compare-tape",
    "if (i === count || keys[i] !== key)",
    "if (i === count)",
    SHADOW,
  ],
  "tape: a name that is gone": ["encode/compare-tape", "if (i !== count)", "if (false)", SHADOW],
  "tape: what took the place of a container": [
    "encode/compare-tape",
    "if (isNew && (Array.isArray(value) || !isPlain(value)))",
    "if (false)",
    SHADOW,
  ],
  "node: a name that is gone": ["encode/unchanged", "if (i !== count)", "if (false)", SHADOW],
  "node: no shortcut by identity": [
    "encode/unchanged",
    "if (node.frozen === Frozen.yes && node.ref === value)",
    "if (node.ref === value)",
    SHADOW,
  ],
  "walk: zero and minus zero": [
    "encode/walk",
    "(value === 0 && !Object.is(before, value))",
    "false",
    ["encode/shadow", "zero, minus zero and NaN*"],
  ],
  "walk: values of a Map or Set": [
    "encode/walk-rich",
    "walk.step(node, i, flat[i]);",
    ";",
    SHADOW,
  ],
  "walk: what toJSON gives": ["encode/walk-rich", "walk.step(node, 0, result);", ";", SHADOW],
  "walk: what a type gives": ["encode/walk-rich", "walk.step(node, 0, content.data);", ";", SHADOW],
  "walk: numbers": [
    "encode/walk-rich",
    "before === value ? before !== 0 || Object.is(before, value) : Object.is(before, value)",
    "true",
    SHADOW,
  ],
  "walk: bytes": ["encode/walk-rich", "&& Buffer.compare(now, before) === 0", "", SHADOW],
  "walk: dates": [
    "encode/walk-rich",
    "Object.is(node.vals[0], Date.prototype.getTime.call(value))",
    "true",
    SHADOW,
  ],
  "frozen: all that is within": ["encode/frozen", "if (!within)", "if (false)", FROZEN],
  "frozen: no getters": [
    "encode/frozen",
    'if (property === undefined || !("value" in property))',
    "if (false)",
    FROZEN,
  ],
  "an encoder after a refused save": [
    "timeline/capture",
    ["this.#shadow.invalidate();", "this.#shadow?.invalidate();"],
    ";",
    ["timeline/states", "*"],
  ],
};
