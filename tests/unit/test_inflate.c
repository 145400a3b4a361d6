/* SPDX-License-Identifier: Apache-2.0 */
/* Inflating under a limit, in memory and from file to file. */
#include "tests/unit/unit.h"
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include "libreplica/format/inflate.h"
#include "tests/unit/database_maker.h"

static struct text deflated(void **state, size_t length)
{
    unsigned char *plain = apr_palloc(unit_pool(state), length + 1);
    uLongf size = compressBound(length);
    unsigned char *out = apr_palloc(unit_pool(state), size);
    unsigned int random = 1;

    for (size_t i = 0; i < length; i++)
        plain[i] = (unsigned char)((random = random * 1103515245 + 12345) >> 28);
    assert_int_equal(compress(out, &size, plain, length), Z_OK);
    return (struct text){(const char *)out, size};
}

/* Through files; false with *error, or the size in *size. */
static bool inflate_through_files(int64_t *size, struct text in, int64_t limit,
                                  struct error *error, void **state)
{
    int source = open(maker_file(state, in.bytes, in.length), O_RDONLY);
    int target = open(maker_file(state, "", 0), O_RDWR);
    bool good = inflate_file(size, source, target, limit, error);

    if (good)
        assert_int_equal(lseek(target, 0, SEEK_END), *size);
    close(source);
    close(target);
    return good;
}

static void inflates_every_size(void **state)
{
    static const size_t sizes[] = {0, 1, 32767, 32768, 32769, 65536, 300000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct text in = deflated(state, sizes[i]), out;
        struct error error;
        int64_t size;

        assert_ok(inflate_text(&out, in, (int64_t)sizes[i], unit_pool(state), &error),
                  &error);
        assert_int_equal(out.length, sizes[i]);
        assert_ok(inflate_through_files(&size, in, (int64_t)sizes[i], &error, state),
                  &error);
        assert_int_equal(size, sizes[i]);
        if (sizes[i] == 0)
            continue;
        assert_false(
            inflate_text(&out, in, (int64_t)sizes[i] - 1, unit_pool(state), &error));
        assert_int_equal(error.code, ERROR_TOO_LARGE);
        assert_false(
            inflate_through_files(&size, in, (int64_t)sizes[i] - 1, &error, state));
        assert_int_equal(error.code, ERROR_TOO_LARGE);
    }
}

static void refuses_every_cut_and_every_flipped_byte(void **state)
{
    struct text in = deflated(state, 200), out, plain;
    char *bytes = apr_pmemdup(unit_pool(state), in.bytes, in.length);
    struct error error;

    for (size_t length = 0; length < in.length; length++) {
        assert_false(inflate_text(&out, (struct text){bytes, length}, 1000,
                                  unit_pool(state), &error));
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
    assert_ok(inflate_text(&plain, in, 1000, unit_pool(state), &error), &error);
    for (size_t i = 0; i < in.length; i++) {
        bytes[i] ^= 0x10;
        /* The few bits that fill up the last byte may be anything. */
        if (inflate_text(&out, (struct text){bytes, in.length}, 1000, unit_pool(state),
                         &error))
            assert_memory_equal(out.bytes, plain.bytes, plain.length);
        bytes[i] ^= 0x10;
    }
}

static void refuses_bytes_after_the_end(void **state)
{
    static const size_t sizes[] = {0, 10, 32768, 100000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct text in = deflated(state, sizes[i]), out;
        struct error error;
        int64_t size;

        in.bytes = apr_pstrmemdup(unit_pool(state), in.bytes, in.length);
        in.length++;
        assert_false(inflate_text(&out, in, 1000000, unit_pool(state), &error));
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
        assert_non_null(strstr(error.message, "after the end"));
        assert_false(inflate_through_files(&size, in, 1000000, &error, state));
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
}

static void knows_only_zlib(void **state)
{
    static const unsigned char gzip[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3,
                                         3,    0,    0, 0, 0, 0, 0, 0, 0, 0};
    static const unsigned char dictionary[] = {0x78, 0xbb, 0, 1, 2, 3, 3, 0, 0, 0, 0, 1};
    struct text out;
    struct error error;

    assert_false(inflate_text(&out, (struct text){(const char *)gzip, sizeof(gzip)}, 10,
                              unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
    assert_false(inflate_text(&out,
                              (struct text){(const char *)dictionary, sizeof(dictionary)},
                              10, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
}

static void says_when_it_cannot_read_or_write(void **state)
{
    struct text in = deflated(state, 100);
    int source = open(maker_file(state, in.bytes, in.length), O_RDONLY);
    struct error error;
    int64_t size;

    assert_false(inflate_file(&size, -1, source, 1000, &error));
    assert_int_equal(error.code, ERROR_IO);
    assert_false(inflate_file(&size, source, -1, 1000, &error));
    assert_int_equal(error.code, ERROR_IO);
    close(source);
}

static const struct CMUnitTest inflate_tests[] = {
    UNIT_TEST(inflates_every_size),
    UNIT_TEST(refuses_every_cut_and_every_flipped_byte),
    UNIT_TEST(refuses_bytes_after_the_end),
    UNIT_TEST(knows_only_zlib),
    UNIT_TEST(says_when_it_cannot_read_or_write),
};

UNIT_MAIN(inflate_tests)
