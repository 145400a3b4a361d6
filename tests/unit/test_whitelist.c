/* SPDX-License-Identifier: Apache-2.0 */
/* The whitelist: dates, names, fingerprints among comments, and every damage refused. */
#include "tests/unit/unit.h"
#include "libreplica/base/date.h"
#include "libreplica/format/signed_text.h"
#include "libreplica/format/whitelist.h"

#define HEAD "20261120112507\nE20991231235959\nNsw.example.net\n"
/* sha1("der"), rmd160("der"), shake128("der") are computed by the tests; this one is of
 * nothing known. */
#define SOME_FINGERPRINT "93:AB:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:01:15"

static struct text frame(const char *body, void **state)
{
    struct signed_text parts = {.body = text_of(body), .signature = {"signature", 9}};

    parts.hash_text = signed_text_hash(parts.body, HASH_SHA1, unit_pool(state));
    return signed_text_join(&parts, unit_pool(state));
}

static struct whitelist *parsed(const char *body, void **state)
{
    struct whitelist *whitelist;
    struct error error;

    assert_ok(whitelist_parse(&whitelist, frame(body, state), unit_pool(state), &error),
              &error);
    return whitelist;
}

static void reads_a_plain_one(void **state)
{
    struct whitelist *w = parsed(HEAD SOME_FINGERPRINT "\n", state);
    char date[DATE_UTC_SIZE];

    assert_string_equal(w->fqrn, "sw.example.net");
    date_format_compact(date, w->created);
    assert_string_equal(date, "20261120112507");
    date_format_compact(date, w->expires);
    assert_string_equal(date, "20991231230000");
    assert_false(w->uses_pkcs7 || w->needs_ca_chain);
    assert_int_equal(w->fingerprints->nelts, 1);
    assert_true(text_equals(w->signature, "signature"));
    assert_int_equal(w->signed_text.length, 40);
}

static void passes_over_comments_between_fingerprints(void **state)
{
    struct whitelist *w = parsed(
        HEAD "# the old one\n" SOME_FINGERPRINT " # until May\n\n"
             "93ab\tx\n" SOME_FINGERPRINT "-SHAKE128\tnew\n" SOME_FINGERPRINT
             "#no blank\n" SOME_FINGERPRINT "-rmd160\n" SOME_FINGERPRINT ":77\nVpkcs7\n",
        state);

    assert_int_equal(w->fingerprints->nelts, 4);
    assert_int_equal(APR_ARRAY_IDX(w->fingerprints, 1, struct hash).algorithm,
                     HASH_SHAKE128);
    assert_false(w->uses_pkcs7);
}

static void finds_fingerprints_of_every_algorithm(void **state)
{
    struct whitelist *w = parsed(HEAD SOME_FINGERPRINT "\n", state), *again;
    struct error error;

    assert_false(whitelist_check_certificate(w, text_of("der"), &error));
    assert_int_equal(error.code, ERROR_NOT_LISTED);
    for (int i = HASH_SHA1; i <= HASH_SHAKE128; i++) {
        struct hash *hash = apr_array_push(w->fingerprints);
        struct text body;

        hash_bytes(hash, (enum hash_algorithm)i, "der", 3);
        body = whitelist_format_body(w, unit_pool(state));
        again = parsed(apr_pstrmemdup(unit_pool(state), body.bytes, body.length), state);
        assert_int_equal(again->fingerprints->nelts, 2);
        assert_ok(whitelist_check_certificate(again, text_of("der"), &error), &error);
        assert_false(whitelist_check_certificate(again, text_of("Der"), &error));
        apr_array_pop(w->fingerprints);
    }
}

static void writes_what_it_reads(void **state)
{
    static const char body[] = "20261120112507\nE20991231230000\nNsw.example.net\n"
                               "Vpkcs7\nWcachain\n" SOME_FINGERPRINT "\n" SOME_FINGERPRINT
                               "-SHAKE128\n" SOME_FINGERPRINT "-RMD160\n";
    struct whitelist *w = parsed(body, state);

    assert_true(w->uses_pkcs7 && w->needs_ca_chain);
    assert_true(text_equals(whitelist_format_body(w, unit_pool(state)), body));
}

static void a_successor_lists_the_same_and_more(void **state)
{
    static const char lines[] = "# ours\n" SOME_FINGERPRINT " # until May\nnonsense\n";
    apr_array_header_t *added = apr_array_make(unit_pool(state), 1, sizeof(struct hash));
    struct whitelist *w =
        parsed(apr_pstrcat(unit_pool(state), HEAD, "Wcachain\n", lines, NULL), state);
    apr_time_t begin, half;
    struct text body;

    assert_true(date_parse_compact(&begin, text_of("20270101000000")));
    hash_bytes(apr_array_push(added), HASH_SHA1, "der", 3);
    body = whitelist_format_successor(w, begin, begin + apr_time_from_sec(86400), added,
                                      unit_pool(state));
    body.bytes = apr_pstrmemdup(unit_pool(state), body.bytes, body.length);
    w = parsed(body.bytes, state);
    assert_true(text_starts(body, "20270101000000\nE20270102000000\nNsw.example.net\n"
                                  "Wcachain\n# ours\n" SOME_FINGERPRINT " # until May\n"
                                  "nonsense\n"));
    assert_int_equal(w->fingerprints->nelts, 2);
    assert_ok(whitelist_check_certificate(w, text_of("der"), NULL), &(struct error){0});
    assert_true(date_parse_compact(&half, text_of("20270101120000")));
    assert_true(whitelist_half_life(w) == half);
}

static void dies_at_the_start_of_its_expiry_hour(void **state)
{
    struct whitelist *w =
        parsed("20261120112507\nE20270301153059\nNa.b\n" SOME_FINGERPRINT "\n", state);
    apr_time_t hour;
    struct error error;

    assert_true(date_parse_compact(&hour, text_of("20270301150000")));
    assert_ok(whitelist_check(w, "a.b", hour - 1, &error), &error);
    assert_false(whitelist_check(w, "a.b", hour, &error));
    assert_int_equal(error.code, ERROR_EXPIRED);
    assert_false(whitelist_check(w, "a.c", hour - 1, &error));
    assert_int_equal(error.code, ERROR_NAME_MISMATCH);
}

static void names_the_bad_line(void **state)
{
    static const struct {
        const char *body, *message;
    } cases[] = {
        {"2026112011250\nE20991231235959\nNa\n", "line 1"},
        {"202611201125077\nE20991231235959\nNa\n", "line 1"},
        {"20261120112507\nE2099123123595\nNa\n", "line 2"},
        {"20261120112507\n220991231235959\nNa\n", "line 2"},
        {"20261120112507\nE20991331235959\nNa\n", "line 2"},
        {"20261120112507\nE2099123x235959\nNa\n", "line 2"},
        {"20261120112507\nE20991231245959\nNa\n", "line 2"},
        {"20261120112507\nE20991231235959\nN\n", "line 3"},
        {"20261120112507\nE20991231235959\nNa/b\n", "line 3"},
        {"20261120112507\nE20991231235959\nna\n", "line 3"},
        {"20261120112507\nE20991231235959\n", "line 3"},
        {"20261120112507\n", "line 2"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct whitelist *w;
        struct error error;

        assert_false(
            whitelist_parse(&w, frame(cases[i].body, state), unit_pool(state), &error));
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
        assert_non_null(strstr(error.message, cases[i].message));
    }
    /* Only the expiry hour counts: odd minutes do no harm, nor does an odd line 1. */
    assert_non_null(parsed("yyyymmddhhmmss\nE2099123123xx99\nNa\n", state));
}

static void refuses_every_cut_and_every_flipped_byte(void **state)
{
    struct text file = frame(HEAD "# one\n" SOME_FINGERPRINT "\n", state);
    char *bytes = apr_pmemdup(unit_pool(state), file.bytes, file.length);
    struct whitelist *w;
    struct error error;

    for (size_t length = 0; length < file.length - 8; length++)
        assert_false(
            whitelist_parse(&w, (struct text){bytes, length}, unit_pool(state), &error));
    for (size_t i = 0; i < file.length - 9; i++) {
        bytes[i] ^= 1;
        assert_false(whitelist_parse(&w, (struct text){bytes, file.length},
                                     unit_pool(state), &error));
        bytes[i] ^= 1;
    }
}

static void reads_the_bare_body_that_pkcs7_embeds(void **state)
{
    struct whitelist *w;
    struct error error;

    assert_ok(whitelist_parse(&w, text_of(HEAD "Vpkcs7\n" SOME_FINGERPRINT "\n"),
                              unit_pool(state), &error),
              &error);
    assert_true(w->uses_pkcs7 && w->signature.length == 0);
    assert_false(whitelist_parse(&w, text_of(HEAD SOME_FINGERPRINT "\n"),
                                 unit_pool(state), &error));
}

static const struct CMUnitTest whitelist_tests[] = {
    UNIT_TEST(reads_a_plain_one),
    UNIT_TEST(passes_over_comments_between_fingerprints),
    UNIT_TEST(finds_fingerprints_of_every_algorithm),
    UNIT_TEST(writes_what_it_reads),
    UNIT_TEST(a_successor_lists_the_same_and_more),
    UNIT_TEST(dies_at_the_start_of_its_expiry_hour),
    UNIT_TEST(names_the_bad_line),
    UNIT_TEST(refuses_every_cut_and_every_flipped_byte),
    UNIT_TEST(reads_the_bare_body_that_pkcs7_embeds),
};

UNIT_MAIN(whitelist_tests)
