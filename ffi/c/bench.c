/* Nanoseconds of a call over the memory store. Not a test: it only prints. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <time.h>

enum { ROUNDS = 200000 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void report(const char *what, double *times, int rounds) {
  double best = times[0];
  for (int i = 1; i < 5; i++) best = times[i] < best ? times[i] : best;
  printf("%-16s %8.0f ns\n", what, best / rounds);
}

int main(void) {
  ks_store *store = open_url("memory:");
  static uint8_t value[1 << 20];
  ks_bytes got;
  double times[5];
  for (int t = 0; t < 5; t++) {
    double begun = now();
    for (int i = 0; i < ROUNDS; i++) ks_store_put(store, "k", 1, value, 100, NULL, NULL, NULL);
    times[t] = now() - begun;
  }
  report("put 100 B", times, ROUNDS);
  for (int t = 0; t < 5; t++) {
    double begun = now();
    for (int i = 0; i < ROUNDS; i++) {
      ks_store_get(store, "k", 1, NULL, &got, NULL, NULL);
      ks_bytes_free(&got);
    }
    times[t] = now() - begun;
  }
  report("get 100 B", times, ROUNDS);
  for (int t = 0; t < 5; t++) {
    double begun = now();
    for (int i = 0; i < 500; i++)
      ks_store_put(store, "m", 1, value, sizeof value, NULL, NULL, NULL);
    times[t] = now() - begun;
  }
  report("put 1 MB", times, 500);
  for (int t = 0; t < 5; t++) {
    double begun = now();
    for (int i = 0; i < ROUNDS; i++) {
      ks_store_get(store, "m", 1, NULL, &got, NULL, NULL);
      ks_bytes_free(&got);
    }
    times[t] = now() - begun;
  }
  report("get 1 MB lent", times, ROUNDS);
  ks_store_free(store);
  return check_failed;
}
