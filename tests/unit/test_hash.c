/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes, objects and path hashes against the fixed values of the format. */
#include "tests/unit/unit.h"
#include "libreplica/format/hash.h"
#include "libreplica/format/object.h"

#define DIGITS "e8ec3d88b62ebf526e4e5a4ff6162a3aa48a6b78"
#define ZEROS  "0000000000000000000000000000000000000000"

static const unsigned char empty_zlib[] = {0x78, 0x9c, 3, 0, 0, 0, 0, 1};

static void hashes_the_fixed_values(void **state)
{
    static const struct {
        enum hash_algorithm algorithm;
        const char *text;
    } cases[] = {
        {HASH_SHA1, DIGITS},
        {HASH_RMD160, "fcdb20b894f31f1306d56294c049ca7293dde0fc-rmd160"},
        {HASH_SHAKE128, "28d94b83b7229b331fc601362b8e272e02665122-shake128"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hasher *hasher = hasher_create(unit_pool(state));
        struct hash whole, parts;
        char text[HASH_TEXT_SIZE];

        hash_bytes(&whole, cases[i].algorithm, empty_zlib, sizeof(empty_zlib));
        assert_string_equal(hash_format(text, &whole), cases[i].text);
        for (int round = 0; round < 2; round++) {
            hasher_start(hasher, cases[i].algorithm);
            hasher_update(hasher, empty_zlib, 3);
            hasher_update(hasher, empty_zlib + 3, sizeof(empty_zlib) - 3);
            hasher_finish(hasher, &parts);
            assert_true(hash_equals(&whole, &parts));
        }
        assert_true(hash_parse(&parts, text_of(text)));
        assert_true(hash_equals(&whole, &parts));
    }
}

static void refuses_all_but_the_strict_form(void **state)
{
    static const char *const bad[] = {"",
                                      "e8",
                                      DIGITS "-sha1",
                                      DIGITS "-RMD160",
                                      DIGITS "-shake12",
                                      DIGITS "0",
                                      DIGITS "C",
                                      "E8ec3d88b62ebf526e4e5a4ff6162a3aa48a6b78",
                                      "g8ec3d88b62ebf526e4e5a4ff6162a3aa48a6b78",
                                      ZEROS,
                                      ZEROS "-rmd160",
                                      DIGITS "-rmd160 "};
    struct hash hash;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (hash_parse(&hash, text_of(bad[i])))
            fail_msg("accepted '%s'", bad[i]);
}

static void knows_every_null_form(void **state)
{
    static const char *const nulls[] = {"", ZEROS, ZEROS "000000000000000000000000",
                                        ZEROS "-shake128"};
    struct hash hash;

    for (size_t i = 0; i < sizeof(nulls) / sizeof(*nulls); i++) {
        memset(&hash, 1, sizeof(hash));
        assert_true(hash_parse_optional(&hash, text_of(nulls[i])));
        assert_true(hash_is_null(&hash));
    }
    assert_false(hash_parse_optional(&hash, text_of("0")));
    assert_true(hash_parse_optional(&hash, text_of(DIGITS "-rmd160")));
    assert_int_equal(hash.algorithm, HASH_RMD160);
}

static void finds_path_hashes(void **state)
{
    static const struct {
        const char *path;
        int64_t first, second;
    } cases[] = {
        {"", 338333539836370388, 9098107892288553193},
        {"/a", -2906336618250618618, -744252105585281751},
        {"/a/b", -79414819578584146, 8517581007188477988},
        {"/.cvmfs/snapshots", -3142719958152235778, 1536470228119800126},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct path_hash hash = path_hash_of(text_of(cases[i].path));

        assert_true(hash.first == cases[i].first && hash.second == cases[i].second);
    }
}

static void names_objects(void **state)
{
    static const char letters[] = {'\0', 'C', 'H', 'X', 'M', 'P', 'L'};
    struct object object, again;
    char path[OBJECT_PATH_SIZE];

    for (size_t i = 0; i < sizeof(letters); i++) {
        assert_true(hash_parse(&object.hash, text_of(DIGITS "-shake128")));
        object.type = (enum object_type)letters[i];
        object_path(path, &object);
        assert_true(text_starts(text_of(path), "data/e8/ec3d88"));
        assert_true(object_parse(&again, (struct text){path + 5, 2}, text_of(path + 8)));
        assert_int_equal(again.type, object.type);
        assert_true(hash_equals(&again.hash, &object.hash));
    }
    assert_false(object_parse_name(&object, text_of(DIGITS "T")));
    assert_false(object_parse_name(&object, text_of(DIGITS "c")));
    assert_false(object_parse_name(&object, text_of(DIGITS "C-rmd160")));
    assert_false(object_parse(&object, text_of("e"), text_of("8" DIGITS)));
    assert_false(object_parse(&object, text_of("e8"), text_of(DIGITS DIGITS DIGITS)));
}

static void knows_the_flag_codes(void **state)
{
    enum hash_algorithm algorithm;

    assert_true(hash_algorithm_of_code(&algorithm, 0) && algorithm == HASH_SHA1);
    assert_true(hash_algorithm_of_code(&algorithm, 2) && algorithm == HASH_SHAKE128);
    for (unsigned int code = 3; code < 9; code++)
        assert_false(hash_algorithm_of_code(&algorithm, code));
    assert_true(hash_check_available(NULL));
}

static const struct CMUnitTest hash_tests[] = {
    UNIT_TEST(hashes_the_fixed_values), UNIT_TEST(refuses_all_but_the_strict_form),
    UNIT_TEST(knows_every_null_form),   UNIT_TEST(finds_path_hashes),
    UNIT_TEST(names_objects),           UNIT_TEST(knows_the_flag_codes),
};

UNIT_MAIN(hash_tests)
