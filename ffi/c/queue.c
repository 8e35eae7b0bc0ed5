/* Queues: operations started from several threads complete exactly once, in the order that was
 * promised, and can be cancelled, forgotten and outlived. */
#include "check.h"
#include "map.h"
#include <poll.h>

enum { THREADS = 4, EACH = 250 };

static ks_queue *new_queue(uint32_t threads) {
  ks_queue *queue = NULL;
  OPTIONS(ks_queue_options, options);
  options.threads = threads;
  OK(ks_queue_new(&options, &queue, &error));
  return queue;
}

typedef struct {
  ks_store *store;
  ks_queue *queue;
  int number, failures;
} starter;

static void *start_puts(void *argument) {
  starter *self = (starter *)argument;
  for (int i = 0; i < EACH; i++) {
    char key[32];
    int length = snprintf(key, sizeof key, "k/%d/%d", self->number, i);
    uint64_t tag = (uint64_t)(self->number * EACH + i);
    ks_op *op = NULL;
    ks_status status = ks_store_put_start(self->store, key, (size_t)length, bytes_of(key),
                                          (size_t)length, NULL, self->queue, tag, &op, NULL);
    if (status != KS_OK || op == NULL) self->failures++;
  }
  return NULL;
}

static void a_thousand_from_four_threads(const char *url) {
  ks_store *store = open_url(url);
  ks_queue *queue = new_queue(3);
  pthread_t threads[THREADS];
  starter starters[THREADS];
  for (int i = 0; i < THREADS; i++) {
    starter one = {store, queue, i, 0};
    starters[i] = one;
    pthread_create(&threads[i], NULL, start_puts, &starters[i]);
  }
  static uint8_t seen[THREADS * EACH];
  memset(seen, 0, sizeof seen);
  size_t total = 0;
  while (total < sizeof seen) {
    ks_completion done[64];
    size_t count = 0;
    OK(ks_queue_wait(queue, 10000, done, 64, &count, &error));
    CHECK(count > 0);
    if (count == 0) break;
    for (size_t i = 0; i < count; i++, total++) {
      CHECK(done[i].status == KS_OK && done[i].tag < sizeof seen && !seen[done[i].tag]);
      seen[done[i].tag] = 1;
      ZEROED(ks_bytes, version);
      CHECK(ks_op_is_done(done[i].op));
      OK(ks_store_put_finish(done[i].op, &version, &error));
      CHECK(version.owner != NULL);
      ks_bytes_free(&version);
      ks_op_free(done[i].op);
    }
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    CHECK(starters[i].failures == 0);
  }
  ZEROED(ks_bytes, value);
  OK(ks_store_get(store, "k/3/249", KS_NUL, NULL, &value, NULL, &error));
  CHECK(is_text(&value, "k/3/249"));
  ks_bytes_free(&value);
  ks_queue_free(queue);
  ks_store_free(store);
}

static void in_memory(void) { a_thousand_from_four_threads("memory:"); }

static void in_a_log(void) {
  char url[1024];
  snprintf(url, sizeof url, "file:%s", in_folder("queue-log"));
  a_thousand_from_four_threads(url);
}

/* Waits for one completion, by file descriptor. */
static ks_completion next(ks_queue *queue) {
  ks_completion done;
  size_t count = 0;
  int fd = -1;
  memset(&done, 0, sizeof done);
  OK(ks_queue_fd(queue, &fd, &error));
  struct pollfd ready = {fd, POLLIN, 0};
  while (count == 0) {
    CHECK(poll(&ready, 1, 10000) == 1);
    if (ready.revents == 0) break;
    OK(ks_queue_take(queue, &done, 1, &count, &error));
  }
  return done;
}

static void every_kind_completes(ks_store *store) {
  ks_queue *queue = new_queue(0);
  ks_timeline *timeline = NULL;
  ks_op *op = NULL;
  ZEROED(ks_bytes, bytes);
  ZEROED(ks_bytes, version);
  OK(ks_timeline_open(store, "a", 1, "b", 1, NULL, &timeline, &error));

  OK(ks_store_get_start(store, "k", 1, NULL, queue, 1, &op, &error));
  ks_completion done = next(queue);
  CHECK(done.tag == 1 && done.op == op);
  EXPECT(KS_NOT_FOUND, ks_store_get_finish(op, &bytes, NULL, &error));
  ks_op_free(op);
  put(store, "k", "v");
  OK(ks_store_get_start(store, "k", 1, NULL, queue, 2, &op, &error));
  done = next(queue);
  ks_snapshot *snapshot = NULL;
  EXPECT(KS_INVALID_ARGUMENT, ks_timeline_save_finish(op, &snapshot, &error));
  OK(ks_store_get_finish(op, &bytes, &version, &error));
  CHECK(is_text(&bytes, "v") && version.owner != NULL);
  ks_bytes_free(&bytes);
  ks_bytes_free(&version);
  EXPECT(KS_INVALID_ARGUMENT, ks_store_get_finish(op, &bytes, NULL, &error));
  ks_op_free(op);

  OK(ks_timeline_save_start(timeline, bytes_of("state"), 5, NULL, queue, 3, &op, &error));
  done = next(queue);
  CHECK(done.tag == 3 && done.status == KS_OK);
  OK(ks_timeline_save_finish(op, &snapshot, &error));
  OPTIONS(ks_snapshot_info, info);
  OK(ks_snapshot_read(snapshot, &info, &error));
  CHECK(info.sequence == 1 && info.length == 5);
  ks_snapshot_free(snapshot);
  ks_op_free(op);

  OK(ks_timeline_restore_start(timeline, "@1", 2, queue, 4, &op, &error));
  done = next(queue);
  OK(ks_timeline_restore_finish(op, &bytes, &snapshot, &error));
  CHECK(is_text(&bytes, "state") && snapshot != NULL);
  ks_bytes_free(&bytes);
  ks_snapshot_free(snapshot);
  ks_op_free(op);
  OK(ks_timeline_restore_start(timeline, "@9", 2, queue, 5, &op, &error));
  done = next(queue);
  CHECK(done.status == KS_NOT_FOUND);
  EXPECT(KS_NOT_FOUND, ks_timeline_restore_finish(op, &bytes, NULL, &error));
  EXPECT(KS_NOT_FOUND, ks_timeline_restore_finish(op, &bytes, NULL, &error));
  ks_op_free(op);
  ks_timeline_free(timeline);
  ks_queue_free(queue);
}

static void all_kinds_complete(void) {
  ks_store *store = open_url("memory:");
  every_kind_completes(store);
  ks_store_free(store);
}

static map guest;

static void a_thread_safe_table_takes_part(void) {
  map_begin(&guest);
  ks_store_vtable table = map_table(&guest, KS_VTABLE_THREAD_SAFE);
  ks_store *store = NULL;
  OK(ks_store_from_vtable(&table, &store, &error));
  every_kind_completes(store);
  CHECK(!pthread_equal(guest.last, pthread_self()));
  ks_store_free(store);
}

static void saves_land_in_order(void) {
  enum { COUNT = 200 };
  ks_store *store = open_url("memory:");
  ks_queue *queue = new_queue(4);
  ks_timeline *timeline = NULL;
  OK(ks_timeline_open(store, "a", 1, "b", 1, NULL, &timeline, &error));
  ks_op *ops[COUNT];
  char state[32];
  for (int i = 0; i < COUNT; i++) {
    int length = snprintf(state, sizeof state, "state %d", i);
    OK(ks_timeline_save_start(timeline, bytes_of(state), (size_t)length, NULL, queue,
                              (uint64_t)i, &ops[i], &error));
  }
  OK(ks_timeline_save(timeline, bytes_of("last"), 4, NULL, NULL, &error));
  for (int i = 0; i < COUNT; i++) {
    ks_completion done = next(queue);
    CHECK(done.status == KS_OK);
  }
  for (int i = 0; i < COUNT; i++) {
    ks_snapshot *snapshot = NULL;
    OK(ks_timeline_save_finish(ops[i], &snapshot, &error));
    OPTIONS(ks_snapshot_info, info);
    OK(ks_snapshot_read(snapshot, &info, &error));
    CHECK(info.sequence == (uint64_t)i + 1);
    ks_snapshot_free(snapshot);
    ks_op_free(ops[i]);
  }
  ZEROED(ks_bytes, restored);
  OK(ks_timeline_restore(timeline, "@201", KS_NUL, &restored, NULL, &error));
  CHECK(is_text(&restored, "last"));
  ks_bytes_free(&restored);
  ks_timeline_free(timeline);
  ks_queue_free(queue);
  ks_store_free(store);
}

/* A get that waits until the test lets it go, so that what is behind it has not begun. */
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;

static ks_status waiting_get(void *userdata, const char *key, size_t key_len, ks_bytes *value,
                             ks_bytes *version, ks_error **failure) {
  pthread_mutex_lock(&door);
  pthread_mutex_unlock(&door);
  return map_get(userdata, key, key_len, value, version, failure);
}

static ks_store *behind_a_door(void) {
  map_begin(&guest);
  ks_store_vtable table = map_table(&guest, KS_VTABLE_THREAD_SAFE);
  table.get = waiting_get;
  ks_store *store = NULL;
  OK(ks_store_from_vtable(&table, &store, &error));
  return store;
}

static void what_has_not_begun_can_be_cancelled(void) {
  ks_store *store = behind_a_door();
  ks_queue *queue = new_queue(1);
  ks_op *first = NULL, *second = NULL, *third = NULL;
  ZEROED(ks_bytes, value);
  pthread_mutex_lock(&door);
  OK(ks_store_get_start(store, "k", 1, NULL, queue, 1, &first, &error));
  OK(ks_store_put_start(store, "k", 1, NULL, 0, NULL, queue, 2, &second, &error));
  OK(ks_store_get_start(store, "k", 1, NULL, queue, 3, &third, &error));
  EXPECT(KS_UNAVAILABLE, ks_store_put_finish(second, NULL, &error));
  CHECK(!ks_op_is_done(second));
  OK(ks_op_cancel(second, &error));
  ks_op_free(third); /* nobody wants it any more: no completion */
  pthread_mutex_unlock(&door);
  ks_completion done = next(queue);
  CHECK(done.tag == 1 && done.status == KS_OK);
  EXPECT(KS_NOT_FOUND, ks_store_get_finish(first, &value, NULL, &error));
  done = next(queue);
  CHECK(done.tag == 2 && done.status == KS_ABORTED);
  EXPECT(KS_ABORTED, ks_store_put_finish(second, NULL, &error));
  size_t count = 9;
  OK(ks_queue_wait(queue, 20, &done, 1, &count, &error));
  CHECK(count == 0 && guest.writes == 0);
  ks_op_free(first);
  ks_op_free(second);
  ks_queue_free(queue);
  ks_store_free(store);
}

static void a_queue_can_be_outlived(void) {
  ks_store *store = behind_a_door();
  ks_queue *queue = new_queue(1);
  ks_timeline *timeline = NULL;
  OK(ks_timeline_open(store, "a", 1, "b", 1, NULL, &timeline, &error));
  ks_op *begun = NULL, *waiting = NULL, *save = NULL;
  pthread_mutex_lock(&door);
  OK(ks_store_get_start(store, "k", 1, NULL, queue, 1, &begun, &error));
  OK(ks_store_get_start(store, "k", 1, NULL, queue, 2, &waiting, &error));
  OK(ks_timeline_save_start(timeline, NULL, 0, NULL, queue, 3, &save, &error));
  pthread_mutex_unlock(&door);
  ks_queue_free(queue);
  /* All are complete now, with their result or as aborted, and the store can be closed. */
  CHECK(ks_op_is_done(begun) && ks_op_is_done(waiting) && ks_op_is_done(save));
  OK(ks_store_close(store, &error));
  ks_status status = ks_timeline_save_finish(save, NULL, NULL);
  CHECK(status == KS_OK || status == KS_ABORTED);
  ks_op_free(begun);
  ks_op_free(waiting);
  ks_op_free(save);
  ks_timeline_free(timeline);
  ks_store_free(store);
}

/* A get that says that it has begun, and then takes its time. */
static volatile int begun_calls;

static ks_status slow_get(void *userdata, const char *key, size_t key_len, ks_bytes *value,
                          ks_bytes *version, ks_error **failure) {
  __atomic_fetch_add(&begun_calls, 1, __ATOMIC_SEQ_CST);
  poll(NULL, 0, 30);
  return map_get(userdata, key, key_len, value, version, failure);
}

static void closing_waits_for_what_was_started(void) {
  map_begin(&guest);
  ks_store_vtable table = map_table(&guest, KS_VTABLE_THREAD_SAFE);
  table.get = slow_get;
  ks_store *store = NULL;
  OK(ks_store_from_vtable(&table, &store, &error));
  ks_queue *queue = new_queue(1);
  ks_op *op = NULL;
  OK(ks_store_get_start(store, "k", 1, NULL, queue, 1, &op, &error));
  while (__atomic_load_n(&begun_calls, __ATOMIC_SEQ_CST) == 0) {
  }
  OK(ks_store_close(store, &error));
  CHECK(ks_op_is_done(op) && guest.drops == 1);
  ks_op_free(op);
  ks_queue_free(queue);
  ks_store_free(store);
}

static void *wake(void *argument) {
  ks_queue_wake((const ks_queue *)argument, NULL);
  return NULL;
}

static void a_wake_ends_a_wait(void) {
  ks_queue *queue = new_queue(1);
  pthread_t thread;
  ks_completion done;
  size_t count = 9;
  pthread_create(&thread, NULL, wake, queue);
  OK(ks_queue_wait(queue, -1, &done, 1, &count, &error));
  CHECK(count == 0);
  pthread_join(thread, NULL);
  OK(ks_queue_wake(queue, &error));
  int fd = -1;
  OK(ks_queue_fd(queue, &fd, &error));
  struct pollfd ready = {fd, POLLIN, 0};
  CHECK(poll(&ready, 1, 0) == 1);
  OK(ks_queue_take(queue, &done, 1, &count, &error));
  CHECK(count == 0 && poll(&ready, 1, 0) == 0);
  OPTIONS(ks_queue_options, options);
  options.threads = 100000;
  ks_queue *other = NULL;
  EXPECT(KS_INVALID_ARGUMENT, ks_queue_new(&options, &other, &error));
  ks_queue_free(queue);
}

int main(int count, char **arguments) {
  check_begin(count, arguments);
  RUN(in_memory);
  RUN(in_a_log);
  RUN(all_kinds_complete);
  RUN(a_thread_safe_table_takes_part);
  RUN(saves_land_in_order);
  RUN(what_has_not_begun_can_be_cancelled);
  RUN(a_queue_can_be_outlived);
  RUN(closing_waits_for_what_was_started);
  RUN(a_wake_ends_a_wait);
  return check_end();
}
