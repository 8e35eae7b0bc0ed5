/* A store given as a table of functions: a whole timeline lives in it, nothing that it says is
 * believed without proof, and it is called on the caller's threads only. */
#include "check.h"
#include "map.h"

static map guest;

static ks_store *begin(uint32_t flags) {
  map_begin(&guest);
  ks_store_vtable table = map_table(&guest, flags);
  ks_store *store = NULL;
  OK(ks_store_from_vtable(&table, &store, &error));
  return store;
}

static void end(ks_store *store) {
  ks_store_free(store);
  CHECK(guest.drops == 1);
}

static void a_timeline_lives_in(uint32_t flags) {
  ks_store *store = begin(flags);
  ks_timeline *timeline = NULL;
  OK(ks_timeline_open(store, "agent", KS_NUL, "run", KS_NUL, NULL, &timeline, &error));
  char state[64];
  for (int i = 0; i < 200; i++) {
    int length = snprintf(state, sizeof state, "a state that says %d", i);
    OK(ks_timeline_save(timeline, bytes_of(state), (size_t)length, NULL, NULL, &error));
    CHECK(pthread_equal(guest.last, pthread_self()));
  }
  ZEROED(ks_bytes, restored);
  OK(ks_timeline_restore(timeline, "@100", KS_NUL, &restored, NULL, &error));
  CHECK(is_text(&restored, "a state that says 99"));
  ks_bytes_free(&restored);
  ks_report *report = NULL;
  OK(ks_timeline_verify(timeline, &report, &error));
  CHECK(ks_report_items(report) == 200 && ks_report_count(report) == 0);
  ks_report_free(report);
  ks_snapshots *list = NULL;
  OK(ks_timeline_list(timeline, NULL, &list, &error));
  ks_snapshots_free(list);
  uint64_t count = 0;
  OK(ks_timeline_delete(timeline, &count, &error));
  CHECK(count == 200);
  ks_timeline_free(timeline);
  end(store);
}

static void a_timeline_lives_here(void) {
  a_timeline_lives_in(0);
  a_timeline_lives_in(KS_VTABLE_COMMIT);
  a_timeline_lives_in(KS_VTABLE_COMMIT | KS_VTABLE_THREAD_SAFE | KS_VTABLE_DURABLE);
}

static void values_come_back(void) {
  ks_store *store = begin(KS_VTABLE_COMMIT);
  char key[16];
  for (int i = 0; i < 700; i++) {
    snprintf(key, sizeof key, "k%04d", i);
    put(store, key, key);
  }
  ZEROED(ks_bytes, value);
  ZEROED(ks_bytes, version);
  OPTIONS(ks_get_options, part);
  part.offset = 3;
  OK(ks_store_get(store, "k0042", KS_NUL, &part, &value, &version, &error));
  CHECK(is_text(&value, "42"));
  OK(ks_store_delete(store, "k0042", KS_NUL, (const char *)version.ptr, version.len, &error));
  ks_bytes_free(&value);
  ks_bytes_free(&version);
  EXPECT(KS_NOT_FOUND, ks_store_get(store, "k0042", KS_NUL, NULL, &value, NULL, &error));
  ks_iter *iter = NULL;
  OK(ks_store_list(store, "k", 1, NULL, &iter, &error));
  ks_entry entries[64];
  size_t count = 1, total = 0;
  for (; count > 0; total += count) OK(ks_iter_next_batch(iter, entries, 64, &count, &error));
  CHECK(total == 699);
  ks_iter_free(iter);
  OPTIONS(ks_supports, supports);
  OK(ks_store_supports(store, &supports, &error));
  CHECK((supports.can & KS_CAN_COMMIT) && !(supports.can & (KS_CAN_TTL | KS_CAN_START)));
  CHECK(supports.durable == KS_DURABLE_UNKNOWN);
  EXPECT(KS_UNSUPPORTED, ks_store_flush(store, &error));
  OPTIONS(ks_put_options, options);
  options.ttl_ms = 5;
  EXPECT(KS_UNSUPPORTED, ks_store_put(store, "k", 1, NULL, 0, &options, NULL, &error));
  end(store);
}

static void nothing_is_believed_without_proof(void) {
  ks_store *store = begin(0);
  put(store, "k", "v");
  ZEROED(ks_bytes, value);
  ZEROED(ks_bytes, version);
  const struct {
    int lie;
    ks_status status;
  } gets[] = {{MAP_GET_GARBAGE, KS_INTERNAL},
              {MAP_GET_NO_VERSION, KS_INTERNAL},
              {MAP_FAILS_PLAIN, KS_TIMEOUT},
              {MAP_FAILS_SAID, KS_PERMISSION},
              {MAP_FAILS_UNKNOWN, KS_INTERNAL}};
  for (size_t i = 0; i < sizeof gets / sizeof *gets; i++) {
    guest.lies = gets[i].lie;
    EXPECT(gets[i].status, ks_store_get(store, "k", 1, NULL, &value, &version, &error));
    CHECK(value.owner == NULL && version.owner == NULL);
  }
  for (int lie = MAP_COMMIT_GARBAGE; lie <= MAP_COMMIT_NO_VERSION; lie++) {
    guest.lies = lie;
    EXPECT(KS_INTERNAL, ks_store_put(store, "k", 1, NULL, 0, NULL, NULL, &error));
  }
  guest.lies = MAP_COMMIT_GARBAGE; /* a delete has no version that could be missing */
  EXPECT(KS_INTERNAL, ks_store_delete(store, "k", 1, NULL, 0, &error));
  guest.lies = MAP_LIST_NO_END;
  ks_iter *iter = NULL;
  ks_entry entry;
  size_t count;
  OK(ks_store_list(store, "", 0, NULL, &iter, &error));
  EXPECT(KS_INTERNAL, ks_iter_next_batch(iter, &entry, 1, &count, &error));
  guest.lies = MAP_LIST_DISORDER;
  EXPECT(KS_INVALID_ARGUMENT, ks_iter_next_batch(iter, &entry, 1, &count, &error));
  ks_iter_free(iter);
  guest.lies = MAP_HONEST;
  OK(ks_store_get(store, "k", 1, NULL, &value, NULL, &error));
  ks_bytes_free(&value);
  end(store);
}

static void no_thread_of_ours_calls_it(void) {
  ks_store *store = begin(0);
  ks_queue *queue = NULL;
  ks_op *op = NULL;
  OK(ks_queue_new(NULL, &queue, &error));
  EXPECT(KS_UNSUPPORTED, ks_store_get_start(store, "k", 1, NULL, queue, 1, &op, &error));
  CHECK(op == NULL);
  ks_queue_free(queue);
  end(store);
}

static void half_a_table_is_refused(void) {
  map_begin(&guest);
  ks_store_vtable table = map_table(&guest, 0);
  ks_store *store = NULL;
  table.list = NULL;
  EXPECT(KS_INVALID_ARGUMENT, ks_store_from_vtable(&table, &store, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_store_from_vtable(NULL, &store, &error));
  table.struct_size = 3;
  EXPECT(KS_INVALID_ARGUMENT, ks_store_from_vtable(&table, &store, &error));
  CHECK(store == NULL && guest.drops == 0);
}

/* A callback that closes, or frees, the store that called it. */
static ks_store *own;
static ks_status closed_with;

static ks_status closing_get(void *userdata, const char *key, size_t key_len, ks_bytes *value,
                             ks_bytes *version, ks_error **failure) {
  (void)userdata, (void)key, (void)key_len, (void)value, (void)version, (void)failure;
  closed_with = ks_store_close(own, NULL);
  return KS_NOT_FOUND;
}

static void a_callback_cannot_close_its_store(void) {
  map_begin(&guest);
  ks_store_vtable table = map_table(&guest, 0);
  table.get = closing_get;
  OK(ks_store_from_vtable(&table, &own, &error));
  ZEROED(ks_bytes, value);
  EXPECT(KS_NOT_FOUND, ks_store_get(own, "k", 1, NULL, &value, NULL, &error));
  CHECK(closed_with == KS_REENTERED && guest.drops == 0);
  end(own);
}

/* Callers on many threads; the free waits for all of them. */
static void *caller(void *argument) {
  ks_store *store = (ks_store *)argument;
  ks_status status = KS_OK;
  while (status == KS_OK) {
    status = ks_store_put(store, "k", 1, bytes_of("v"), 1, NULL, NULL, NULL);
  }
  return status == KS_CLOSED ? NULL : argument;
}

static void closing_is_a_barrier(void) {
  ks_store *store = begin(KS_VTABLE_THREAD_SAFE);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, caller, store);
  while (__atomic_load_n(&guest.writes, __ATOMIC_RELAXED) < 100) {
  }
  OK(ks_store_close(store, &error));
  uint64_t writes = guest.writes;
  CHECK(guest.drops == 1);
  for (int i = 0; i < 4; i++) {
    void *wrong = NULL;
    pthread_join(threads[i], &wrong);
    CHECK(wrong == NULL);
  }
  CHECK(guest.writes == writes);
  end(store);
}

int main(void) {
  RUN(a_timeline_lives_here);
  RUN(values_come_back);
  RUN(nothing_is_believed_without_proof);
  RUN(no_thread_of_ours_calls_it);
  RUN(half_a_table_is_refused);
  RUN(a_callback_cannot_close_its_store);
  RUN(closing_is_a_barrier);
  return check_end();
}
