/* Single files, at keys and paths: states and what is said of them come back, damage is named. */
#include "check.h"

static const char STATE[] = "{\"step\":1,\"notes\":[\"a\",\"b\"]}";

static int json_has(const ks_file *file, const char *part) {
  ZEROED(ks_bytes, json);
  OK(ks_file_json(file, &json, &error));
  char text[2048];
  snprintf(text, sizeof text, "%.*s", (int)json.len, (const char *)json.ptr);
  ks_bytes_free(&json);
  return strstr(text, part) != NULL;
}

static void every_form_comes_back(void) {
  static const char *const names[] = {"a.json",     "b.json.gz", "c.json.zst", "d.json.lz4",
                                      "e.json.br", "f.ks"};
  ks_store *store = open_url("memory:");
  OPTIONS(ks_file_options, said);
  said.label = "good";
  said.agent = "planner";
  said.user = "{\"cost\":3}";
  said.label_len = said.agent_len = said.user_len = KS_NUL;
  said.index = 7;
  said.flags = KS_FILE_INDEX;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *name = names[i];
    ZEROED(ks_bytes, state);
    ks_file *file = NULL;
    OK(ks_file_save(store, name, KS_NUL, bytes_of(STATE), strlen(STATE), &said, &error));
    OK(ks_file_restore(store, name, KS_NUL, &state, &file, &error));
    CHECK(is_text(&state, STATE));
    CHECK(json_has(file, "\"label\":\"good\"") && json_has(file, "\"index\":7"));
    CHECK(json_has(file, "\"cost\":3") && json_has(file, "\"agent\":\"planner\""));
    ks_bytes_free(&state);
    ks_file_free(file);
    OK(ks_file_show(store, name, KS_NUL, &file, &error));
    CHECK(json_has(file, "\"hash\":\"sha256:"));
    ks_file_free(file);

    const char *path = in_folder(name);
    OK(ks_file_save_path(path, KS_NUL, bytes_of(STATE), strlen(STATE), NULL, &error));
    OK(ks_file_restore_path(path, KS_NUL, &state, NULL, &error));
    CHECK(is_text(&state, STATE));
    ks_bytes_free(&state);
    OK(ks_file_show_path(path, KS_NUL, &file, &error));
    CHECK(json_has(file, "\"size\":28") && !json_has(file, "label"));
    ks_file_free(file);
  }
  ks_store_free(store);
}

static void bytes_live_in_ks_files(void) {
  ks_store *store = open_url("memory:");
  ZEROED(ks_bytes, state);
  OPTIONS(ks_file_options, said);
  said.codec = "lz4";
  said.codec_len = 3;
  said.encoding = "mine";
  said.encoding_len = 4;
  OK(ks_file_save(store, "x.ks", KS_NUL, bytes_of("\0\xff\0"), 3, &said, &error));
  ks_file *file = NULL;
  OK(ks_file_restore(store, "x.ks", KS_NUL, &state, &file, &error));
  CHECK(state.len == 3 && state.ptr[1] == 0xff && json_has(file, "\"encoding\":\"mine\""));
  ks_bytes_free(&state);
  ks_file_free(file);
  said.flags = KS_FILE_LEVEL;
  said.level = 999;
  EXPECT(KS_INVALID_ARGUMENT, ks_file_save(store, "x.ks", KS_NUL, NULL, 0, &said, &error));
  ks_store_free(store);
}

static void wrong_files_are_named(void) {
  ks_store *store = open_url("memory:");
  ZEROED(ks_bytes, state);
  ks_file *file = NULL;
  EXPECT(KS_NOT_FOUND, ks_file_restore(store, "a.json", KS_NUL, &state, &file, &error));
  EXPECT(KS_NOT_FOUND, ks_file_show(store, "a.json", KS_NUL, &file, &error));
  EXPECT(KS_UNKNOWN_CODEC, ks_file_save(store, "a.txt", KS_NUL, bytes_of("{}"), 2, NULL, &error));
  EXPECT(KS_NOT_JSON, ks_file_save(store, "a.json", KS_NUL, bytes_of("\xff"), 1, NULL, &error));
  const char *gone = in_folder("no/such/file.json");
  EXPECT(KS_NOT_FOUND, ks_file_restore_path(gone, KS_NUL, &state, &file, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_file_restore_path("", 0, &state, &file, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_file_restore_path("a\0b.ks", 6, &state, &file, &error));
  OK(ks_file_save(store, "a.json", KS_NUL, bytes_of(STATE), strlen(STATE), NULL, &error));
  OK(ks_store_get(store, "a.json", KS_NUL, NULL, &state, NULL, &error));
  uint8_t *damaged = (uint8_t *)malloc(state.len);
  memcpy(damaged, state.ptr, state.len);
  damaged[state.len - 10] ^= 1; /* within the state */
  OK(ks_store_put(store, "a.json", KS_NUL, damaged, state.len, NULL, NULL, &error));
  free(damaged);
  ks_bytes_free(&state);
  EXPECT(KS_HASH_MISMATCH, ks_file_restore(store, "a.json", KS_NUL, &state, &file, &error));
  CHECK(state.owner == NULL && file == NULL);
  ks_store_free(store);
}

int main(int count, char **arguments) {
  check_begin(count, arguments);
  RUN(every_form_comes_back);
  RUN(bytes_live_in_ks_files);
  RUN(wrong_files_are_named);
  return check_end();
}
