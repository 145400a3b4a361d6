/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of URLs: what is in it, and that nothing else is. */
#include "tests/unit/unit.h"
#include "libreplica/format/request_path.h"

#define DIGITS "d3d49a5c64f21f36936ab350d49aaf57585b9a"

static enum request_kind kind_of(const char *path)
{
    return request_path_parse(text_of(path)).kind;
}

static void knows_the_files_of_a_repository(void **state)
{
    static const struct {
        const char *name;
        enum request_kind kind;
    } files[] = {
        {".cvmfspublished", REQUEST_MANIFEST},
        {".cvmfswhitelist", REQUEST_WHITELIST},
        {".cvmfswhitelist.pkcs7", REQUEST_WHITELIST_PKCS7},
        {".cvmfsreflog", REQUEST_REFLOG},
        {".cvmfs_status.json", REQUEST_STATUS_FILE},
        {".cvmfs_last_snapshot", REQUEST_LAST_SNAPSHOT},
        {".cvmfs_is_snapshotting", REQUEST_IS_SNAPSHOTTING},
        {".cvmfs_master_replica", REQUEST_MASTER_REPLICA},
        {".cvmfsempty", REQUEST_EMPTY_PROBE},
        {".cvmfs_partial_replica", REQUEST_PARTIAL_REPLICA},
    };

    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        const char *path =
            apr_pstrcat(unit_pool(state), "/cvmfs/sw.example.net/", files[i].name, NULL);
        struct request_path parsed = request_path_parse(text_of(path));

        assert_int_equal(parsed.kind, files[i].kind);
        assert_true(text_equals(parsed.repository, "sw.example.net"));
        assert_true(text_equals(parsed.file_name, files[i].name));
    }
}

static void knows_the_files_of_the_server(void **state)
{
    struct request_path parsed;

    parsed = request_path_parse(text_of("/cvmfs/info/v1/meta.json"));
    assert_int_equal(parsed.kind, REQUEST_META_INFO);
    assert_true(text_equals(parsed.file_name, "meta.json"));
    assert_int_equal(parsed.repository.length, 0);
    assert_int_equal(kind_of("/cvmfs/info/v1/repositories.json"),
                     REQUEST_REPOSITORIES_INFO);
    assert_int_equal(kind_of("/robots.txt"), REQUEST_ROBOTS);
    assert_int_equal(kind_of("/cvmfs/info/.cvmfspublished"), REQUEST_MANIFEST);
}

static void knows_public_keys_and_certificates_and_no_other_keys(void **state)
{
    static const char *const none[] = {"/cvmfs-meta/",        "/cvmfs-meta",
                                       "/cvmfs-meta/.pub",    "/cvmfs-meta/a",
                                       "/cvmfs-meta/a.key",   "/cvmfs-meta/a.masterkey",
                                       "/cvmfs-meta/a.gw",    "/cvmfs-meta/a.pub/",
                                       "/cvmfs-meta/a.PUB",   "/cvmfs-meta/../a.pub",
                                       "/cvmfs-meta/a/b.pub", "/cvmfs-meta/..pub",
                                       "/cvmfs-meta//a.pub",  "/cvmfs-meta/a.key.pubx",
                                       "/cvmfs/a.pub",        "/cvmfs-meta/a b.crt",
                                       "/cvmfs-metax/a.pub"};
    struct request_path parsed = request_path_parse(text_of("/cvmfs-meta/sw.a.b.pub"));

    assert_int_equal(parsed.kind, REQUEST_KEY_FILE);
    assert_true(text_equals(parsed.repository, "sw.a.b"));
    assert_true(text_equals(parsed.file_name, "sw.a.b.pub"));
    parsed = request_path_parse(text_of("/cvmfs-meta/a.crt.crt"));
    assert_int_equal(parsed.kind, REQUEST_KEY_FILE);
    assert_true(text_equals(parsed.repository, "a.crt"));
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_int_equal(kind_of(none[i]), REQUEST_UNKNOWN);
    assert_int_equal(request_path_parse((struct text){"/cvmfs-meta/a\0.pub", 18}).kind,
                     REQUEST_UNKNOWN);
}

static void parses_objects(void **state)
{
    static const char *const good[] = {
        "6e/" DIGITS,
        "6e/" DIGITS "C",
        "6e/" DIGITS "-shake128",
        "6e/" DIGITS "-rmd160P",
        "6e/" DIGITS "L",
    };
    struct request_path parsed;
    char path[OBJECT_PATH_SIZE];

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        const char *url = apr_pstrcat(unit_pool(state), "/cvmfs/a/data/", good[i], NULL);

        parsed = request_path_parse(text_of(url));
        assert_int_equal(parsed.kind, REQUEST_OBJECT);
        assert_true(text_equals(parsed.repository, "a"));
        assert_string_equal(object_path(path, &parsed.object), url + strlen("/cvmfs/a/"));
    }
    parsed = request_path_parse(text_of("/cvmfs/a/.cvmfsalt-6e" DIGITS "-shake128X"));
    assert_int_equal(parsed.kind, REQUEST_ALTERNATIVE_PATH);
    assert_int_equal(parsed.object.type, OBJECT_CERTIFICATE);
}

static void refuses_what_is_not_an_object(void **state)
{
    static const char *const bad[] = {
        "/cvmfs/a/data",
        "/cvmfs/a/data/",
        "/cvmfs/a/data/6e",
        "/cvmfs/a/data/6e/",
        "/cvmfs/a/data/txn/x",
        "/cvmfs/a/data/txn/" DIGITS,
        "/cvmfs/a/data/6e/" DIGITS "T",
        "/cvmfs/a/data/6e/" DIGITS "Z",
        "/cvmfs/a/data/6e/" DIGITS "CC",
        "/cvmfs/a/data/6e/" DIGITS "/",
        "/cvmfs/a/data/6e/" DIGITS "0",
        "/cvmfs/a/data/6e/3d49a5c64f21f36936ab350d49aaf57585b9a",
        "/cvmfs/a/data/6E/" DIGITS,
        "/cvmfs/a/data/6e/D3d49a5c64f21f36936ab350d49aaf57585b9a",
        "/cvmfs/a/data/6e/" DIGITS "-sha256",
        "/cvmfs/a/data/6e/" DIGITS "-shake128-shake128",
        "/cvmfs/a/data/00/00000000000000000000000000000000000000",
        "/cvmfs/a/data/6g/" DIGITS,
        "/cvmfs/a/data/6ed/" DIGITS,
        "/cvmfs/a/data/6e//" DIGITS,
        "/cvmfs/a/data//6e/" DIGITS,
        "/cvmfs/a//data/6e/" DIGITS,
        "/cvmfs//a/data/6e/" DIGITS,
        "//cvmfs/a/data/6e/" DIGITS,
        "/cvmfs/a/data/6e/../6e/" DIGITS,
        "/cvmfs/a/./data/6e/" DIGITS,
        "/cvmfs/a/.cvmfsalt-6e" DIGITS "T",
        "/cvmfs/a/.cvmfsalt-",
        "/cvmfs/a/.cvmfsalt-6e/" DIGITS,
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (kind_of(bad[i]) != REQUEST_UNKNOWN)
            fail_msg("accepted '%s'", bad[i]);
}

static void refuses_everything_else(void **state)
{
    static const char *const bad[] = {
        "",
        "/",
        "/cvmfs",
        "/cvmfs/",
        "/cvmfs/a",
        "/cvmfs/a/",
        "/cvmfs/../.cvmfspublished",
        "/cvmfs/./.cvmfspublished",
        "/cvmfs/-a/.cvmfspublished",
        "/cvmfs/a b/.cvmfspublished",
        "/cvmfs/a/../.cvmfspublished",
        "/cvmfs/a/.cvmfspublished/",
        "/cvmfs/a/.cvmfspublishedx",
        "/cvmfs/a/.cvmfs",
        "/cvmfs/a/.CVMFSPUBLISHED",
        "/cvmfs/a/.htaccess",
        "/cvmfs/a/stats/stats.db",
        "/cvmfs/a/.cvmfsdirtab",
        "/cvmfs/info/v1/",
        "/cvmfs/info/v1/other.json",
        "/cvmfs/info/v2/meta.json",
        "/CVMFS/a/.cvmfspublished",
        "/robots.txt/",
        "/cvmfs/robots.txt",
        "cvmfs/a/.cvmfspublished",
    };
    static const char nul[] = "/cvmfs/a\0b/.cvmfspublished";
    static const char nul_at_end[] = "/cvmfs/a/.cvmfspublished\0";

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (kind_of(bad[i]) != REQUEST_UNKNOWN)
            fail_msg("accepted '%s'", bad[i]);
    assert_int_equal(request_path_parse((struct text){nul, sizeof(nul) - 1}).kind,
                     REQUEST_UNKNOWN);
    assert_int_equal(
        request_path_parse((struct text){nul_at_end, sizeof(nul_at_end) - 1}).kind,
        REQUEST_UNKNOWN);
}

static void leaves_the_argument_of_the_api_alone(void **state)
{
    struct request_path parsed =
        request_path_parse(text_of("/cvmfs/any thing/api/v1.0/geo/x/a,b/c"));

    assert_int_equal(parsed.kind, REQUEST_API);
    assert_true(text_equals(parsed.repository, "any thing"));
    assert_true(text_equals(parsed.api, "v1.0/geo/x/a,b/c"));
    assert_int_equal(kind_of("/cvmfs//api/v1.0/geo/x/a"), REQUEST_UNKNOWN);
    assert_int_equal(kind_of("/cvmfs/../api/v1.0/geo/x/a"), REQUEST_UNKNOWN);
    assert_int_equal(kind_of("/cvmfs/a/api"), REQUEST_UNKNOWN);
    assert_int_equal(kind_of("/cvmfs/a/api/"), REQUEST_API);
}

static void tells_plain_urls_from_disguised_ones(void **state)
{
    static const char *const good[] = {"/cvmfs/a/.cvmfspublished",
                                       "/cvmfs/a/%2ecvmfspublished",
                                       "/a/...",
                                       "/a/%41//b",
                                       "http://host/cvmfs/a",
                                       ""};
    static const char *const bad[] = {
        "/cvmfs/a/..",    "/cvmfs/../b",   "/cvmfs/./b",   "/.",
        "/cvmfs/%2e%2E/", "/cvmfs/.%2e/b", "/cvmfs/%2E/b", "/cvmfs/a%2fb",
        "/cvmfs/a%2Fb",   "/cvmfs/a%00b",  "/cvmfs/a%",    "/cvmfs/a%4",
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        if (!request_path_is_plain(text_of(good[i])))
            fail_msg("refused '%s'", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (request_path_is_plain(text_of(bad[i])))
            fail_msg("accepted '%s'", bad[i]);
}

static void names_every_kind_once(void **state)
{
    for (int kind = 0; kind < REQUEST_KIND_COUNT; kind++)
        for (int other = 0; other < kind; other++)
            assert_string_not_equal(request_kind_name((enum request_kind)kind),
                                    request_kind_name((enum request_kind)other));
}

static const struct CMUnitTest request_path_tests[] = {
    UNIT_TEST(knows_the_files_of_a_repository),
    UNIT_TEST(knows_the_files_of_the_server),
    UNIT_TEST(knows_public_keys_and_certificates_and_no_other_keys),
    UNIT_TEST(parses_objects),
    UNIT_TEST(refuses_what_is_not_an_object),
    UNIT_TEST(refuses_everything_else),
    UNIT_TEST(leaves_the_argument_of_the_api_alone),
    UNIT_TEST(tells_plain_urls_from_disguised_ones),
    UNIT_TEST(names_every_kind_once),
};

UNIT_MAIN(request_path_tests)
