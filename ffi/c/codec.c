/* Codecs, digests and hexadecimal text: known answers, bounds, and buffers that are too small. */
#include "check.h"

static void codecs_give_back(void) {
  static const char *const names[] = {"none", "gzip", "zstd", "lz4", "brotli"};
  static uint8_t data[100000];
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i / 100 % 7);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    int32_t min = 0, max = 0, normal = 0;
    OK(ks_codec_levels(names[i], KS_NUL, &min, &max, &normal, &error));
    CHECK(min <= normal && normal <= max);
    const int32_t levels[] = {KS_LEVEL_DEFAULT, min};
    for (int j = 0; j < 2; j++) {
      ZEROED(ks_bytes, stored);
      ZEROED(ks_bytes, raw);
      OK(ks_codec_compress(names[i], KS_NUL, levels[j], data, sizeof data, &stored, &error));
      CHECK(i == 0 || j > 0 || stored.len < sizeof data / 10);
      OK(ks_codec_decompress(names[i], KS_NUL, stored.ptr, stored.len, sizeof data, &raw, &error));
      CHECK(raw.len == sizeof data && memcmp(raw.ptr, data, raw.len) == 0);
      ks_bytes_free(&raw);
      EXPECT(KS_VALUE_TOO_LARGE, ks_codec_decompress(names[i], KS_NUL, stored.ptr, stored.len,
                                                     sizeof data - 1, &raw, &error));
      CHECK(raw.owner == NULL);
      ks_bytes_free(&stored);
    }
  }
}

static void what_is_damaged_is_named(void) {
  ZEROED(ks_bytes, out);
  EXPECT(KS_CORRUPT, ks_codec_decompress("gzip", 4, bytes_of("xyz"), 3, 100, &out, &error));
  EXPECT(KS_UNKNOWN_CODEC, ks_codec_compress("rar", 3, 1, NULL, 0, &out, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_codec_compress("gzip", 4, 77, NULL, 0, &out, &error));
  EXPECT(KS_UNKNOWN_CODEC, ks_codec_levels("rar", 3, NULL, NULL, NULL, &error));
}

static void digests_are_known(void) {
  static const struct {
    const char *name, *hex;
  } known[] = {
      {"blake3", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"},
      {"sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"crc32c", "364b3fb7"}};
  for (size_t i = 0; i < 3; i++) {
    uint8_t sum[KS_DIGEST_MAX];
    char hex[2 * KS_DIGEST_MAX];
    size_t length = 0, digits = 0;
    OK(ks_digest(known[i].name, KS_NUL, bytes_of("abc"), 3, sum, sizeof sum, &length, &error));
    OK(ks_hex_encode(sum, length, hex, sizeof hex, &digits, &error));
    CHECK(digits == strlen(known[i].hex) && memcmp(hex, known[i].hex, digits) == 0);

    ks_hasher *hasher = NULL;
    uint8_t parts[KS_DIGEST_MAX];
    OK(ks_hasher_new(known[i].name, KS_NUL, &hasher, &error));
    OK(ks_hasher_update(hasher, bytes_of("a"), 1, &error));
    OK(ks_hasher_finish(hasher, parts, sizeof parts, &length, &error));
    CHECK(memcmp(parts, sum, length) != 0);
    OK(ks_hasher_update(hasher, bytes_of("bc"), 2, &error));
    OK(ks_hasher_finish(hasher, parts, sizeof parts, &length, &error));
    CHECK(memcmp(parts, sum, length) == 0);
    ks_hasher_free(hasher);
  }
}

static void small_buffers_are_refused(void) {
  uint8_t out[4] = {9, 9, 9, 9};
  size_t written = 0;
  EXPECT(KS_INVALID_ARGUMENT, ks_digest("sha256", 6, NULL, 0, out, 4, &written, &error));
  CHECK(written == 32 && out[0] == 9);
  EXPECT(KS_INVALID_ARGUMENT, ks_digest("md5", 3, NULL, 0, out, 4, &written, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_digest("crc32c", 6, NULL, 0, NULL, 4, &written, &error));
  OK(ks_hex_decode("DeadBeef", 8, out, 4, &written, &error));
  CHECK(written == 4 && out[0] == 0xde && out[3] == 0xef);
  EXPECT(KS_INVALID_ARGUMENT, ks_hex_decode("abc", 3, out, 4, &written, &error));
  EXPECT(KS_INVALID_ARGUMENT, ks_hex_decode("zz", 2, out, 4, &written, &error));
}

int main(void) {
  RUN(codecs_give_back);
  RUN(what_is_damaged_is_named);
  RUN(digests_are_known);
  RUN(small_buffers_are_refused);
  return check_end();
}
