/* keepstate.h: the C interface of Keepstate. The law of its use is ffi/CONVENTIONS.md.
 * Generated from native/capi by its test `header`; do not edit. */

#ifndef KEEPSTATE_H
#define KEEPSTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Why a call failed. */
enum ks_code {
  /** A fault of Keepstate's own; please report it. */
  KS_INTERNAL = 1,
  /** An argument is not what the call takes. */
  KS_INVALID_ARGUMENT = 2,
  /** An option, a URL or a configuration key is wrong. */
  KS_INVALID_CONFIG = 3,
  /** A reference or a name does not parse. */
  KS_INVALID_REF = 4,
  /** What was named does not exist. */
  KS_NOT_FOUND = 5,
  /** Somebody else wrote first. */
  KS_CONFLICT = 6,
  /** Stored bytes are damaged. */
  KS_CORRUPT = 7,
  /** Content does not match its recorded hash. */
  KS_HASH_MISMATCH = 8,
  /** A file or folder is not one of Keepstate's. */
  KS_NOT_OURS = 9,
  /** Written by a newer version of Keepstate. */
  KS_FORMAT_TOO_NEW = 10,
  /** A key is longer than the store can hold. */
  KS_KEY_TOO_LONG = 11,
  /** A value is larger than the store can hold. */
  KS_VALUE_TOO_LARGE = 12,
  /** The store, codec or encoding cannot do this. */
  KS_UNSUPPORTED = 13,
  /** The store cannot be reached now. */
  KS_UNAVAILABLE = 14,
  /** The call took longer than allowed. */
  KS_TIMEOUT = 15,
  /** The caller cancelled. */
  KS_ABORTED = 16,
  /** The store or handle is closed. */
  KS_CLOSED = 17,
  /** Another process holds the folder's lock. */
  KS_LOCKED = 18,
  /** The store is open or mounted read-only. */
  KS_READ_ONLY = 19,
  /** The operating system refused access. */
  KS_PERMISSION = 20,
  /** No space is left. */
  KS_DISK_FULL = 21,
  /** An input or output operation failed. */
  KS_IO = 22,
  /** A value is not what JSON can hold. */
  KS_NOT_JSON = 23,
  /** A value refers to itself. */
  KS_CYCLE = 24,
  /** A value is nested too deeply. */
  KS_TOO_DEEP = 25,
  /** A value of this type cannot be saved. */
  KS_UNSUPPORTED_TYPE = 26,
  /** No codec of this name is registered. */
  KS_UNKNOWN_CODEC = 27,
  /** A codec could not compress or decompress. */
  KS_CODEC_FAILED = 28,
  /** No sealing key with this id was given. */
  KS_KEY_UNKNOWN = 29,
  /** A sealed value has a wrong key, place or bytes. */
  KS_SEAL_BROKEN = 30,
  /** A value does not match its schema. */
  KS_VALIDATION = 31,
  /** The native addon could not be loaded. */
  KS_NATIVE_LOAD = 32,
  /** Another writer has taken the lease. */
  KS_LEASE_LOST = 33,
  /** The key was used for other content. */
  KS_IDEMPOTENCY_MISMATCH = 34,
  /** A save was called from within a save. */
  KS_REENTERED = 35,
  /** The handle belongs to the parent of this process. */
  KS_FORKED = 36,
  /** No store plugin of this name is registered. */
  KS_PLUGIN_NOT_FOUND = 37,
  /** A store plugin has this name already. */
  KS_PLUGIN_EXISTS = 38,
  /** A store plugin could not start. */
  KS_INIT_FAILED = 39,
  /** The route has no store of this name. */
  KS_BACKEND_NOT_FOUND = 40,
  /** The route has a store of this name already. */
  KS_BACKEND_EXISTS = 41,
  /** The route has no store that can serve this. */
  KS_NO_BACKENDS = 42,
  /** A limit on memory was reached. */
  KS_OUT_OF_MEMORY = 43,
  /** Another writer holds the lease. */
  KS_LEASE_HELD = 44,
};

/** As a length of a text: it ends at its first NUL. */
#define KS_NUL SIZE_MAX


/**
 * The version of the binary interface that this header states. `ks_abi_version` must give the
 * same.
 */
#define KS_ABI_VERSION 1

/**
 * For `durability`: what the store does by itself; on disk where it has one.
 */
#define KS_DURABILITY_DEFAULT 0

/**
 * For `durability`: acknowledged means on disk.
 */
#define KS_DURABILITY_SYNC 1

/**
 * For `durability`: acknowledged survives the death of the process; it is on disk soon after.
 */
#define KS_DURABILITY_ASYNC 2

/**
 * For `flags`: write nothing at all.
 */
#define KS_OPEN_READ_ONLY 1

/**
 * For `flags`: refuse a folder where there is no store, instead of making one.
 */
#define KS_OPEN_EXISTING 2

/**
 * For `can`: batches of more than one step.
 */
#define KS_CAN_COMMIT 1

/**
 * For `can`: puts on a condition.
 */
#define KS_CAN_CONDITIONAL_PUT 2

/**
 * For `can`: deletes on a condition.
 */
#define KS_CAN_CONDITIONAL_DELETE 4

/**
 * For `can`: puts with a time to live.
 */
#define KS_CAN_TTL 8

/**
 * For `can`: operations on a queue (`..._start`).
 */
#define KS_CAN_START 16

/**
 * For `durable`: the store cannot tell whether an acknowledged write survives a loss of power.
 */
#define KS_DURABLE_UNKNOWN 0

/**
 * For `durable`: an acknowledged write survives a loss of power.
 */
#define KS_DURABLE_YES 1

/**
 * For `durable`: it does not, or not at once.
 */
#define KS_DURABLE_NO 2

/**
 * For `mode`: whatever is there.
 */
#define KS_PUT_OVERWRITE 0

/**
 * For `mode`: nothing may be there.
 */
#define KS_PUT_CREATE 1

/**
 * For `mode`: exactly this version must be there.
 */
#define KS_PUT_IF_VERSION 2

/**
 * For `kind`: write a value.
 */
#define KS_STEP_PUT 1

/**
 * For `kind`: remove a value; what is absent is no error, unless a version was asked for.
 */
#define KS_STEP_DELETE 2

/**
 * For `kind`: write nothing, but refuse the batch unless this version is there (NULL: unless
 * nothing is).
 */
#define KS_STEP_CHECK 3

/**
 * For `flags`: the functions may be called from any thread, several at once. Without it they run
 * one at a time, and only on threads that are inside a call of yours on this store.
 */
#define KS_VTABLE_THREAD_SAFE 1

/**
 * For `flags`: `commit` applies several steps whole or not at all.
 */
#define KS_VTABLE_COMMIT 2

/**
 * For `flags`: `commit` honours versions and absence in puts and checks.
 */
#define KS_VTABLE_CONDITIONAL_PUT 4

/**
 * For `flags`: `commit` honours versions in deletes.
 */
#define KS_VTABLE_CONDITIONAL_DELETE 8

/**
 * For `flags`: `commit` honours `ttl_ms`.
 */
#define KS_VTABLE_TTL 16

/**
 * For `flags`: what `commit` acknowledged survives a loss of power.
 */
#define KS_VTABLE_DURABLE 32

/**
 * For `flags`: keep a SHA-256 of each whole state and check it at each restore.
 */
#define KS_TIMELINE_FULL_INTEGRITY 1

/**
 * For `flags`: take a store without conditional writes. Only this handle may then write.
 */
#define KS_TIMELINE_SINGLE_WRITER 2

/**
 * For `flags`: only if `onto` is the latest snapshot (0: only if there is none).
 */
#define KS_SAVE_ONTO 1

/**
 * For `flags`: from the newest to the oldest.
 */
#define KS_PAGE_NEWEST_FIRST 1

/**
 * For `flags`: `level` is set; else the codec's default is taken.
 */
#define KS_FILE_LEVEL 1

/**
 * For `flags`: `index` is set.
 */
#define KS_FILE_INDEX 2

/**
 * The level that a codec has when none is named.
 */
#define KS_LEVEL_DEFAULT INT32_MIN

/**
 * The most bytes that a digest has.
 */
#define KS_DIGEST_MAX 32

/**
 * Steps that are collected, and the versions that the last commit gave. Ends with `ks_batch_free`.
 */
typedef struct ks_batch ks_batch;

/**
 * What went wrong and where. Immutable; may be read by several threads; ends with `ks_error_free`.
 * Every text that is read from it lives as long as it does and also ends with a NUL.
 */
typedef struct ks_error ks_error;

/**
 * What a single file says of its state. Immutable; ends with `ks_file_free`.
 */
typedef struct ks_file ks_file;

/**
 * A digest of bytes that come in several parts. Ends with `ks_hasher_free`.
 */
typedef struct ks_hasher ks_hasher;

/**
 * A listing under way. It keeps no store open; ends with `ks_iter_free`.
 */
typedef struct ks_iter ks_iter;

/**
 * An operation under way, or complete. Every call may come from any thread; ends with
 * `ks_op_free`.
 */
typedef struct ks_op ks_op;

/**
 * What keeps lent bytes alive.
 */
typedef struct ks_owner ks_owner;

/**
 * Completions and the threads that make them. Every call may come from any thread; ends with
 * `ks_queue_free`.
 */
typedef struct ks_queue ks_queue;

/**
 * What was read and what is wrong with it. Immutable; ends with `ks_report_free`.
 */
typedef struct ks_report ks_report;

/**
 * Takes the entries of a listing. It lives until the callback returns.
 */
typedef struct ks_sink ks_sink;

/**
 * A snapshot. Immutable; ends with `ks_snapshot_free`, if it was not lent by a listing.
 */
typedef struct ks_snapshot ks_snapshot;

/**
 * A listing under way. It keeps no store open; ends with `ks_snapshots_free`.
 */
typedef struct ks_snapshots ks_snapshots;

/**
 * An open store. Every call may come from any thread, several at once; ends with `ks_store_free`.
 */
typedef struct ks_store ks_store;

/**
 * A timeline. Every call may come from any thread, several at once. It keeps no store open; ends
 * with `ks_timeline_free`.
 */
typedef struct ks_timeline ks_timeline;

/**
 * The result of a call: `KS_OK`, or one of the other `KS_` codes. The numbers are the same in
 * every language and are never used again for another meaning.
 */
typedef uint32_t ks_status;

/**
 * Bytes that belong to the library and are lent, until `ks_bytes_free`. `ptr` is never NULL after
 * a call that succeeded, even where `len` is 0; `owner` is NULL where there is nothing to free.
 */
typedef struct {
  /**
   * The first byte.
   */
  const uint8_t *ptr;
  /**
   * How many.
   */
  size_t len;
  /**
   * What keeps them alive.
   */
  ks_owner *owner;
} ks_bytes;

/**
 * How a store is opened. All zeros are the defaults.
 */
typedef struct {
  /**
   * `sizeof(ks_store_options)`.
   */
  size_t struct_size;
  /**
   * `KS_DURABILITY_...`.
   */
  uint32_t durability;
  /**
   * `KS_OPEN_...`, added up.
   */
  uint32_t flags;
} ks_store_options;

/**
 * What a store can do. Set `struct_size` before the call.
 */
typedef struct {
  /**
   * `sizeof(ks_supports)`.
   */
  size_t struct_size;
  /**
   * `KS_CAN_...`, added up.
   */
  uint32_t can;
  /**
   * `KS_DURABLE_...`.
   */
  uint32_t durable;
  /**
   * The largest value in bytes.
   */
  uint64_t max_value;
  /**
   * The most steps in a batch.
   */
  uint64_t max_batch;
} ks_supports;

/**
 * Part of a value. What lies behind its end is cut. All zeros are the whole value.
 */
typedef struct {
  /**
   * `sizeof(ks_get_options)`.
   */
  size_t struct_size;
  /**
   * The first byte.
   */
  uint64_t offset;
  /**
   * How many bytes at most; 0 is all that follow.
   */
  uint64_t length;
} ks_get_options;

/**
 * On which condition a value is written, and for how long. All zeros: overwrite, for ever.
 */
typedef struct {
  /**
   * `sizeof(ks_put_options)`.
   */
  size_t struct_size;
  /**
   * `KS_PUT_...`.
   */
  uint32_t mode;
  /**
   * 0.
   */
  uint32_t reserved;
  /**
   * For `KS_PUT_IF_VERSION`: the version.
   */
  const char *version;
  /**
   * Its length.
   */
  size_t version_len;
  /**
   * After so many milliseconds the key counts as absent; 0 is never.
   */
  uint64_t ttl_ms;
} ks_put_options;

/**
 * Which keys are listed. All zeros are all keys.
 */
typedef struct {
  /**
   * `sizeof(ks_list_options)`.
   */
  size_t struct_size;
  /**
   * Only keys greater than this one; NULL is none.
   */
  const char *after;
  /**
   * Its length.
   */
  size_t after_len;
  /**
   * At most so many; 0 is all.
   */
  uint64_t limit;
} ks_list_options;

/**
 * What is told of a key. This struct never grows.
 */
typedef struct {
  /**
   * The key.
   */
  const char *key;
  /**
   * Its length.
   */
  size_t key_len;
  /**
   * The length of the value.
   */
  uint64_t size;
  /**
   * The version of the value.
   */
  const char *version;
  /**
   * Its length.
   */
  size_t version_len;
  /**
   * When it was written, in milliseconds since 1970.
   */
  uint64_t modified;
} ks_entry;

/**
 * One step. This struct never grows.
 */
typedef struct {
  /**
   * `KS_STEP_...`.
   */
  uint32_t kind;
  /**
   * For a put: `KS_PUT_...`.
   */
  uint32_t mode;
  /**
   * The key.
   */
  const char *key;
  /**
   * Its length.
   */
  size_t key_len;
  /**
   * For a put: the value.
   */
  const uint8_t *value;
  /**
   * Its length.
   */
  size_t value_len;
  /**
   * The version that must be there, or NULL.
   */
  const char *version;
  /**
   * Its length.
   */
  size_t version_len;
  /**
   * For a put: after so many milliseconds the key counts as absent; 0 is never.
   */
  uint64_t ttl_ms;
} ks_step;

/**
 * A store of one's own. The functions answer with a status, and may set `*error` to an error made
 * by `ks_error_new`, which then belongs to the library. An exception must not leave them. They
 * must not close or free the store. Their arguments live until they return.
 */
typedef struct {
  /**
   * `sizeof(ks_store_vtable)`.
   */
  size_t struct_size;
  /**
   * Handed to each function. An integer is as good as a pointer.
   */
  void *userdata;
  /**
   * `KS_VTABLE_...`, added up.
   */
  uint32_t flags;
  /**
   * 0.
   */
  uint32_t reserved;
  /**
   * The largest value in bytes; 0 is no limit.
   */
  uint64_t max_value;
  /**
   * Reads a whole value. `KS_NOT_FOUND` if the key is absent. `KS_OK` counts only with both
   * places filled by `ks_bytes_copy`, so that a callback which failed unseen is no answer.
   */
  ks_status (*get)(void *userdata,
                   const char *key,
                   size_t key_len,
                   ks_bytes *value,
                   ks_bytes *version,
                   ks_error **error);
  /**
   * Applies `count` steps; more than one only with `KS_VTABLE_COMMIT`. A condition that is not
   * met is `KS_CONFLICT`. `KS_OK` counts only with `*applied` = `count` and, for each put, the
   * place of the same index in `versions` filled by `ks_bytes_copy`.
   */
  ks_status (*commit)(void *userdata,
                      const ks_step *steps,
                      size_t count,
                      ks_bytes *versions,
                      size_t *applied,
                      ks_error **error);
  /**
   * Tells the keys that begin with `prefix` and are greater than `after` (NULL: all) in the
   * order of their bytes, at most `limit`, each by `ks_sink_add`. `KS_OK` counts only after
   * `ks_sink_end`.
   */
  ks_status (*list)(void *userdata,
                    const char *prefix,
                    size_t prefix_len,
                    const char *after,
                    size_t after_len,
                    size_t limit,
                    ks_sink *sink,
                    ks_error **error);
  /**
   * Told once, when the store is closed or freed; no other function is called after it. May be
   * NULL.
   */
  void (*drop)(void *userdata);
} ks_store_vtable;

/**
 * What is known of a snapshot. Everything that it points to lives as long as the snapshot. A text
 * that was not given is NULL. Set `struct_size` before the call.
 */
typedef struct {
  /**
   * `sizeof(ks_snapshot_info)`.
   */
  size_t struct_size;
  /**
   * Its number in the timeline.
   */
  uint64_t sequence;
  /**
   * When it was saved, in milliseconds since 1970.
   */
  uint64_t time;
  /**
   * The length of the state in bytes.
   */
  uint64_t length;
  /**
   * How many bytes its record takes in the store.
   */
  uint64_t stored;
  /**
   * 32 bytes that prove its content and all of its history.
   */
  const uint8_t *id;
  /**
   * The 32 bytes of the snapshot before; zeros for the first.
   */
  const uint8_t *parent;
  /**
   * `agent/session@17`, percent-encoded.
   */
  const char *reference;
  /**
   * Its length.
   */
  size_t reference_len;
  /**
   * How the state's bytes are to be read: `msgpack`, `json`, `bytes` or one's own.
   */
  const char *encoding;
  /**
   * Its length.
   */
  size_t encoding_len;
  /**
   * A short name for people.
   */
  const char *label;
  /**
   * Its length.
   */
  size_t label_len;
  /**
   * A longer text for people.
   */
  const char *description;
  /**
   * Its length.
   */
  size_t description_len;
  /**
   * The version of the user's schema.
   */
  const char *schema;
  /**
   * Its length.
   */
  size_t schema_len;
  /**
   * What makes a retry the same snapshot.
   */
  const char *idempotency_key;
  /**
   * Its length.
   */
  size_t idempotency_key_len;
  /**
   * Whatever the user added, as a MessagePack map.
   */
  const uint8_t *user;
  /**
   * Its length.
   */
  size_t user_len;
} ks_snapshot_info;

/**
 * How a timeline is kept. All zeros are the defaults.
 */
typedef struct {
  /**
   * `sizeof(ks_timeline_options)`.
   */
  size_t struct_size;
  /**
   * `KS_TIMELINE_...`, added up.
   */
  uint32_t flags;
  /**
   * The level of zstd; 0 is the default.
   */
  int32_t level;
  /**
   * How many bytes are held in memory; 0 is the default.
   */
  uint64_t cache_bytes;
} ks_timeline_options;

/**
 * What is said of a snapshot. All zeros are the defaults; NULL is nothing said.
 */
typedef struct {
  /**
   * `sizeof(ks_save_options)`.
   */
  size_t struct_size;
  /**
   * `KS_SAVE_...`, added up.
   */
  uint32_t flags;
  /**
   * 0.
   */
  uint32_t reserved;
  /**
   * See `KS_SAVE_ONTO`.
   */
  uint64_t onto;
  /**
   * In milliseconds since 1970; 0 is now.
   */
  uint64_t time;
  /**
   * How the bytes are to be read: `msgpack`, `json` or one's own; NULL is `bytes`.
   */
  const char *encoding;
  /**
   * Its length.
   */
  size_t encoding_len;
  /**
   * A short name for people.
   */
  const char *label;
  /**
   * Its length.
   */
  size_t label_len;
  /**
   * A longer text for people.
   */
  const char *description;
  /**
   * Its length.
   */
  size_t description_len;
  /**
   * The version of the user's schema.
   */
  const char *schema;
  /**
   * Its length.
   */
  size_t schema_len;
  /**
   * Makes a retry the same snapshot.
   */
  const char *idempotency_key;
  /**
   * Its length.
   */
  size_t idempotency_key_len;
  /**
   * Whatever the user adds, as a MessagePack map.
   */
  const uint8_t *user;
  /**
   * Its length.
   */
  size_t user_len;
} ks_save_options;

/**
 * Which snapshots are listed. All zeros are all, from the oldest on.
 */
typedef struct {
  /**
   * `sizeof(ks_page_options)`.
   */
  size_t struct_size;
  /**
   * `KS_PAGE_...`, added up.
   */
  uint32_t flags;
  /**
   * 0.
   */
  uint32_t reserved;
  /**
   * Only later ones than this number; 0 is no bound.
   */
  uint64_t after;
  /**
   * Only earlier ones than this number; 0 is no bound.
   */
  uint64_t before;
  /**
   * At most so many; 0 is all.
   */
  uint64_t limit;
} ks_page_options;

/**
 * How a single file is written, and what it says. All zeros are the defaults; NULL is nothing
 * said.
 */
typedef struct {
  /**
   * `sizeof(ks_file_options)`.
   */
  size_t struct_size;
  /**
   * `KS_FILE_...`, added up.
   */
  uint32_t flags;
  /**
   * The codec's level; see `KS_FILE_LEVEL`.
   */
  int32_t level;
  /**
   * The codec of a `.ks` file; NULL is `zstd`. In the others the name tells it.
   */
  const char *codec;
  /**
   * Its length.
   */
  size_t codec_len;
  /**
   * How the state is to be read; NULL is `bytes` in a `.ks` file and `json` in the others.
   */
  const char *encoding;
  /**
   * Its length.
   */
  size_t encoding_len;
  /**
   * The agent whose state it is.
   */
  const char *agent;
  /**
   * Its length.
   */
  size_t agent_len;
  /**
   * The session that it belongs to.
   */
  const char *session;
  /**
   * Its length.
   */
  size_t session_len;
  /**
   * The number of the snapshot; see `KS_FILE_INDEX`.
   */
  uint64_t index;
  /**
   * In milliseconds since 1970; 0 is now.
   */
  uint64_t time;
  /**
   * A short name.
   */
  const char *label;
  /**
   * Its length.
   */
  size_t label_len;
  /**
   * A sentence.
   */
  const char *description;
  /**
   * Its length.
   */
  size_t description_len;
  /**
   * The user's own metadata: the text of a JSON object.
   */
  const char *user;
  /**
   * Its length.
   */
  size_t user_len;
} ks_file_options;

/**
 * How a queue works. All zeros are the defaults.
 */
typedef struct {
  /**
   * `sizeof(ks_queue_options)`.
   */
  size_t struct_size;
  /**
   * How many threads; 0 is one for each processor, at most 4.
   */
  uint32_t threads;
  /**
   * 0.
   */
  uint32_t reserved;
} ks_queue_options;

/**
 * An operation that is complete. This struct never grows.
 */
typedef struct {
  /**
   * What was given when it was started.
   */
  uint64_t tag;
  /**
   * The operation. It still is to be finished and freed.
   */
  ks_op *op;
  /**
   * How it ended.
   */
  ks_status status;
  /**
   * 0.
   */
  uint32_t reserved;
} ks_completion;

/**
 * The call did what it says.
 */
#define KS_OK 0

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the binary interface that the library has. It changes when something that exists
 * changes its meaning; what is added shows in `ks_features`.
 */
uint32_t ks_abi_version(void);

/**
 * The version of the library, as `1.2.3`.
 */
const char *ks_version(void);

/**
 * What the library has, as words with a space between: `memory vtable timeline ...`.
 */
const char *ks_features(void);

/**
 * Makes an error, for stores of one's own (`ks_store_vtable`). The answer is what was made, or
 * NULL if `code` is `KS_OK` or not in the table, or if the message is not UTF-8.
 */
ks_error *ks_error_new(ks_status code, const char *message, size_t message_len);

/**
 * The code: the same as the status of the call that gave the error. `KS_OK` for NULL.
 */
ks_status ks_error_code(const ks_error *error);

/**
 * The stable name of the code, as `NOT_FOUND`.
 */
const char *ks_error_name(const ks_error *error, size_t *len);

/**
 * What happened, and what to do.
 */
const char *ks_error_message(const ks_error *error, size_t *len);

/**
 * Whether the same call may succeed when it is made again.
 */
bool ks_error_retryable(const ks_error *error);

/**
 * The text of a cause, the nearest first; NULL behind the last.
 */
const char *ks_error_cause(const ks_error *error, size_t index, size_t *len);

/**
 * The store's key that it is about, or NULL.
 */
const char *ks_error_key(const ks_error *error, size_t *len);

/**
 * The timeline that it is about, as `agent/session`, or NULL.
 */
const char *ks_error_timeline(const ks_error *error, size_t *len);

/**
 * The JSON pointer that it is about, or NULL.
 */
const char *ks_error_pointer(const ks_error *error, size_t *len);

/**
 * The path of the file or folder that it is about, or NULL.
 */
const char *ks_error_path(const ks_error *error, size_t *len);

/**
 * The number of the log's segment that it is about; false if there is none.
 */
bool ks_error_segment(const ks_error *error, uint64_t *segment);

/**
 * The offset in the segment or file that it is about; false if there is none.
 */
bool ks_error_offset(const ks_error *error, uint64_t *offset);

/**
 * Ends an error. NULL is allowed.
 */
void ks_error_free(ks_error *error);

/**
 * Makes bytes of the library's own from the caller's, for the answers of a `ks_store_vtable`.
 */
ks_status ks_bytes_copy(const uint8_t *data, size_t data_len, ks_bytes *out, ks_error **error);

/**
 * Ends lent bytes and empties the struct, so that a second call does nothing. NULL is allowed.
 */
void ks_bytes_free(ks_bytes *bytes);

/**
 * Ends lent bytes by their owner alone, for finalizers. NULL is allowed.
 */
void ks_owner_free(ks_owner *owner);

/**
 * Opens a store: `memory:`; `file:PATH` or just a path, the embedded log in a folder; `dir:PATH`,
 * plain files in a folder. `options` may be NULL.
 */
ks_status ks_store_open(const char *url,
                        size_t url_len,
                        const ks_store_options *options,
                        ks_store **out,
                        ks_error **error);

/**
 * What the store can do.
 */
ks_status ks_store_supports(const ks_store *store, ks_supports *out, ks_error **error);

/**
 * Reads a value. `options` and `version` may be NULL. A key that is not there is `KS_NOT_FOUND`;
 * `KS_OK` always comes with an owner in `value`.
 */
ks_status ks_store_get(const ks_store *store,
                       const char *key,
                       size_t key_len,
                       const ks_get_options *options,
                       ks_bytes *value,
                       ks_bytes *version,
                       ks_error **error);

/**
 * Writes a value. `options` and `version`, which gets the new version, may be NULL.
 */
ks_status ks_store_put(const ks_store *store,
                       const char *key,
                       size_t key_len,
                       const uint8_t *value,
                       size_t value_len,
                       const ks_put_options *options,
                       ks_bytes *version,
                       ks_error **error);

/**
 * Removes a value; what is absent is no error. With a version (else NULL) only that one.
 */
ks_status ks_store_delete(const ks_store *store,
                          const char *key,
                          size_t key_len,
                          const char *version,
                          size_t version_len,
                          ks_error **error);

/**
 * Makes everything acknowledged so far durable.
 */
ks_status ks_store_flush(const ks_store *store, ks_error **error);

/**
 * Does the maintenance that is due, now.
 */
ks_status ks_store_compact(const ks_store *store, ks_error **error);

/**
 * Figures for people, as one JSON object: `{"kind":"memory","entries":1,...}`.
 */
ks_status ks_store_stats(const ks_store *store, ks_bytes *json, ks_error **error);

/**
 * Reads everything and checks every checksum. Damage is in the report, not a failed call.
 */
ks_status ks_store_verify(const ks_store *store, ks_report **out, ks_error **error);

/**
 * Waits for the calls and operations that are under way and closes. After it returns no callback
 * of this store runs any more, and all calls are `KS_CLOSED`. Closing again does nothing.
 */
ks_status ks_store_close(const ks_store *store, ks_error **error);

/**
 * Closes, if that was not done, and ends the handle. NULL is allowed.
 */
void ks_store_free(ks_store *store);

/**
 * An empty batch.
 */
ks_status ks_batch_new(ks_batch **out, ks_error **error);

/**
 * Adds a put. The value is copied. A key may occur once in a batch.
 */
ks_status ks_batch_put(const ks_batch *batch,
                       const char *key,
                       size_t key_len,
                       const uint8_t *value,
                       size_t value_len,
                       const ks_put_options *options,
                       ks_error **error);

/**
 * Adds a delete; with a version (else NULL) only of that one.
 */
ks_status ks_batch_delete(const ks_batch *batch,
                          const char *key,
                          size_t key_len,
                          const char *version,
                          size_t version_len,
                          ks_error **error);

/**
 * Adds a check, which writes nothing: the key must have this version, or with NULL be absent.
 */
ks_status ks_batch_check(const ks_batch *batch,
                         const char *key,
                         size_t key_len,
                         const char *version,
                         size_t version_len,
                         ks_error **error);

/**
 * Applies all steps or none. Either way the batch is empty afterwards and can be filled again.
 */
ks_status ks_store_commit(const ks_store *store, const ks_batch *batch, ks_error **error);

/**
 * The version that the put of this index (puts alone are counted, from 0) got in the last commit;
 * NULL if there is none. It lives until the next commit of the batch.
 */
const char *ks_batch_version(const ks_batch *batch, size_t index, size_t *len);

/**
 * Ends a batch; what it holds is not applied. NULL is allowed.
 */
void ks_batch_free(ks_batch *batch);

/**
 * Begins to list the keys that begin with `prefix`, in the order of their bytes. Nothing is read
 * yet. `options` may be NULL.
 */
ks_status ks_store_list(const ks_store *store,
                        const char *prefix,
                        size_t prefix_len,
                        const ks_list_options *options,
                        ks_iter **out,
                        ks_error **error);

/**
 * Gives the next entries, at most `capacity`; none are left if `count` is 0. What the entries
 * point to lives until the next call on the iterator.
 */
ks_status ks_iter_next_batch(const ks_iter *iter,
                             ks_entry *entries,
                             size_t capacity,
                             size_t *count,
                             ks_error **error);

/**
 * Ends a listing. NULL is allowed.
 */
void ks_iter_free(ks_iter *iter);

/**
 * Adds an entry, which is copied. An error says that it does not belong here; answer `list` with
 * it.
 */
ks_status ks_sink_add(ks_sink *sink, const ks_entry *entry, ks_error **error);

/**
 * Says that no entries follow.
 */
ks_status ks_sink_end(ks_sink *sink, ks_error **error);

/**
 * Makes a store of a table, which is copied. If the call fails, `drop` is not called.
 */
ks_status ks_store_from_vtable(const ks_store_vtable *vtable, ks_store **out, ks_error **error);

/**
 * How many snapshots (of a timeline) or steps (of a store) were read.
 */
uint64_t ks_report_items(const ks_report *report);

/**
 * How many bytes they have together.
 */
uint64_t ks_report_bytes(const ks_report *report);

/**
 * How many problems were found; 0 means that all is well.
 */
size_t ks_report_count(const ks_report *report);

/**
 * A problem, as long as the report lives; NULL behind the last. It must not be freed.
 */
const ks_error *ks_report_problem(const ks_report *report, size_t index);

/**
 * Ends a report. NULL is allowed.
 */
void ks_report_free(ks_report *report);

/**
 * Tells what is known of a snapshot.
 */
ks_status ks_snapshot_read(const ks_snapshot *snapshot, ks_snapshot_info *out, ks_error **error);

/**
 * Ends a snapshot that a call handed out (not one that a listing lent). NULL is allowed.
 */
void ks_snapshot_free(ks_snapshot *snapshot);

/**
 * The timeline of any two texts. Nothing is read yet. `options` may be NULL.
 */
ks_status ks_timeline_open(const ks_store *store,
                           const char *agent,
                           size_t agent_len,
                           const char *session,
                           size_t session_len,
                           const ks_timeline_options *options,
                           ks_timeline **out,
                           ks_error **error);

/**
 * The timeline of a reference `agent/session`, in which `/ @ # %` of the names are
 * percent-encoded.
 */
ks_status ks_timeline_open_ref(const ks_store *store,
                               const char *reference,
                               size_t reference_len,
                               const ks_timeline_options *options,
                               ks_timeline **out,
                               ks_error **error);

/**
 * Saves a state as the next snapshot, and waits until the store has acknowledged it. `options` and
 * `snapshot`, which gets what was saved, may be NULL.
 */
ks_status ks_timeline_save(const ks_timeline *timeline,
                           const uint8_t *state,
                           size_t state_len,
                           const ks_save_options *options,
                           ks_snapshot **snapshot,
                           ks_error **error);

/**
 * Restores the bytes of a snapshot: `@17`, `@latest`, `#tag`; NULL is the latest. `snapshot` may
 * be NULL. After a CONFLICT this also says that you have looked, so that saves are taken again.
 */
ks_status ks_timeline_restore(const ks_timeline *timeline,
                              const char *at,
                              size_t at_len,
                              ks_bytes *state,
                              ks_snapshot **snapshot,
                              ks_error **error);

/**
 * What is known of a snapshot, without its state. `at` as in `ks_timeline_restore`.
 */
ks_status ks_timeline_show(const ks_timeline *timeline,
                           const char *at,
                           size_t at_len,
                           ks_snapshot **snapshot,
                           ks_error **error);

/**
 * Removes all snapshots; numbers never restart. `count`, which gets how many numbers went, may be
 * NULL.
 */
ks_status ks_timeline_delete(const ks_timeline *timeline, uint64_t *count, ks_error **error);

/**
 * Reads everything, proves every id and rebuilds every state. Damage is in the report, not a
 * failed call.
 */
ks_status ks_timeline_verify(const ks_timeline *timeline, ks_report **out, ks_error **error);

/**
 * Ends a timeline's handle. NULL is allowed.
 */
void ks_timeline_free(ks_timeline *timeline);

/**
 * Begins to list the snapshots. Nothing is read yet. `options` may be NULL.
 */
ks_status ks_timeline_list(const ks_timeline *timeline,
                           const ks_page_options *options,
                           ks_snapshots **out,
                           ks_error **error);

/**
 * Lends the next snapshots, at most `capacity`, until the next call on the listing; none are left
 * if `count` is 0. They must not be freed.
 */
ks_status ks_snapshots_next_batch(const ks_snapshots *snapshots,
                                  const ks_snapshot **out,
                                  size_t capacity,
                                  size_t *count,
                                  ks_error **error);

/**
 * Ends a listing. NULL is allowed.
 */
void ks_snapshots_free(ks_snapshots *snapshots);

/**
 * Writes a single file at a key of a store, in place of what is there. `options` may be NULL.
 */
ks_status ks_file_save(const ks_store *store,
                       const char *key,
                       size_t key_len,
                       const uint8_t *state,
                       size_t state_len,
                       const ks_file_options *options,
                       ks_error **error);

/**
 * Restores the state of a single file at a key of a store, its hash proven. `file` may be NULL.
 */
ks_status ks_file_restore(const ks_store *store,
                          const char *key,
                          size_t key_len,
                          ks_bytes *state,
                          ks_file **file,
                          ks_error **error);

/**
 * What a single file at a key of a store says of its state, which is not proven.
 */
ks_status ks_file_show(const ks_store *store,
                       const char *key,
                       size_t key_len,
                       ks_file **file,
                       ks_error **error);

/**
 * Writes a single file at a path, durably, and whole or not at all. `options` may be NULL.
 */
ks_status ks_file_save_path(const char *path,
                            size_t path_len,
                            const uint8_t *state,
                            size_t state_len,
                            const ks_file_options *options,
                            ks_error **error);

/**
 * Restores the state of a single file at a path, its hash proven. `file` may be NULL.
 */
ks_status ks_file_restore_path(const char *path,
                               size_t path_len,
                               ks_bytes *state,
                               ks_file **file,
                               ks_error **error);

/**
 * What a single file at a path says of its state, which is not proven.
 */
ks_status ks_file_show_path(const char *path, size_t path_len, ks_file **file, ks_error **error);

/**
 * The metadata as one JSON object: agent, session, index, time, label, description, encoding,
 * size, hash and the user's own under `metadata`, as far as they are known.
 */
ks_status ks_file_json(const ks_file *file, ks_bytes *json, ks_error **error);

/**
 * Ends what a file says. NULL is allowed.
 */
void ks_file_free(ks_file *file);

/**
 * A queue with threads of its own. `options` may be NULL.
 */
ks_status ks_queue_new(const ks_queue_options *options, ks_queue **out, ks_error **error);

/**
 * Waits until something is complete, at most `timeout_ms` (negative: for ever), and gives as many
 * completions as are there, at most `capacity`. `count` is 0 after the time, and after a wake.
 */
ks_status ks_queue_wait(const ks_queue *queue,
                        int64_t timeout_ms,
                        ks_completion *out,
                        size_t capacity,
                        size_t *count,
                        ks_error **error);

/**
 * The same without waiting.
 */
ks_status ks_queue_take(const ks_queue *queue,
                        ks_completion *out,
                        size_t capacity,
                        size_t *count,
                        ks_error **error);

/**
 * Lets one wait return with nothing: the present one, or else the next.
 */
ks_status ks_queue_wake(const ks_queue *queue, ks_error **error);

/**
 * A file descriptor that is readable while completions are there (or after a wake), for an event
 * loop. Do not read it: `ks_queue_take` does. It lives as long as the queue. Linux only, else
 * `KS_UNSUPPORTED`.
 */
ks_status ks_queue_fd(const ks_queue *queue, int32_t *fd, ks_error **error);

/**
 * Ends a queue. What has not begun is aborted, what has is waited for; the operations stay until
 * they are freed. NULL is allowed.
 */
void ks_queue_free(ks_queue *queue);

/**
 * Whether the operation is complete.
 */
bool ks_op_is_done(const ks_op *op);

/**
 * Asks an operation to end early. It completes in any case: with `KS_ABORTED`, or with its true
 * result where it was too late. Wait for the completion as ever.
 */
ks_status ks_op_cancel(const ks_op *op, ks_error **error);

/**
 * Ends an operation's handle. One that is not complete is cancelled, and its completion is not
 * delivered. NULL is allowed.
 */
void ks_op_free(ks_op *op);

/**
 * Starts `ks_store_get`.
 */
ks_status ks_store_get_start(const ks_store *store,
                             const char *key,
                             size_t key_len,
                             const ks_get_options *options,
                             const ks_queue *queue,
                             uint64_t tag,
                             ks_op **op,
                             ks_error **error);

/**
 * Takes the result of `ks_store_get_start`. `version` may be NULL.
 */
ks_status ks_store_get_finish(const ks_op *op,
                              ks_bytes *value,
                              ks_bytes *version,
                              ks_error **error);

/**
 * Starts `ks_store_put`.
 */
ks_status ks_store_put_start(const ks_store *store,
                             const char *key,
                             size_t key_len,
                             const uint8_t *value,
                             size_t value_len,
                             const ks_put_options *options,
                             const ks_queue *queue,
                             uint64_t tag,
                             ks_op **op,
                             ks_error **error);

/**
 * Takes the result of `ks_store_put_start`. `version` may be NULL.
 */
ks_status ks_store_put_finish(const ks_op *op, ks_bytes *version, ks_error **error);

/**
 * Starts `ks_timeline_save`. Saves of one timeline land in the order in which they were called.
 */
ks_status ks_timeline_save_start(const ks_timeline *timeline,
                                 const uint8_t *state,
                                 size_t state_len,
                                 const ks_save_options *options,
                                 const ks_queue *queue,
                                 uint64_t tag,
                                 ks_op **op,
                                 ks_error **error);

/**
 * Takes the result of `ks_timeline_save_start`. `snapshot` may be NULL.
 */
ks_status ks_timeline_save_finish(const ks_op *op, ks_snapshot **snapshot, ks_error **error);

/**
 * Starts `ks_timeline_restore`.
 */
ks_status ks_timeline_restore_start(const ks_timeline *timeline,
                                    const char *at,
                                    size_t at_len,
                                    const ks_queue *queue,
                                    uint64_t tag,
                                    ks_op **op,
                                    ks_error **error);

/**
 * Takes the result of `ks_timeline_restore_start`. `snapshot` may be NULL.
 */
ks_status ks_timeline_restore_finish(const ks_op *op,
                                     ks_bytes *state,
                                     ks_snapshot **snapshot,
                                     ks_error **error);

/**
 * The levels that a codec takes. Each place may be NULL.
 */
ks_status ks_codec_levels(const char *name,
                          size_t name_len,
                          int32_t *min,
                          int32_t *max,
                          int32_t *normal,
                          ks_error **error);

/**
 * Compresses. `level` is one that the codec takes, or `KS_LEVEL_DEFAULT`.
 */
ks_status ks_codec_compress(const char *name,
                            size_t name_len,
                            int32_t level,
                            const uint8_t *data,
                            size_t data_len,
                            ks_bytes *out,
                            ks_error **error);

/**
 * Decompresses to at most `bound` bytes; more is `KS_VALUE_TOO_LARGE`, and never much more is
 * used.
 */
ks_status ks_codec_decompress(const char *name,
                              size_t name_len,
                              const uint8_t *data,
                              size_t data_len,
                              size_t bound,
                              ks_bytes *out,
                              ks_error **error);

/**
 * The digest of bytes: 32 bytes, or 4 of `crc32c` (its number, the highest byte first).
 */
ks_status ks_digest(const char *name,
                    size_t name_len,
                    const uint8_t *data,
                    size_t data_len,
                    uint8_t *out,
                    size_t capacity,
                    size_t *written,
                    ks_error **error);

/**
 * Begins a digest.
 */
ks_status ks_hasher_new(const char *name, size_t name_len, ks_hasher **out, ks_error **error);

/**
 * Adds bytes.
 */
ks_status ks_hasher_update(const ks_hasher *hasher,
                           const uint8_t *data,
                           size_t data_len,
                           ks_error **error);

/**
 * The digest of all that was added so far. More may be added after it.
 */
ks_status ks_hasher_finish(const ks_hasher *hasher,
                           uint8_t *out,
                           size_t capacity,
                           size_t *written,
                           ks_error **error);

/**
 * Ends a digest. NULL is allowed.
 */
void ks_hasher_free(ks_hasher *hasher);

/**
 * Bytes as lower-case hexadecimal text, two digits for each, without a NUL behind them.
 */
ks_status ks_hex_encode(const uint8_t *data,
                        size_t data_len,
                        char *out,
                        size_t capacity,
                        size_t *written,
                        ks_error **error);

/**
 * The bytes of hexadecimal text; digits of either case.
 */
ks_status ks_hex_decode(const char *text,
                        size_t text_len,
                        uint8_t *out,
                        size_t capacity,
                        size_t *written,
                        ks_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* KEEPSTATE_H */
