/* SPDX-License-Identifier: Apache-2.0 */
/* Compressors against the fixed values of the format. */
#include <zlib.h>
#include "tests/unit/unit.h"
#include "libreplica/format/compress.h"

struct collected {
    unsigned char bytes[400000];
    size_t length;
    size_t limit;
};

static bool collect(void *baton, const void *bytes, size_t length, struct error *error)
{
    struct collected *collected = baton;

    if (collected->length + length > collected->limit)
        return error_set(error, ERROR_NO_SPACE, "full");
    memcpy(collected->bytes + collected->length, bytes, length);
    collected->length += length;
    return true;
}

static struct collected *collector(void **state)
{
    struct collected *collected = apr_pcalloc(unit_pool(state), sizeof(*collected));

    collected->limit = sizeof(collected->bytes);
    return collected;
}

static void compress_in_pieces(struct compressor *compressor, enum compression kind,
                               struct collected *out, const unsigned char *bytes,
                               size_t length, size_t piece)
{
    struct error error;

    out->length = 0;
    compressor_start(compressor, kind, collect, out);
    for (size_t at = 0; at < length; at += piece)
        assert_ok(compressor_write(compressor, bytes + at,
                                   piece < length - at ? piece : length - at, &error),
                  &error);
    assert_ok(compressor_finish(compressor, &error), &error);
}

static void writes_the_fixed_values(void **state)
{
    static const unsigned char empty[] = {0x78, 0x9c, 3, 0, 0, 0, 0, 1};
    static const unsigned char hello[] = {0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9,
                                          0x57, 0x28, 0xcf, 0x2f, 0xca, 0x49, 0xe1,
                                          0x02, 0x00, 0x1e, 0x72, 0x04, 0x67};
    struct compressor *compressor = compressor_create(COMPRESSOR_ZLIB, unit_pool(state));
    struct collected *out = collector(state);

    compress_in_pieces(compressor, COMPRESSION_ZLIB, out, NULL, 0, 1);
    assert_int_equal(out->length, sizeof(empty));
    assert_memory_equal(out->bytes, empty, sizeof(empty));
    compress_in_pieces(compressor, COMPRESSION_ZLIB, out,
                       (const unsigned char *)"hello world\n", 12, 5);
    assert_int_equal(out->length, sizeof(hello));
    assert_memory_equal(out->bytes, hello, sizeof(hello));
    compress_in_pieces(compressor, COMPRESSION_NONE, out, hello, sizeof(hello), 7);
    assert_int_equal(out->length, sizeof(hello));
    assert_memory_equal(out->bytes, hello, sizeof(hello));
    compress_in_pieces(compressor, COMPRESSION_NONE, out, NULL, 0, 1);
    assert_int_equal(out->length, 0);
}

static void fill(unsigned char *input, size_t length)
{
    for (size_t i = 0; i < length; i++)
        input[i] = (unsigned char)(i * i >> (i % 13));
}

static void writes_the_same_however_it_is_fed(void **state)
{
    static const size_t pieces[] = {300000, 1, 4096, 65537};
    struct compressor *compressor = compressor_create(COMPRESSOR_ZLIB, unit_pool(state));
    struct collected *out = collector(state);
    unsigned char *input = apr_palloc(unit_pool(state), 300000);
    unsigned char *expected = apr_palloc(unit_pool(state), 400000);
    uLongf length = 400000;

    fill(input, 300000);
    assert_int_equal(compress2(expected, &length, input, 300000, 6), Z_OK);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        compress_in_pieces(compressor, COMPRESSION_ZLIB, out, input, 300000, pieces[i]);
        assert_int_equal(out->length, length);
        assert_memory_equal(out->bytes, expected, length);
    }
}

static void isal_makes_the_same_however_it_is_fed(void **state)
{
    static const size_t pieces[] = {300000, 1, 4096, 65536, 65537, 131072};
    static const size_t lengths[] = {0, 1, 65535, 65536, 65537, 131072, 300000};
    struct compressor *compressor = compressor_create(COMPRESSOR_ISAL, unit_pool(state));
    struct collected *out = collector(state), *first = collector(state);
    unsigned char *input = apr_palloc(unit_pool(state), 300000);
    unsigned char *back = apr_palloc(unit_pool(state), 300001);
    uLongf length;

    fill(input, 300000);
    for (size_t j = 0; j < sizeof(lengths) / sizeof(*lengths); j++) {
        compress_in_pieces(compressor, COMPRESSION_ZLIB, first, input, lengths[j],
                           300000);
        for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
            compress_in_pieces(compressor, COMPRESSION_ZLIB, out, input, lengths[j],
                               pieces[i]);
            assert_int_equal(out->length, first->length);
            assert_memory_equal(out->bytes, first->bytes, out->length);
        }
        length = 300001;
        assert_int_equal(uncompress(back, &length, out->bytes, out->length), Z_OK);
        assert_int_equal(length, lengths[j]);
        assert_memory_equal(back, input, length);
    }
}

static void has_a_fingerprint_for_each_kind(void **state)
{
    assert_int_equal(compressor_fingerprint(COMPRESSOR_ZLIB), 0x1f5e77a6);
    assert_int_not_equal(compressor_fingerprint(COMPRESSOR_ISAL),
                         compressor_fingerprint(COMPRESSOR_ZLIB));
    assert_int_equal(compressor_fingerprint(COMPRESSOR_ISAL),
                     compressor_fingerprint(COMPRESSOR_ISAL));
}

static void passes_an_error_of_the_sink_on_and_can_start_again(void **state)
{
    struct compressor *compressor = compressor_create(COMPRESSOR_ZLIB, unit_pool(state));
    struct collected *out = collector(state);
    struct error error = {0};

    out->limit = 3;
    compressor_start(compressor, COMPRESSION_ZLIB, collect, out);
    assert_ok(compressor_write(compressor, "abc", 3, &error), &error);
    assert_false(compressor_finish(compressor, &error));
    assert_int_equal(error.code, ERROR_NO_SPACE);
    out->limit = sizeof(out->bytes);
    compress_in_pieces(compressor, COMPRESSION_ZLIB, out, NULL, 0, 1);
    assert_int_equal(out->length, 8);
}

static void knows_the_names(void **state)
{
    enum compression compression;
    enum compressor_kind kind;

    assert_true(compression_parse(&compression, "default"));
    assert_int_equal(compression, COMPRESSION_ZLIB);
    assert_true(compression_parse(&compression, "none"));
    assert_string_equal(compression_name(compression), "none");
    assert_true(compression_parse(&compression, "zlib"));
    assert_string_equal(compression_name(compression), "zlib");
    assert_false(compression_parse(&compression, "gzip"));
    assert_true(compressor_kind_parse(&kind, "isal"));
    assert_int_equal(kind, COMPRESSOR_ISAL);
    assert_string_equal(compressor_kind_name(kind), "isal");
    assert_true(compressor_kind_parse(&kind, "zlib"));
    assert_int_equal(kind, COMPRESSOR_ZLIB);
    assert_false(compressor_kind_parse(&kind, "libdeflate"));
}

static const struct CMUnitTest compress_tests[] = {
    UNIT_TEST(writes_the_fixed_values),
    UNIT_TEST(writes_the_same_however_it_is_fed),
    UNIT_TEST(isal_makes_the_same_however_it_is_fed),
    UNIT_TEST(has_a_fingerprint_for_each_kind),
    UNIT_TEST(passes_an_error_of_the_sink_on_and_can_start_again),
    UNIT_TEST(knows_the_names),
};

UNIT_MAIN(compress_tests)
