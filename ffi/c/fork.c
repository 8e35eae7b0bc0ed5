/* Fork: what the parent opened is FORKED in the child and can be freed there without harm. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  ks_store *store;
  ks_timeline *timeline;
  ks_iter *iter;
  ks_queue *queue;
} handles;

static void in_the_child(handles *all) {
  ZEROED(ks_bytes, value);
  ks_entry entry;
  ks_completion done;
  size_t count = 0;
  ks_op *op = NULL;
  EXPECT(KS_FORKED, ks_store_get(all->store, "k", 1, NULL, &value, NULL, &error));
  EXPECT(KS_FORKED, ks_store_close(all->store, &error));
  EXPECT(KS_FORKED, ks_timeline_save(all->timeline, NULL, 0, NULL, NULL, &error));
  EXPECT(KS_FORKED, ks_iter_next_batch(all->iter, &entry, 1, &count, &error));
  EXPECT(KS_FORKED, ks_queue_wait(all->queue, -1, &done, 1, &count, &error));
  EXPECT(KS_FORKED,
         ks_store_get_start(all->store, "k", 1, NULL, all->queue, 1, &op, &error));
  ks_iter_free(all->iter);
  ks_timeline_free(all->timeline);
  ks_queue_free(all->queue);
  ks_store_free(all->store);
  /* What the child opens itself is its own. */
  ks_store *own = open_url("memory:");
  put(own, "k", "child");
  OK(ks_store_get(own, "k", 1, NULL, &value, NULL, &error));
  CHECK(is_text(&value, "child"));
  ks_bytes_free(&value);
  ks_store_free(own);
}

static void forked_from(const char *url) {
  handles all;
  all.store = open_url(url);
  put(all.store, "k", "parent");
  OK(ks_timeline_open(all.store, "a", 1, "b", 1, NULL, &all.timeline, &error));
  OK(ks_store_list(all.store, "", 0, NULL, &all.iter, &error));
  OK(ks_queue_new(NULL, &all.queue, &error));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    in_the_child(&all);
    _exit(check_broken);
  }
  int status = -1;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
  /* The parent's are as they were. */
  ZEROED(ks_bytes, value);
  OK(ks_store_get(all.store, "k", 1, NULL, &value, NULL, &error));
  CHECK(is_text(&value, "parent"));
  ks_bytes_free(&value);
  ks_iter_free(all.iter);
  ks_timeline_free(all.timeline);
  ks_queue_free(all.queue);
  ks_store_free(all.store);
}

static void a_child_is_told(void) {
  forked_from("memory:");
  char url[1024];
  snprintf(url, sizeof url, "file:%s", in_folder("fork-log"));
  forked_from(url);
}

int main(int count, char **arguments) {
  check_begin(count, arguments);
  RUN(a_child_is_told);
  return check_end();
}
