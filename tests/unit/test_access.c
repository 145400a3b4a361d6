/* SPDX-License-Identifier: Apache-2.0 */
/* Access: nobody gets more than a line allows. */
#include "tests/unit/unit.h"

#include "libreplica/access/access.h"

#define NOW apr_time_from_sec(1700000000)
/* printf secret | sha256sum */
#define SECRET_HASH "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

static struct access_table *table_of(const char *text, apr_pool_t *pool)
{
    struct access_table *table;
    struct error error;

    assert_ok(access_parse(&table, text_of(text), "access", pool, &error), &error);
    return table;
}

static enum error_code ask(const struct access_table *table, const char *principal,
                           enum access_verb verb, const char *repository,
                           const char *path)
{
    struct access_request request = {verb, repository, path};
    struct error error = {ERROR_NONE};

    return access_allows(table, principal, &request, &error) ? ERROR_NONE : error.code;
}

static void rights_are_whole_components(void **state)
{
    struct access_table *table =
        table_of("allow ci write,ttl sw.example.net /a/b/ # nightly\n"
                 "allow root all *\nallow anonymous read sw.example.net /public",
                 unit_pool(state));

    assert_int_equal(ask(table, "ci", ACCESS_WRITE, "sw.example.net", "/a/b"), 0);
    assert_int_equal(ask(table, "ci", ACCESS_TTL, "sw.example.net", "/a/b/c"), 0);
    assert_int_equal(ask(table, "ci", ACCESS_WRITE, "sw.example.net", "/a/bc"),
                     ERROR_PERMISSION);
    assert_int_equal(ask(table, "ci", ACCESS_WRITE, "sw.example.net", "/a"),
                     ERROR_PERMISSION);
    assert_int_equal(ask(table, "ci", ACCESS_DELETE, "sw.example.net", "/a/b"),
                     ERROR_PERMISSION);
    assert_int_equal(ask(table, "ci", ACCESS_WRITE, "other.example.net", "/a/b"),
                     ERROR_PERMISSION);
    assert_int_equal(ask(table, "root", ACCESS_ADMIN, "any", ""), 0);
    assert_int_equal(ask(table, "anonymous", ACCESS_READ, "sw.example.net", "/public/x"),
                     0);
    assert_int_equal(ask(table, "anonymous", ACCESS_READ, "sw.example.net", ""),
                     ERROR_BAD_SIGNATURE);
}

static void a_bad_line_names_itself(void **state)
{
    static const char *const lines[] = {
        "allow ci fly sw /",       "allow ci write sw a",  "allow ci write sw /a/../b",
        "allow ci write sw /a//b", "allow c/i write sw /", "allow ci write",
        "allow ci , sw /",         "allow ci write s/w",   "allow ci write sw / more",
        "a b c d e f g",           "token ci 12",          "token anonymous " SECRET_HASH,
        "key robot ../x",          "key robot .x",         "grant all",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        apr_pool_t *pool = unit_pool(state);
        const char *text = apr_pstrcat(pool, "# first\n", lines[i], "\n", NULL);
        struct access_table *table;
        struct error error;

        assert_false(access_parse(&table, text_of(text), "access", pool, &error));
        assert_int_equal(error.code, ERROR_SETTING);
        assert_memory_equal(error.message, "access:2: ", 10);
    }
}

static void tokens_are_known_by_their_hash(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    struct access_table *table = table_of("token ci " SECRET_HASH "\n", pool);
    struct access_credential credential;
    const char *principal;
    struct error error;

    assert_true(
        access_credential_parse(&credential, "bearer secret", NULL, pool, &error));
    assert_string_equal(credential.token_hash, SECRET_HASH);
    assert_ok(access_identify(&principal, table, &credential, NOW, pool, &error), &error);
    assert_string_equal(principal, "ci");
    assert_true(
        access_credential_parse(&credential, "Bearer Secret", NULL, pool, &error));
    assert_false(access_identify(&principal, table, &credential, NOW, pool, &error));
    assert_int_equal(error.code, ERROR_BAD_SIGNATURE);
    assert_true(access_credential_parse(&credential, NULL, NULL, pool, &error));
    assert_true(access_identify(&principal, table, &credential, NOW, pool, &error));
    assert_string_equal(principal, "anonymous");
}

static void malformed_headers_are_refused(void **state)
{
    static const char *const headers[] = {"",      "Bearer", "Bearer ", " x",
                                          "a b c", "\xFF x", "a\tb c"};
    struct access_credential credential;
    struct error error;

    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        assert_false(access_credential_parse(&credential, headers[i], NULL,
                                             unit_pool(state), &error));
}

static bool identify_signed(const char *mac, const char *date, const char *target,
                            apr_pool_t *pool, struct error *error)
{
    struct access_table *table = table_of("key robot x.gw\n", pool);
    struct access_key *key = &APR_ARRAY_IDX(table->keys, 0, struct access_key);
    struct access_credential credential = {ACCESS_PROOF_KEY, .key_id = "id1",
                                           .mac = mac,       .method = "PUT",
                                           .target = target, .date = date};
    const char *principal;

    assert_true(access_parse_key(&key->id, &key->secret,
                                 text_of("plain_text id1 SECRET\n"), pool, error));
    return access_identify(&principal, table, &credential, NOW, pool, error);
}

/* printf 'PUT\n/repos/sw/a\n1700000000\n' | openssl sha1 -hmac SECRET, then base64 */
static void keys_sign_method_target_and_date(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *mac = access_mac("SECRET", "PUT\n/repos/sw/a\n1700000000\n", pool);
    struct error error;

    assert_string_equal(mac, "OGQ0OTliZDJmOGRjNDhiZTcyZjI2ODhjN2ZjMTA3ZmVkMzExYjk0NA==");
    assert_ok(identify_signed(mac, "1700000000", "/repos/sw/a", pool, &error), &error);
    assert_false(identify_signed(mac, "1700000001", "/repos/sw/a", pool, &error));
    assert_false(identify_signed(mac, "1700000000", "/repos/sw/b", pool, &error));
    assert_false(identify_signed("", "1700000000", "/repos/sw/a", pool, &error));
}

static void dates_are_near(void **state)
{
    static const struct {
        const char *date;
        bool is_good;
    } cases[] = {{"1700000300", true},         {"1699999700", true},
                 {"1700000000-nonce_1", true}, {"1700000301", false},
                 {"1699999699", false},        {"1700000000x", false},
                 {"1700000000-a b", false},    {"", false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        apr_pool_t *pool = unit_pool(state);
        const char *text =
            apr_pstrcat(pool, "PUT\n/repos/sw/a\n", cases[i].date, "\n", NULL);
        struct error error;

        assert_int_equal(identify_signed(access_mac("SECRET", text, pool), cases[i].date,
                                         "/repos/sw/a", pool, &error),
                         cases[i].is_good);
    }
}

static const struct CMUnitTest access_tests[] = {
    UNIT_TEST(rights_are_whole_components),      UNIT_TEST(a_bad_line_names_itself),
    UNIT_TEST(tokens_are_known_by_their_hash),   UNIT_TEST(malformed_headers_are_refused),
    UNIT_TEST(keys_sign_method_target_and_date), UNIT_TEST(dates_are_near),
};

UNIT_MAIN(access_tests)
