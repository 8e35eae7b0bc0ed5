/* What a caller can get wrong is an error with a name, and never a crash where it can be seen. */
#include "check.h"

static void null_is_named(void) {
  ks_store *store = NULL;
  ZEROED(ks_bytes, value);
  size_t count;
  EXPECT(KS_INVALID_ARGUMENT, ks_store_open(NULL, 0, NULL, &store, &error));
  CHECK(store == NULL);
  store = open_url("memory:");
  EXPECT(KS_INVALID_ARGUMENT, ks_store_open("memory:", KS_NUL, NULL, NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_store_get(NULL, "k", 1, NULL, &value, NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_store_get(store, NULL, 1, NULL, &value, NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_store_get(store, "k", 1, NULL, NULL, NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_store_put(store, "k", 1, NULL, 1, NULL, NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_store_flush(NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_store_close(NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_batch_new(NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_store_commit(store, NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_iter_next_batch(NULL, NULL, 0, &count, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_timeline_save(NULL, NULL, 0, NULL, NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_queue_take(NULL, NULL, 0, &count, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_op_cancel(NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_hasher_update(NULL, NULL, 0, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_sink_end(NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_bytes_copy(NULL, 0, NULL, &error));
  /* Nobody wants the error. */
  CHECK(ks_store_flush(NULL, NULL) == KS_INVALID_ARGUMENT);
  ks_store_free(store);
}

static void null_is_nothing_to_free(void) {
  ks_error_free(NULL);
  ks_bytes_free(NULL);
  ks_owner_free(NULL);
  ks_store_free(NULL);
  ks_batch_free(NULL);
  ks_iter_free(NULL);
  ks_timeline_free(NULL);
  ks_snapshot_free(NULL);
  ks_snapshots_free(NULL);
  ks_report_free(NULL);
  ks_file_free(NULL);
  ks_hasher_free(NULL);
  ks_queue_free(NULL);
  ks_op_free(NULL);
  CHECK(ks_error_message(NULL, NULL) == NULL && ks_error_code(NULL) == KS_OK);
  CHECK(ks_report_items(NULL) == 0 && ks_report_bytes(NULL) == 0);
  CHECK(ks_report_count(NULL) == 0 && ks_report_problem(NULL, 0) == NULL);
  CHECK(ks_batch_version(NULL, 0, NULL) == NULL && !ks_op_is_done(NULL));
}

static void texts_are_utf8(void) {
  ks_store *store = open_url("memory:");
  ZEROED(ks_bytes, value);
  EXPECT(KS_INVALID_ARGUMENT, ks_store_get(store, "a\xff", 2, NULL, &value, NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_store_get(store, "\xc3", KS_NUL, NULL, &value, NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_store_get(store, "", 0, NULL, &value, NULL, &error));
  EXPECT(KS_INVALID_ARGUMENT,
         ks_store_put(store, "k", 1, bytes_of("v"), SIZE_MAX / 2 + 1, NULL, NULL, &error));
  /* A NUL is a character like any other, where the length is given. */
  OK(ks_store_put(store, "a\0b", 3, bytes_of("v"), 1, NULL, NULL, &error));
  OK(ks_store_get(store, "a\0b", 3, NULL, &value, NULL, &error));
  ks_bytes_free(&value);
  EXPECT(KS_NOT_FOUND, ks_store_get(store, "a\0b", KS_NUL, NULL, &value, NULL, &error));
  char key[1026];
  memset(key, 'k', sizeof key);
  EXPECT(KS_KEY_TOO_LONG, ks_store_get(store, key, 1025, NULL, &value, NULL, &error));
  ks_store_free(store);
}

static void pointers_are_aligned(void) {
  static uint64_t space[16];
  char *odd = (char *)space + 1;
  EXPECT(KS_INVALID_ARGUMENT, ks_store_flush((const ks_store *)(void *)odd, &error));
}

static void sizes_of_structs_are_checked(void) {
  ks_store *store = open_url("memory:");
  OPTIONS(ks_put_options, options);
  size_t sizes[] = {0, 1, sizeof options - 1, SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    options.struct_size = sizes[i];
    EXPECT(KS_INVALID_ARGUMENT, ks_store_put(store, "k", 1, NULL, 0, &options, NULL, &error));
  }
  /* The struct of a newer header: what is not known must be zeros. */
  struct {
    ks_put_options known;
    uint64_t newer;
  } grown;
  memset(&grown, 0, sizeof grown);
  grown.known.struct_size = sizeof grown;
  OK(ks_store_put(store, "k", 1, NULL, 0, &grown.known, NULL, &error));
  grown.newer = 1;
  EXPECT(KS_UNSUPPORTED, ks_store_put(store, "k", 1, NULL, 0, &grown.known, NULL, &error));

  /* A struct that is filled: only as far as the caller's reaches. */
  struct {
    ks_supports known;
    uint64_t newer;
  } filled;
  memset(&filled, 0x55, sizeof filled);
  filled.known.struct_size = sizeof filled;
  OK(ks_store_supports(store, &filled.known, &error));
  CHECK(filled.newer == 0x5555555555555555u && filled.known.struct_size == sizeof filled);
  filled.known.struct_size = 8;
  EXPECT(KS_INVALID_ARGUMENT, ks_store_supports(store, &filled.known, &error));
  ks_store_free(store);
}

static void errors_say_where(void) {
  ks_store *store = open_url("memory:");
  ZEROED(ks_bytes, value);
  ks_status status = ks_store_get(store, "no/such", KS_NUL, NULL, &value, NULL, &error);
  size_t length = 0;
  CHECK(status == KS_NOT_FOUND && !ks_error_retryable(error));
  CHECK(strcmp(ks_error_name(error, &length), "NOT_FOUND") == 0 && length == 9);
  CHECK(strcmp(ks_error_key(error, &length), "no/such") == 0 && length == 7);
  CHECK(strlen(ks_error_message(error, &length)) == length);
  CHECK(ks_error_timeline(error, NULL) == NULL && ks_error_pointer(error, &length) == NULL);
  uint64_t number = 77;
  CHECK(!ks_error_segment(error, &number) && !ks_error_offset(error, &number) && number == 77);
  CHECK(ks_error_cause(error, 0, NULL) == NULL);
  ks_error_free(error);
  error = NULL;

  OPTIONS(ks_store_options, options);
  options.flags = KS_OPEN_EXISTING;
  ks_store *absent = NULL;
  status = ks_store_open("dir:/no/such/folder", KS_NUL, &options, &absent, &error);
  CHECK(status == KS_NOT_FOUND && ks_error_path(error, &length) != NULL);
  ks_error_free(error);
  error = NULL;
  ks_store_free(store);

  ks_error *made = ks_error_new(KS_UNAVAILABLE, "the moon is down", KS_NUL);
  CHECK(ks_error_code(made) == KS_UNAVAILABLE && ks_error_retryable(made));
  ks_error_free(made);
  CHECK(ks_error_new(KS_OK, "fine", KS_NUL) == NULL);
  CHECK(ks_error_new(4711, "unknown", KS_NUL) == NULL);
  CHECK(ks_error_new(KS_IO, "\xff", KS_NUL) == NULL);
}

static void the_library_says_what_it_is(void) {
  CHECK(ks_abi_version() == KS_ABI_VERSION);
  CHECK(strchr(ks_version(), '.') != NULL);
  CHECK(strstr(ks_features(), "timeline") != NULL);
}

int main(void) {
  RUN(null_is_named);
  RUN(null_is_nothing_to_free);
  RUN(texts_are_utf8);
  RUN(pointers_are_aligned);
  RUN(sizes_of_structs_are_checked);
  RUN(errors_say_where);
  RUN(the_library_says_what_it_is);
  return check_end();
}
