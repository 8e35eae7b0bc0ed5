/* A store in C: a sorted array under a lock, as a ks_store_vtable. */
#ifndef MAP_H
#define MAP_H

#include <keepstate.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  char *key;
  uint8_t *value;
  size_t key_len, value_len;
  uint64_t version;
} map_slot;

typedef struct {
  map_slot *slots;
  size_t count, room;
  uint64_t writes;
  int drops, lies; /* see map_lie */
  pthread_mutex_t lock;
  pthread_t last; /* the thread of the last call */
} map;

/* What a store can do wrongly. */
enum map_lie {
  MAP_HONEST,
  MAP_GET_GARBAGE,
  MAP_GET_NO_VERSION,
  MAP_COMMIT_GARBAGE,
  MAP_COMMIT_NO_VERSION,
  MAP_LIST_NO_END,
  MAP_LIST_DISORDER,
  MAP_FAILS_PLAIN,
  MAP_FAILS_SAID,
  MAP_FAILS_UNKNOWN
};

static inline int map_order(const char *a, size_t a_len, const char *b, size_t b_len) {
  size_t shorter = a_len < b_len ? a_len : b_len;
  int order = shorter == 0 ? 0 : memcmp(a, b, shorter);
  return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* The place of the first key that is not less. */
static inline size_t map_place(const map *self, const char *key, size_t key_len) {
  size_t low = 0, high = self->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    const map_slot *slot = &self->slots[middle];
    if (map_order(slot->key, slot->key_len, key, key_len) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

static inline map_slot *map_find(const map *self, const char *key, size_t key_len) {
  size_t place = map_place(self, key, key_len);
  if (place == self->count) return NULL;
  map_slot *slot = &self->slots[place];
  return map_order(slot->key, slot->key_len, key, key_len) == 0 ? slot : NULL;
}

static inline void *map_copy(const void *bytes, size_t length) {
  void *copy = malloc(length + 1);
  if (copy == NULL) abort();
  if (length > 0) memcpy(copy, bytes, length);
  return copy;
}

static inline map_slot *map_insert(map *self, const char *key, size_t key_len) {
  if (self->count == self->room) {
    self->room = self->room * 2 + 8;
    self->slots = (map_slot *)realloc(self->slots, self->room * sizeof *self->slots);
    if (self->slots == NULL) abort();
  }
  size_t place = map_place(self, key, key_len);
  memmove(&self->slots[place + 1], &self->slots[place],
          (self->count - place) * sizeof *self->slots);
  self->count++;
  map_slot *slot = &self->slots[place];
  memset(slot, 0, sizeof *slot);
  slot->key = (char *)map_copy(key, key_len);
  slot->key_len = key_len;
  return slot;
}

static inline void map_remove(map *self, map_slot *slot) {
  size_t place = (size_t)(slot - self->slots);
  free(slot->key);
  free(slot->value);
  self->count--;
  memmove(slot, slot + 1, (self->count - place) * sizeof *slot);
}

static inline ks_status map_version(uint64_t version, ks_bytes *out, ks_error **error) {
  char text[24];
  int length = snprintf(text, sizeof text, "%llu", (unsigned long long)version);
  return ks_bytes_copy((const uint8_t *)text, (size_t)length, out, error);
}

static ks_status map_get(void *userdata, const char *key, size_t key_len, ks_bytes *value,
                         ks_bytes *version, ks_error **error) {
  map *self = (map *)userdata;
  pthread_mutex_lock(&self->lock);
  self->last = pthread_self();
  const map_slot *slot = map_find(self, key, key_len);
  ks_status status = KS_NOT_FOUND;
  if (self->lies == MAP_GET_GARBAGE) {
    status = KS_OK;
  } else if (self->lies == MAP_FAILS_PLAIN) {
    status = KS_TIMEOUT;
  } else if (self->lies == MAP_FAILS_UNKNOWN) {
    status = 4711;
  } else if (self->lies == MAP_FAILS_SAID) {
    status = KS_OK; /* what counts is the error */
    *error = ks_error_new(KS_PERMISSION, "the door is shut; knock", KS_NUL);
  } else if (slot != NULL) {
    status = ks_bytes_copy(slot->value, slot->value_len, value, error);
    if (status == KS_OK && self->lies != MAP_GET_NO_VERSION)
      status = map_version(slot->version, version, error);
  }
  pthread_mutex_unlock(&self->lock);
  return status;
}

static inline int map_holds(const map *self, const ks_step *step) {
  const map_slot *slot = map_find(self, step->key, step->key_len);
  if (step->kind == KS_STEP_PUT && step->mode == KS_PUT_OVERWRITE) return 1;
  if (step->kind == KS_STEP_DELETE && step->version == NULL) return 1;
  if (step->version == NULL) return slot == NULL;
  char text[24];
  if (slot == NULL) return 0;
  int length = snprintf(text, sizeof text, "%llu", (unsigned long long)slot->version);
  return (size_t)length == step->version_len && memcmp(text, step->version, (size_t)length) == 0;
}

static inline ks_status map_apply(map *self, const ks_step *step, ks_bytes *version,
                                  ks_error **error) {
  map_slot *slot = map_find(self, step->key, step->key_len);
  if (step->kind == KS_STEP_DELETE && slot != NULL) map_remove(self, slot);
  if (step->kind != KS_STEP_PUT) return KS_OK;
  if (slot == NULL) slot = map_insert(self, step->key, step->key_len);
  free(slot->value);
  slot->value = (uint8_t *)map_copy(step->value, step->value_len);
  slot->value_len = step->value_len;
  slot->version = ++self->writes;
  if (self->lies == MAP_COMMIT_NO_VERSION) return KS_OK;
  return map_version(slot->version, version, error);
}

static ks_status map_commit(void *userdata, const ks_step *steps, size_t count,
                            ks_bytes *versions, size_t *applied, ks_error **error) {
  map *self = (map *)userdata;
  if (self->lies == MAP_COMMIT_GARBAGE) return KS_OK;
  pthread_mutex_lock(&self->lock);
  self->last = pthread_self();
  ks_status status = KS_OK;
  for (size_t i = 0; i < count; i++) {
    if (!map_holds(self, &steps[i])) status = KS_CONFLICT;
  }
  for (size_t i = 0; i < count && status == KS_OK; i++) {
    status = map_apply(self, &steps[i], &versions[i], error);
    if (status == KS_OK) *applied = i + 1;
  }
  pthread_mutex_unlock(&self->lock);
  return status;
}

static ks_status map_list(void *userdata, const char *prefix, size_t prefix_len,
                          const char *after, size_t after_len, size_t limit, ks_sink *sink,
                          ks_error **error) {
  map *self = (map *)userdata;
  pthread_mutex_lock(&self->lock);
  ks_status status = KS_OK;
  size_t told = 0;
  for (size_t i = map_place(self, prefix, prefix_len);
       i < self->count && told < limit && status == KS_OK; i++) {
    const map_slot *slot = &self->slots[i];
    if (slot->key_len < prefix_len || memcmp(slot->key, prefix, prefix_len) != 0) break;
    if (after != NULL && map_order(slot->key, slot->key_len, after, after_len) <= 0) continue;
    ks_entry entry = {slot->key, slot->key_len, slot->value_len, "1", 1, 1700000000000u};
    status = ks_sink_add(sink, &entry, error);
    if (status == KS_OK && self->lies == MAP_LIST_DISORDER)
      status = ks_sink_add(sink, &entry, error);
    told++;
  }
  if (status == KS_OK && self->lies != MAP_LIST_NO_END) status = ks_sink_end(sink, error);
  pthread_mutex_unlock(&self->lock);
  return status;
}

static void map_drop(void *userdata) {
  map *self = (map *)userdata;
  self->drops++;
  while (self->count > 0) map_remove(self, &self->slots[self->count - 1]);
  free(self->slots);
  self->slots = NULL;
  self->room = 0;
}

static inline void map_begin(map *self) {
  memset(self, 0, sizeof *self);
  pthread_mutex_init(&self->lock, NULL);
}

static inline ks_store_vtable map_table(map *self, uint32_t flags) {
  ks_store_vtable table;
  memset(&table, 0, sizeof table);
  table.struct_size = sizeof table;
  table.userdata = self;
  table.flags = flags | KS_VTABLE_CONDITIONAL_PUT | KS_VTABLE_CONDITIONAL_DELETE;
  table.get = map_get;
  table.commit = map_commit;
  table.list = map_list;
  table.drop = map_drop;
  return table;
}

#endif
