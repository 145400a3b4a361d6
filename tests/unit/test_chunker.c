/* SPDX-License-Identifier: Apache-2.0 */
/* The chunker against known cuts, fed in pieces of odd sizes. */
#include "tests/unit/unit.h"
#include "libreplica/format/chunker.h"
#include "libreplica/format/hash.h"

#define MEGABYTE 1048576
#define STREAM   104857600

struct cuts {
    int count;
    int64_t at[256];
};

static void cut(struct cuts *cuts, const unsigned char *bytes, size_t length,
                size_t first_piece, struct chunker chunker)
{
    size_t position = 0, piece = first_piece;
    bool ended;

    cuts->count = 0;
    while (position < length) {
        size_t size = piece < length - position ? piece : length - position;

        position += chunker_feed(&chunker, &ended, bytes + position, size);
        if (ended) {
            assert_true(cuts->count < 256);
            cuts->at[cuts->count++] = (int64_t)position;
        }
        piece = first_piece + (piece * 7 + 3) % first_piece;
    }
}

static struct chunker started(int64_t minimum, int64_t average, int64_t maximum)
{
    struct chunker chunker;
    struct error error;

    assert_ok(chunker_start(&chunker, minimum, average, maximum, &error), &error);
    return chunker;
}

static struct chunker with_default_sizes(void)
{
    return started(4 * MEGABYTE, 8 * MEGABYTE, 16 * MEGABYTE);
}

static unsigned char *stream(void **state)
{
    unsigned char *bytes = apr_palloc(unit_pool(state), STREAM);
    uint64_t x = 1;

    for (size_t i = 0; i < STREAM; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = (unsigned char)(x >> 56);
    }
    return bytes;
}

static void finds_the_known_cuts_whatever_the_pieces(void **state)
{
    static const int64_t expected[] = {4929237,  10636169, 18409735, 25618460, 32128071,
                                       40937885, 47013309, 58036806, 64880544, 70225717,
                                       78379045, 85313523, 99864864, 104141724};
    static const size_t pieces[] = {STREAM, 65536, 4093, 31, 1000003};
    unsigned char *bytes = stream(state);
    char text[HASH_TEXT_SIZE];
    struct hash hash;
    struct cuts cuts;

    hash_bytes(&hash, HASH_SHA1, bytes, STREAM);
    assert_string_equal(hash_format(text, &hash),
                        "e09bdb4354db2ac46309130ee91ad7c4131f29ea");
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        cut(&cuts, bytes, STREAM, pieces[i], with_default_sizes());
        assert_int_equal(cuts.count, sizeof(expected) / sizeof(*expected));
        assert_memory_equal(cuts.at, expected, sizeof(expected));
    }
}

static void cuts_constant_data_at_the_limits(void **state)
{
    unsigned char *bytes = apr_pcalloc(unit_pool(state), STREAM);
    struct cuts cuts;

    cut(&cuts, bytes, STREAM, 99991, with_default_sizes());
    assert_int_equal(cuts.count, 6);
    for (int i = 0; i < cuts.count; i++)
        assert_int_equal(cuts.at[i], (i + 1) * 16 * MEGABYTE);
    memset(bytes, 1, STREAM);
    cut(&cuts, bytes, STREAM, 99991, with_default_sizes());
    assert_int_equal(cuts.count, 24);
    for (int i = 0; i < cuts.count; i++)
        assert_int_equal(cuts.at[i], (i + 1) * 4 * MEGABYTE);
}

/* The definition, byte by byte, without any shortcut. */
static void cut_slowly(struct cuts *cuts, const unsigned char *bytes, int64_t length,
                       int64_t minimum, int64_t average, int64_t maximum)
{
    int64_t start = 0, threshold = UINT32_MAX / average;
    uint32_t x = 0;

    cuts->count = 0;
    for (int64_t p = 0; p < length; p++) {
        int32_t distance;

        if (p >= start + minimum - CHUNKER_WINDOW)
            x = (x << 1) ^ bytes[p];
        if (p < start + minimum)
            continue;
        distance = (int32_t)(x - 0x7FFFFFFFU);
        if (llabs((long long)distance) >= threshold && distance != INT32_MIN &&
            p < start + maximum)
            continue;
        cuts->at[cuts->count++] = start = p;
        x = 0;
        for (int64_t q = p + minimum - CHUNKER_WINDOW; q <= p; q++)
            x = (x << 1) ^ bytes[q];
    }
}

static void agrees_with_the_definition_for_small_sizes(void **state)
{
    static const int64_t sizes[][3] = {
        {32, 33, 34}, {32, 64, 256}, {100, 1000, 1100}, {1000, 2000, 9000}};
    unsigned char *bytes = stream(state);
    struct cuts slow, fast;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        const int64_t *size = sizes[i];
        int64_t length = size[0] * 90 + 17;

        cut_slowly(&slow, bytes, length, size[0], size[1], size[2]);
        for (size_t piece = 1; piece < 300; piece += 37) {
            cut(&fast, bytes, (size_t)length, piece, started(size[0], size[1], size[2]));
            assert_int_equal(fast.count, slow.count);
            assert_memory_equal(fast.at, slow.at, sizeof(*fast.at) * (size_t)fast.count);
        }
    }
}

/* Here many bytes are looked through at once, if the pieces allow. */
static void agrees_with_the_definition_for_large_averages(void **state)
{
    static const int64_t sizes[][3] = {{32, 0xFFFF, 0x10000},
                                       {32, 0x10000, 0x20000},
                                       {1000, 0x10001, 3 * MEGABYTE},
                                       {64, 20000, 3 * MEGABYTE}};
    static const size_t pieces[] = {MEGABYTE, 64, 575, 576, 577, 1089, 4096, 30011};
    unsigned char *bytes = stream(state);
    struct cuts slow, fast;

    /* Marks right beside others, and of every kind: the bytes 1 make the odd one. */
    for (size_t i = 0; i < 2 * MEGABYTE; i += 99991)
        memset(bytes + i, (int)(i & 1), 29 + i % 600);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        const int64_t *size = sizes[i];

        cut_slowly(&slow, bytes, 2 * MEGABYTE, size[0], size[1], size[2]);
        assert_true(slow.count > 15);
        for (size_t k = 0; k < sizeof(pieces) / sizeof(*pieces); k++) {
            cut(&fast, bytes, 2 * MEGABYTE, pieces[k],
                started(size[0], size[1], size[2]));
            assert_int_equal(fast.count, slow.count);
            assert_memory_equal(fast.at, slow.at, sizeof(*fast.at) * (size_t)fast.count);
        }
    }
}

static void makes_no_empty_last_chunk(void **state)
{
    unsigned char bytes[68] = {0};
    struct cuts cuts;

    cut(&cuts, bytes, 34, 34, started(32, 33, 34));
    assert_int_equal(cuts.count, 0);
    cut(&cuts, bytes, 68, 5, started(32, 33, 34));
    assert_int_equal(cuts.count, 1);
    assert_int_equal(cuts.at[0], 34);
}

static void refuses_sizes_out_of_order(void **state)
{
    static const int64_t bad[][3] = {
        {31, 64, 128}, {64, 64, 128}, {64, 128, 128}, {0, 0, 0}, {64, 32, 128}};
    struct chunker chunker;
    struct error error;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(chunker_start(&chunker, bad[i][0], bad[i][1], bad[i][2], &error));
        assert_int_equal(error.code, ERROR_SETTING);
    }
    assert_ok(chunker_start(&chunker, 32, INT64_MAX - 1, INT64_MAX, &error), &error);
}

static const struct CMUnitTest chunker_tests[] = {
    UNIT_TEST(finds_the_known_cuts_whatever_the_pieces),
    UNIT_TEST(cuts_constant_data_at_the_limits),
    UNIT_TEST(agrees_with_the_definition_for_small_sizes),
    UNIT_TEST(agrees_with_the_definition_for_large_averages),
    UNIT_TEST(makes_no_empty_last_chunk),
    UNIT_TEST(refuses_sizes_out_of_order),
};

UNIT_MAIN(chunker_tests)
