/* Timelines: saved states come back exactly, over every kind of store, after reopening too. */
#include "check.h"

enum { STEPS = 60, SIZE = 20000 };

/* The state after a step: most of it stays as it was. */
static size_t state_after(int step, uint8_t *state) {
  uint32_t seed = 1;
  for (size_t i = 0; i < SIZE; i++) {
    seed = seed * 1664525u + 1013904223u;
    state[i] = (uint8_t)('a' + (seed >> 24) % 26);
  }
  for (int i = 0; i <= step; i++) state[(size_t)i * 331 % SIZE] = (uint8_t)('A' + i % 26);
  return SIZE - (size_t)step;
}

static ks_timeline *timeline_of(const ks_store *store, const char *reference) {
  ks_timeline *timeline = NULL;
  OK(ks_timeline_open_ref(store, reference, KS_NUL, NULL, &timeline, &error));
  return timeline;
}

static void all_come_back(const ks_timeline *timeline) {
  static uint8_t state[SIZE];
  for (int step = 0; step < STEPS; step++) {
    char at[16];
    snprintf(at, sizeof at, "@%d", step + 1);
    ZEROED(ks_bytes, restored);
    ks_snapshot *snapshot = NULL;
    OK(ks_timeline_restore(timeline, at, KS_NUL, &restored, &snapshot, &error));
    size_t length = state_after(step, state);
    CHECK(restored.len == length && memcmp(restored.ptr, state, length) == 0);
    OPTIONS(ks_snapshot_info, info);
    OK(ks_snapshot_read(snapshot, &info, &error));
    CHECK(info.sequence == (uint64_t)step + 1 && info.length == length);
    ks_snapshot_free(snapshot);
    ks_bytes_free(&restored);
  }
}

static void lives_in(const char *url) {
  static uint8_t state[SIZE];
  ks_store *store = open_url(url);
  ks_timeline *timeline = timeline_of(store, "planner/run-42");
  for (int step = 0; step < STEPS; step++) {
    size_t length = state_after(step, state);
    ks_snapshot *snapshot = NULL;
    OK(ks_timeline_save(timeline, state, length, NULL, &snapshot, &error));
    OPTIONS(ks_snapshot_info, info);
    OK(ks_snapshot_read(snapshot, &info, &error));
    CHECK(info.sequence == (uint64_t)step + 1 && info.time > 0);
    CHECK(step == 0 || info.stored < 2000);
    ks_snapshot_free(snapshot);
  }
  all_come_back(timeline);
  ks_report *report = NULL;
  OK(ks_timeline_verify(timeline, &report, &error));
  CHECK(ks_report_items(report) == STEPS && ks_report_count(report) == 0);
  CHECK(ks_report_bytes(report) > (uint64_t)STEPS * (SIZE - STEPS));
  ks_report_free(report);
  ks_timeline_free(timeline);
  ks_store_free(store);
}

static void in_memory(void) { lives_in("memory:"); }

static void in_folders_and_after_reopening(void) {
  static const char *const schemes[] = {"file:", "dir:"};
  for (int i = 0; i < 2; i++) {
    char url[1024];
    snprintf(url, sizeof url, "%s%s%d", schemes[i], in_folder("timeline"), i);
    lives_in(url);
    ks_store *store = open_url(url);
    ks_timeline *timeline = timeline_of(store, "planner/run-42");
    all_come_back(timeline);
    ks_timeline_free(timeline);
    ks_store_free(store);
  }
}

static int is(const char *text, size_t length, const char *wanted) {
  return text != NULL && length == strlen(wanted) && memcmp(text, wanted, length) == 0;
}

static void metadata_comes_back(void) {
  ks_store *store = open_url("memory:");
  ks_timeline *timeline = NULL;
  OPTIONS(ks_timeline_options, kept);
  kept.flags = KS_TIMELINE_FULL_INTEGRITY;
  kept.level = 3;
  kept.cache_bytes = 1 << 20;
  OK(ks_timeline_open(store, "a/b", 3, "c@d", 3, &kept, &timeline, &error));
  OPTIONS(ks_save_options, said);
  said.encoding = "json";
  said.label = "after the search";
  said.description = "a longer text";
  said.schema = "2.0";
  said.idempotency_key = "step-1";
  said.encoding_len = said.label_len = said.description_len = KS_NUL;
  said.schema_len = said.idempotency_key_len = KS_NUL;
  said.user = bytes_of("\x81\xa1k\x01");
  said.user_len = 4;
  said.time = 1700000000000u;
  OK(ks_timeline_save(timeline, bytes_of("{}"), 2, &said, NULL, &error));
  ks_snapshot *snapshot = NULL;
  OK(ks_timeline_show(timeline, NULL, 0, &snapshot, &error));
  OPTIONS(ks_snapshot_info, info);
  OK(ks_snapshot_read(snapshot, &info, &error));
  CHECK(is(info.reference, info.reference_len, "a%2Fb/c%40d@1"));
  CHECK(is(info.encoding, info.encoding_len, "json"));
  CHECK(is(info.label, info.label_len, "after the search"));
  CHECK(is(info.description, info.description_len, "a longer text"));
  CHECK(is(info.schema, info.schema_len, "2.0"));
  CHECK(is(info.idempotency_key, info.idempotency_key_len, "step-1"));
  CHECK(info.user_len == 4 && info.time == 1700000000000u);
  uint8_t zeros[32] = {0};
  CHECK(memcmp(info.parent, zeros, 32) == 0 && memcmp(info.id, zeros, 32) != 0);
  ks_snapshot_free(snapshot);

  OK(ks_timeline_save(timeline, bytes_of("x"), 1, NULL, &snapshot, &error));
  OK(ks_snapshot_read(snapshot, &info, &error));
  CHECK(is(info.encoding, info.encoding_len, "bytes") && info.label == NULL);
  ks_snapshot_free(snapshot);
  OPTIONS(ks_save_options, packed);
  packed.encoding = "msgpack";
  packed.encoding_len = 7;
  OK(ks_timeline_save(timeline, bytes_of("\x80"), 1, &packed, &snapshot, &error));
  OK(ks_snapshot_read(snapshot, &info, &error));
  CHECK(is(info.encoding, info.encoding_len, "msgpack"));
  ks_snapshot_free(snapshot);
  ks_timeline_free(timeline);
  ks_store_free(store);
}

static void pages_follow_each_other(void) {
  ks_store *store = open_url("memory:");
  ks_timeline *timeline = timeline_of(store, "a/b");
  for (int i = 0; i < 300; i++) {
    OK(ks_timeline_save(timeline, (const uint8_t *)&i, sizeof i, NULL, NULL, &error));
  }
  const ks_snapshot *lent[100];
  OPTIONS(ks_page_options, page);
  for (int newest_first = 0; newest_first < 2; newest_first++) {
    page.flags = newest_first ? KS_PAGE_NEWEST_FIRST : 0;
    ks_snapshots *list = NULL;
    OK(ks_timeline_list(timeline, newest_first ? &page : NULL, &list, &error));
    size_t count = 1, total = 0;
    while (count > 0) {
      OK(ks_snapshots_next_batch(list, lent, 100, &count, &error));
      for (size_t i = 0; i < count; i++, total++) {
        OPTIONS(ks_snapshot_info, info);
        OK(ks_snapshot_read(lent[i], &info, &error));
        CHECK(info.sequence == (newest_first ? 300 - total : total + 1));
      }
    }
    CHECK(total == 300);
    ks_snapshots_free(list);
  }
  page.flags = 0;
  page.after = 10;
  page.before = 20;
  page.limit = 5;
  ks_snapshots *list = NULL;
  OK(ks_timeline_list(timeline, &page, &list, &error));
  size_t count = 0;
  OK(ks_snapshots_next_batch(list, lent, 100, &count, &error));
  CHECK(count == 5);
  OK(ks_snapshots_next_batch(list, lent, 100, &count, &error));
  CHECK(count == 0);
  ks_snapshots_free(list);
  ks_timeline_free(timeline);
  ks_store_free(store);
}

static void the_first_of_two_writers_wins(void) {
  ks_store *store = open_url("memory:");
  ks_timeline *one = timeline_of(store, "a/b"), *two = timeline_of(store, "a/b");
  OK(ks_timeline_save(one, bytes_of("1"), 1, NULL, NULL, &error));
  OK(ks_timeline_save(two, bytes_of("2"), 1, NULL, NULL, &error));
  ks_status status = ks_timeline_save(one, bytes_of("3"), 1, NULL, NULL, &error);
  CHECK(status == KS_CONFLICT && strcmp(ks_error_timeline(error, NULL), "a/b") == 0);
  ks_error_free(error);
  error = NULL;
  ZEROED(ks_bytes, state);
  OK(ks_timeline_restore(one, "latest", KS_NUL, &state, NULL, &error));
  CHECK(is_text(&state, "2"));
  ks_bytes_free(&state);
  OPTIONS(ks_save_options, options);
  options.flags = KS_SAVE_ONTO;
  options.onto = 1;
  EXPECT(KS_CONFLICT, ks_timeline_save(one, bytes_of("3"), 1, &options, NULL, &error));
  options.onto = 2;
  OK(ks_timeline_save(one, bytes_of("3"), 1, &options, NULL, &error));
  options.flags = 0;
  EXPECT(KS_INVALID_ARGUMENT, ks_timeline_save(one, NULL, 0, &options, NULL, &error));
  ks_timeline_free(one);
  ks_timeline_free(two);
  ks_store_free(store);
}

static void damage_is_reported(void) {
  ks_store *store = open_url("memory:");
  ks_timeline *timeline = timeline_of(store, "a/b");
  OK(ks_timeline_save(timeline, bytes_of("1"), 1, NULL, NULL, &error));
  OK(ks_timeline_save(timeline, bytes_of("2"), 1, NULL, NULL, &error));
  put(store, "t/a/b/000000000001", "damaged");
  ks_report *report = NULL;
  OK(ks_timeline_verify(timeline, &report, &error));
  CHECK(ks_report_count(report) > 0);
  const ks_error *problem = ks_report_problem(report, 0);
  CHECK(ks_error_code(problem) != KS_OK && ks_error_key(problem, NULL) != NULL);
  ks_report_free(report);
  ks_timeline_free(timeline);
  ks_store_free(store);
}

static void what_is_not_there_is_named(void) {
  ks_store *store = open_url("memory:");
  ks_timeline *timeline = timeline_of(store, "a/b");
  ZEROED(ks_bytes, state);
  ks_snapshot *snapshot = NULL;
  uint64_t count = 9;
  EXPECT(KS_NOT_FOUND, ks_timeline_restore(timeline, NULL, 0, &state, &snapshot, &error));
  CHECK(state.owner == NULL && snapshot == NULL);
  EXPECT(KS_NOT_FOUND, ks_timeline_delete(timeline, &count, &error));
  OK(ks_timeline_save(timeline, NULL, 0, NULL, NULL, &error));
  EXPECT(KS_NOT_FOUND, ks_timeline_show(timeline, "@2", KS_NUL, &snapshot, &error));
  EXPECT(KS_NOT_FOUND, ks_timeline_show(timeline, "#good", KS_NUL, &snapshot, &error));
  EXPECT(KS_INVALID_REF, ks_timeline_show(timeline, "good", KS_NUL, &snapshot, &error));
  OK(ks_timeline_restore(timeline, NULL, 0, &state, NULL, &error));
  CHECK(state.len == 0 && state.ptr != NULL);
  ks_bytes_free(&state);
  OK(ks_timeline_delete(timeline, &count, &error));
  CHECK(count == 1);
  ks_timeline *none = NULL;
  EXPECT(KS_INVALID_REF, ks_timeline_open_ref(store, "a", 1, NULL, &none, &error));
  EXPECT(KS_INVALID_REF, ks_timeline_open_ref(store, "a/b@1", KS_NUL, NULL, &none, &error));
  EXPECT(KS_INVALID_REF, ks_timeline_open(store, "", 0, "b", 1, NULL, &none, &error));
  ks_timeline_free(timeline);
  ks_store_free(store);
}

int main(int count, char **arguments) {
  check_begin(count, arguments);
  RUN(in_memory);
  RUN(in_folders_and_after_reopening);
  RUN(metadata_comes_back);
  RUN(pages_follow_each_other);
  RUN(the_first_of_two_writers_wins);
  RUN(damage_is_reported);
  RUN(what_is_not_there_is_named);
  return check_end();
}
