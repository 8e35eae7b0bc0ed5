/* What all tests share: run, check, count. Every test is valid C11 and C++17. */
#ifndef CHECK_H
#define CHECK_H

#include <keepstate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_passed, check_failed, check_broken;
/* Where the calls of a test put their error. */
static ks_error *error;

#define CHECK(condition)                                                          \
  do {                                                                            \
    if (!(condition)) {                                                           \
      check_broken = 1;                                                           \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);     \
    }                                                                             \
  } while (0)

/* The call ends with this status, and with an error of the same code that says something. */
#define EXPECT(wanted, call) check_status((wanted), (call), __LINE__, #call)
#define OK(call) EXPECT(KS_OK, call)

static inline void check_status(ks_status wanted, ks_status status, int line, const char *call) {
  const char *message = ks_error_message(error, NULL);
  int fits = ks_error_code(error) == status;
  if (status != KS_OK) fits = fits && message != NULL && strlen(message) > 10;
  if (status != wanted || !fits) {
    check_broken = 1;
    fprintf(stderr, "line %d: status %u instead of %u of %s: %s\n", line, (unsigned)status,
            (unsigned)wanted, call, message == NULL ? "no error" : message);
  }
  ks_error_free(error);
  error = NULL;
}

static inline void check_run(const char *name, void (*test)(void)) {
  check_broken = 0;
  test();
  if (check_broken) check_failed++;
  else check_passed++;
  if (check_broken) printf("FAILED %s\n", name);
}

#define RUN(test) check_run(#test, test)

static inline int check_end(void) {
  printf("%d passed, %d failed\n", check_passed, check_failed);
  return check_failed == 0 ? 0 : 1;
}

static inline const uint8_t *bytes_of(const char *text) { return (const uint8_t *)text; }

static inline int is_text(const ks_bytes *bytes, const char *text) {
  return bytes->len == strlen(text) && memcmp(bytes->ptr, text, bytes->len) == 0;
}

static inline ks_store *open_url(const char *url) {
  ks_store *store = NULL;
  OK(ks_store_open(url, KS_NUL, NULL, &store, &error));
  return store;
}

static inline void put(const ks_store *store, const char *key, const char *value) {
  OK(ks_store_put(store, key, KS_NUL, bytes_of(value), strlen(value), NULL, NULL, &error));
}

/* A folder of this test's own, under the folder that the first argument of the program names. */
static char check_folder[512];

static inline const char *in_folder(const char *name) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/%s", check_folder, name);
  return path;
}

static inline void check_begin(int count, char **arguments) {
  snprintf(check_folder, sizeof check_folder, "%s", count > 1 ? arguments[1] : ".");
}

#define ZEROED(type, name) \
  type name;               \
  memset(&name, 0, sizeof name)

/* A struct that grows, all defaults. */
#define OPTIONS(type, name) \
  ZEROED(type, name);       \
  name.struct_size = sizeof name

#endif
