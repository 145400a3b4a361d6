/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest: what is written is read back, and every damaged line is refused. */
#include "tests/unit/unit.h"
#include "libreplica/format/manifest.h"
#include "libreplica/format/signed_text.h"

#define DIGITS_A "e8ec3d88b62ebf526e4e5a4ff6162a3aa48a6b78"
#define DIGITS_B "fcdb20b894f31f1306d56294c049ca7293dde0fc"
#define ZEROS    "0000000000000000000000000000000000000000"
#define ROOT     "R" PATH_HASH_ROOT_TEXT "\n"
#define MINIMUM  "C" DIGITS_A "\n" ROOT "D240\nS7\n"
#define FULL                                                                             \
    "C" DIGITS_A "-shake128\nB14336\n" ROOT "D900\nS12\nGyes\nAno\nNsw.example.net\n"    \
    "X" DIGITS_B "-rmd160\nH" DIGITS_A "\nT1445428515\nM" DIGITS_B "\nY" DIGITS_A "\n"

/* A whole file around BODY with a signature of four odd bytes. */
static struct text frame(const char *body, enum hash_algorithm algorithm, void **state)
{
    struct signed_text parts = {.body = text_of(body), .signature = {"\0\n--", 4}};

    parts.hash_text = signed_text_hash(parts.body, algorithm, unit_pool(state));
    return signed_text_join(&parts, unit_pool(state));
}

static bool parse(struct manifest **manifest, const char *body, struct error *error,
                  void **state)
{
    return manifest_parse(manifest, frame(body, HASH_SHA1, state), unit_pool(state),
                          error);
}

static void reads_every_field_and_writes_it_again(void **state)
{
    struct text file = frame(FULL, HASH_SHAKE128, state), body;
    struct manifest *m;
    struct error error;

    assert_ok(manifest_parse(&m, file, unit_pool(state), &error), &error);
    assert_int_equal(m->catalog.algorithm, HASH_SHAKE128);
    assert_int_equal(m->catalog_size, 14336);
    assert_int_equal(m->ttl_seconds, 900);
    assert_int_equal(m->revision, 12);
    assert_true(m->garbage_collectable);
    assert_false(m->has_alternative_paths);
    assert_string_equal(m->fqrn, "sw.example.net");
    assert_int_equal(m->certificate.algorithm, HASH_RMD160);
    assert_int_equal(m->published_seconds, 1445428515);
    assert_false(hash_is_null(&m->history) || hash_is_null(&m->metainfo) ||
                 hash_is_null(&m->reflog));
    assert_int_equal(m->signed_text.length, 49);
    assert_true(m->signature.length == 4 && memcmp(m->signature.bytes, "\0\n--", 4) == 0);
    body = manifest_format_body(m, unit_pool(state));
    assert_true(text_equals(body, FULL));
}

static void writes_no_line_for_what_is_not_set(void **state)
{
    struct manifest *m;
    struct error error;

    assert_ok(parse(&m, MINIMUM, &error, state), &error);
    assert_string_equal(m->fqrn, "");
    assert_true(hash_is_null(&m->certificate) && hash_is_null(&m->history));
    m->fqrn = "a.b";
    assert_true(text_equals(manifest_format_body(m, unit_pool(state)),
                            "C" DIGITS_A "\nB0\n" ROOT "D240\nS7\nGno\nAno\nNa.b\n"));
}

static void takes_any_order_the_last_of_two_and_unknown_letters(void **state)
{
    struct manifest *m;
    struct error error;

    assert_ok(parse(&m,
                    "S1\n\nD4294967295\n" ROOT "Zx\nZy\nL\n?\nGnope\nAyes\nX" ZEROS
                    "\nC" DIGITS_B "\nC" DIGITS_A "\nS2\n",
                    &error, state),
              &error);
    assert_int_equal(m->revision, 2);
    assert_int_equal(m->catalog.digest[0], 0xe8);
    assert_int_equal(m->ttl_seconds, 4294967295);
    assert_false(m->garbage_collectable);
    assert_true(m->has_alternative_paths);
    assert_true(hash_is_null(&m->certificate));
}

static void names_the_bad_line(void **state)
{
    static const char *const bad[] = {"C",
                                      "C" ZEROS,
                                      "C" DIGITS_A "C",
                                      "CE8ec",
                                      "B-1",
                                      "B9223372036854775808",
                                      "B ",
                                      "R" DIGITS_A,
                                      "R",
                                      "D",
                                      "D4294967296",
                                      "S",
                                      "S1x",
                                      "S 1",
                                      "S-1",
                                      "N",
                                      "N../x",
                                      "Na/b",
                                      "Na b",
                                      "X12",
                                      "X" DIGITS_A "-sha1",
                                      "H" ZEROS "0",
                                      "T",
                                      "T1.5",
                                      "Mx",
                                      "Y" DIGITS_A "\r"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *body = apr_pstrcat(unit_pool(state), MINIMUM, bad[i], "\n", NULL);
        struct manifest *m = NULL;
        struct error error;

        if (parse(&m, body, &error, state))
            fail_msg("accepted '%s'", bad[i]);
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
        assert_non_null(strstr(error.message, "manifest line 5"));
        assert_null(m);
    }
}

static void misses_each_required_line(void **state)
{
    static const struct {
        const char *body, *message;
    } cases[] = {
        {ROOT "D240\nS7\n", "no line C"},
        {"C" DIGITS_A "\nD240\nS7\n", "no line R"},
        {"C" DIGITS_A "\n" ROOT "S7\n", "no line D"},
        {"C" DIGITS_A "\n" ROOT "D240\n", "no line S"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct manifest *m;
        struct error error;

        assert_false(parse(&m, cases[i].body, &error, state));
        assert_non_null(strstr(error.message, cases[i].message));
    }
}

static void refuses_every_cut_and_every_flipped_byte_of_the_body(void **state)
{
    struct text file = frame(FULL, HASH_SHA1, state);
    char *bytes = apr_pmemdup(unit_pool(state), file.bytes, file.length);
    struct manifest *m;
    struct error error;

    for (size_t length = 0; length < file.length - 3; length++)
        assert_false(
            manifest_parse(&m, (struct text){bytes, length}, unit_pool(state), &error));
    for (size_t i = 0; i < file.length - 4; i++) {
        bytes[i] ^= 1;
        assert_false(manifest_parse(&m, (struct text){bytes, file.length},
                                    unit_pool(state), &error));
        bytes[i] ^= 1;
    }
    bytes[1] = bytes[1] == 'a' ? 'b' : 'a';
    assert_false(
        manifest_parse(&m, (struct text){bytes, file.length}, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_BAD_HASH);
}

static void refuses_a_name_with_nul_and_a_huge_file(void **state)
{
    static const char body[] = MINIMUM "Na\0b\n";
    struct signed_text parts = {.body = {body, sizeof(body) - 1}, .signature = {"x", 1}};
    struct text huge = {apr_pcalloc(unit_pool(state), MANIFEST_SIZE_MAX + 1),
                        MANIFEST_SIZE_MAX + 1};
    struct manifest *m;
    struct error error;

    parts.hash_text = signed_text_hash(parts.body, HASH_SHA1, unit_pool(state));
    assert_false(manifest_parse(&m, signed_text_join(&parts, unit_pool(state)),
                                unit_pool(state), &error));
    assert_non_null(strstr(error.message, "Na\\x00b"));
    assert_false(manifest_parse(&m, huge, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
}

static const struct CMUnitTest manifest_tests[] = {
    UNIT_TEST(reads_every_field_and_writes_it_again),
    UNIT_TEST(writes_no_line_for_what_is_not_set),
    UNIT_TEST(takes_any_order_the_last_of_two_and_unknown_letters),
    UNIT_TEST(names_the_bad_line),
    UNIT_TEST(misses_each_required_line),
    UNIT_TEST(refuses_every_cut_and_every_flipped_byte_of_the_body),
    UNIT_TEST(refuses_a_name_with_nul_and_a_huge_file),
};

UNIT_MAIN(manifest_tests)
