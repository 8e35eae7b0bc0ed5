/* Stores: every call over each kind of store, and what each says when it is used wrongly. */
#include "check.h"

static void values_come_back(const char *url) {
  ks_store *store = open_url(url);
  ZEROED(ks_bytes, value);
  ZEROED(ks_bytes, version);
  put(store, "a/1", "one");
  OK(ks_store_get(store, "a/1", 3, NULL, &value, &version, &error));
  CHECK(is_text(&value, "one") && value.owner != NULL && version.len > 0);
  ks_bytes_free(&value);
  ks_bytes_free(&version);
  CHECK(value.owner == NULL && value.len == 0 && value.ptr != NULL);
  ks_bytes_free(&value); /* a second time */

  OPTIONS(ks_get_options, part);
  part.offset = 1;
  part.length = 1;
  OK(ks_store_get(store, "a/1", KS_NUL, &part, &value, NULL, &error));
  CHECK(is_text(&value, "n"));
  ks_bytes_free(&value);

  OK(ks_store_put(store, "empty", KS_NUL, NULL, 0, NULL, NULL, &error));
  OK(ks_store_get(store, "empty", KS_NUL, NULL, &value, NULL, &error));
  CHECK(value.len == 0 && value.ptr != NULL && value.owner != NULL);
  ks_owner_free(value.owner);

  EXPECT(KS_NOT_FOUND, ks_store_get(store, "b", KS_NUL, NULL, &value, NULL, &error));
  CHECK(value.owner == NULL);
  OK(ks_store_delete(store, "a/1", KS_NUL, NULL, 0, &error));
  OK(ks_store_delete(store, "a/1", KS_NUL, NULL, 0, &error));
  EXPECT(KS_NOT_FOUND, ks_store_get(store, "a/1", KS_NUL, NULL, &value, NULL, &error));
  ks_store_free(store);
}

static void conditions_hold(const char *url) {
  ks_store *store = open_url(url);
  ZEROED(ks_bytes, version);
  OPTIONS(ks_put_options, options);
  options.mode = KS_PUT_CREATE;
  const uint8_t *one = bytes_of("1");
  OK(ks_store_put(store, "k", 1, one, 1, &options, &version, &error));
  CHECK(version.owner != NULL);
  EXPECT(KS_CONFLICT, ks_store_put(store, "k", 1, one, 1, &options, NULL, &error));
  options.mode = KS_PUT_IF_VERSION;
  options.version = (const char *)version.ptr;
  options.version_len = version.len;
  OK(ks_store_put(store, "k", 1, one, 1, &options, NULL, &error));
  EXPECT(KS_CONFLICT, ks_store_put(store, "k", 1, one, 1, &options, NULL, &error));
  EXPECT(KS_CONFLICT, ks_store_delete(store, "k", 1, options.version, version.len, &error));
  options.mode = KS_PUT_CREATE; /* a version that is not asked for */
  EXPECT(KS_INVALID_ARGUMENT, ks_store_put(store, "k", 1, one, 1, &options, NULL, &error));
  ks_bytes_free(&version);
  ks_store_free(store);
}

static void lists(const char *url) {
  enum { COUNT = 1300 };
  ks_store *store = open_url(url);
  char key[32];
  for (int i = 0; i < COUNT; i++) {
    snprintf(key, sizeof key, "list/%05d", i);
    put(store, key, "x");
  }
  put(store, "other", "y");
  ks_iter *iter = NULL;
  OK(ks_store_list(store, "list/", KS_NUL, NULL, &iter, &error));
  static ks_entry entries[700];
  size_t count = 1, total = 0;
  while (count > 0) {
    OK(ks_iter_next_batch(iter, entries, 700, &count, &error));
    for (size_t i = 0; i < count; i++, total++) {
      snprintf(key, sizeof key, "list/%05d", (int)total);
      CHECK(entries[i].key_len == strlen(key) && memcmp(entries[i].key, key, strlen(key)) == 0);
      CHECK(entries[i].size == 1 && entries[i].version_len > 0 && entries[i].modified > 0);
    }
  }
  CHECK(total == COUNT);
  ks_iter_free(iter);

  OPTIONS(ks_list_options, options);
  options.after = "list/01297";
  options.after_len = KS_NUL;
  options.limit = 1;
  OK(ks_store_list(store, "list/", KS_NUL, &options, &iter, &error));
  OK(ks_iter_next_batch(iter, entries, 700, &count, &error));
  CHECK(count == 1 && memcmp(entries[0].key, "list/01298", 10) == 0);
  OK(ks_iter_next_batch(iter, entries, 700, &count, &error));
  CHECK(count == 0);
  OK(ks_store_close(store, &error));
  ks_iter_free(iter);
  ks_store_free(store);
}

static void tells_of_itself(const char *url, const char *kind) {
  ks_store *store = open_url(url);
  OPTIONS(ks_supports, supports);
  OK(ks_store_supports(store, &supports, &error));
  CHECK(supports.can & KS_CAN_CONDITIONAL_PUT);
  CHECK(supports.can & KS_CAN_START);
  CHECK(supports.max_value > 1000000 && supports.max_batch > 0);
  put(store, "a", "b");
  OK(ks_store_flush(store, &error));
  OK(ks_store_compact(store, &error));
  ZEROED(ks_bytes, json);
  OK(ks_store_stats(store, &json, &error));
  char text[4096];
  snprintf(text, sizeof text, "%.*s", (int)json.len, (const char *)json.ptr);
  CHECK(strstr(text, kind) != NULL && text[0] == '{' && text[json.len - 1] == '}');
  ks_bytes_free(&json);
  ks_report *report = NULL;
  OK(ks_store_verify(store, &report, &error));
  CHECK(ks_report_count(report) == 0 && ks_report_items(report) > 0);
  CHECK(ks_report_problem(report, 0) == NULL);
  ks_report_free(report);
  ks_store_free(store);
}

static void in_memory(void) {
  values_come_back("memory:");
  conditions_hold("memory:");
  lists("memory:");
  tells_of_itself("memory:", "\"kind\":\"memory\"");
}

static const char *url_of(const char *scheme, const char *name) {
  static char url[1024];
  snprintf(url, sizeof url, "%s%s", scheme, in_folder(name));
  return url;
}

static void in_a_log(void) {
  values_come_back(url_of("file:", "log-values"));
  conditions_hold(url_of("", "log-conditions"));
  tells_of_itself(url_of("file://", "log-values"), "\"kind\":\"log\"");
}

static void in_plain_files(void) {
  values_come_back(url_of("dir:", "dir-values"));
  conditions_hold(url_of("dir:", "dir-conditions"));
  tells_of_itself(url_of("dir:", "dir-values"), "\"kind\":\"dir\"");
}

static void a_log_is_there_again(void) {
  OPTIONS(ks_store_options, options);
  ks_store *store = NULL;
  options.flags = KS_OPEN_EXISTING;
  const char *url = url_of("file:", "log-again");
  EXPECT(KS_NOT_FOUND, ks_store_open(url, KS_NUL, &options, &store, &error));
  CHECK(store == NULL);
  options.flags = 0;
  options.durability = KS_DURABILITY_ASYNC;
  OK(ks_store_open(url, KS_NUL, &options, &store, &error));
  put(store, "k", "kept");
  OK(ks_store_flush(store, &error));
  ks_store_free(store);

  options.durability = KS_DURABILITY_DEFAULT;
  options.flags = KS_OPEN_READ_ONLY;
  OK(ks_store_open(url, KS_NUL, &options, &store, &error));
  ZEROED(ks_bytes, value);
  OK(ks_store_get(store, "k", 1, NULL, &value, NULL, &error));
  CHECK(is_text(&value, "kept"));
  ks_bytes_free(&value);
  EXPECT(KS_READ_ONLY, ks_store_put(store, "k", 1, NULL, 0, NULL, NULL, &error));
  ks_store_free(store);
}

static void batches_are_whole(void) {
  ks_store *store = open_url("memory:");
  ks_batch *batch = NULL;
  OK(ks_batch_new(&batch, &error));
  OK(ks_batch_check(batch, "a", 1, NULL, 0, &error));
  OK(ks_batch_put(batch, "b", 1, bytes_of("1"), 1, NULL, &error));
  OK(ks_batch_put(batch, "c", 1, bytes_of("2"), 1, NULL, &error));
  OK(ks_store_commit(store, batch, &error));
  size_t length = 0;
  CHECK(ks_batch_version(batch, 1, &length) != NULL && length > 0);
  CHECK(ks_batch_version(batch, 2, &length) == NULL && length == 0);

  OK(ks_batch_delete(batch, "b", 1, NULL, 0, &error));
  OK(ks_batch_check(batch, "c", 1, "no such version", KS_NUL, &error));
  EXPECT(KS_CONFLICT, ks_store_commit(store, batch, &error));
  CHECK(ks_batch_version(batch, 0, NULL) == NULL);
  OK(ks_store_commit(store, batch, &error)); /* empty after a failure */
  ZEROED(ks_bytes, value);
  OK(ks_store_get(store, "b", 1, NULL, &value, NULL, &error));
  ks_bytes_free(&value);
  ks_batch_free(batch);
  ks_store_free(store);
}

static void times_to_live_end(void) {
  ks_store *store = open_url("memory:");
  OPTIONS(ks_put_options, options);
  options.ttl_ms = 1;
  OK(ks_store_put(store, "k", 1, bytes_of("v"), 1, &options, NULL, &error));
  ZEROED(ks_bytes, value);
  ks_status status = KS_OK;
  while (status == KS_OK) {
    status = ks_store_get(store, "k", 1, NULL, &value, NULL, NULL);
    ks_bytes_free(&value);
  }
  CHECK(status == KS_NOT_FOUND);
  ks_store_free(store);
}

static void closing_is_final(void) {
  ks_store *store = open_url("memory:");
  ks_timeline *timeline = NULL;
  OK(ks_timeline_open(store, "a", 1, "b", 1, NULL, &timeline, &error));
  ks_iter *iter = NULL;
  OK(ks_store_list(store, "", 0, NULL, &iter, &error));
  OK(ks_store_close(store, &error));
  OK(ks_store_close(store, &error));
  ZEROED(ks_bytes, value);
  EXPECT(KS_CLOSED, ks_store_get(store, "k", 1, NULL, &value, NULL, &error));
  EXPECT(KS_CLOSED, ks_store_put(store, "k", 1, NULL, 0, NULL, NULL, &error));
  EXPECT(KS_CLOSED, ks_store_flush(store, &error));
  ks_iter *other = NULL;
  EXPECT(KS_CLOSED, ks_store_list(store, "", 0, NULL, &other, &error));
  ks_store_free(store);
  /* Handles that came of it still answer, and can be ended in any order. */
  ks_entry entry;
  size_t count = 7;
  EXPECT(KS_CLOSED, ks_iter_next_batch(iter, &entry, 1, &count, &error));
  CHECK(count == 0);
  EXPECT(KS_CLOSED, ks_timeline_save(timeline, NULL, 0, NULL, NULL, &error));
  ks_timeline_free(timeline);
  ks_iter_free(iter);
}

static void wrong_urls_are_named(void) {
  ks_store *store = NULL;
  OPTIONS(ks_store_options, options);
  EXPECT(KS_INVALID_CONFIG, ks_store_open("nosuch:x", KS_NUL, NULL, &store, &error));
  EXPECT(KS_INVALID_CONFIG, ks_store_open("memory:x", KS_NUL, NULL, &store, &error));
  EXPECT(KS_INVALID_CONFIG, ks_store_open("file:", KS_NUL, NULL, &store, &error));
  options.durability = KS_DURABILITY_ASYNC;
  EXPECT(KS_INVALID_CONFIG, ks_store_open("memory:", KS_NUL, &options, &store, &error));
  options.durability = 9;
  EXPECT(KS_INVALID_ARGUMENT, ks_store_open("memory:", KS_NUL, &options, &store, &error));
  options.durability = 0;
  options.flags = 64;
  EXPECT(KS_INVALID_ARGUMENT, ks_store_open("memory:", KS_NUL, &options, &store, &error));
  options.flags = KS_OPEN_READ_ONLY;
  EXPECT(KS_UNSUPPORTED, ks_store_open("dir:/tmp", KS_NUL, &options, &store, &error));
  CHECK(store == NULL);
}

int main(int count, char **arguments) {
  check_begin(count, arguments);
  RUN(in_memory);
  RUN(in_a_log);
  RUN(in_plain_files);
  RUN(a_log_is_there_again);
  RUN(batches_are_whole);
  RUN(times_to_live_end);
  RUN(closing_is_final);
  RUN(wrong_urls_are_named);
  return check_end();
}
