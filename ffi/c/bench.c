/* Nanoseconds of a call over the memory store. Not a test: it only prints. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <time.h>

enum { TRIES = 200 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static ks_store *store;
static uint8_t value[1 << 20];

static void put_small(void) { ks_store_put(store, "k", 1, value, 100, NULL, NULL, NULL); }
static void put_large(void) { ks_store_put(store, "m", 1, value, sizeof value, NULL, NULL, NULL); }

static void get(const char *key) {
  ks_bytes got;
  ks_store_get(store, key, 1, NULL, &got, NULL, NULL);
  ks_bytes_free(&got);
}

static void get_small(void) { get("k"); }
static void get_large(void) { get("m"); }
static void nothing(void) { ks_abi_version(); }

/* The best of many short runs: what others do on the machine falls out. */
static void measure(const char *what, void (*call)(void), int rounds) {
  double best = 1e18;
  for (int t = 0; t < TRIES; t++) {
    double begun = now();
    for (int i = 0; i < rounds; i++) call();
    double time = (now() - begun) / rounds;
    best = time < best ? time : best;
  }
  printf("%-16s %8.0f ns\n", what, best);
}

int main(void) {
  store = open_url("memory:");
  measure("bare call", nothing, 1000);
  measure("put 100 B", put_small, 1000);
  measure("get 100 B", get_small, 1000);
  measure("put 1 MB", put_large, 10);
  measure("get 1 MB lent", get_large, 1000);
  ks_store_free(store);
  return check_failed;
}
