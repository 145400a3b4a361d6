/* SPDX-License-Identifier: Apache-2.0 */
/* What a URL asks for: objects and questions to the geo API, and all that looks like one
 * and may be something else. */
#include "tests/unit/unit.h"
#include "libreplica/format/store_request.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define REST         "00000000000000000000000000000000000001"
#define OBJECT       "ab/" REST
#define UUID         "0a1b2c3d-4e5f-6071-8293-A4B5c6d7e8f9"

static char buffer[1000];

static struct store_request request_of(const char *url)
{
    struct store_request request;

    assert_true(strlen(url) <= sizeof(buffer));
    store_request_parse(&request, text_of(url), buffer);
    return request;
}

struct object_row {
    const char *url;
    const char *host, *repository, *object;
};

static const struct object_row objects[] = {
    {"http://h/cvmfs/a.b/data/" OBJECT, "h", "a.b", OBJECT},
    {"http://A.Example.NET:8000/cvmfs/a/data/" OBJECT "C", "a.example.net", "a",
     OBJECT "C"},
    {"http://h/cvmfs/A/data/" OBJECT "-rmd160", "h", "A", OBJECT "-rmd160"},
    {"http://[2001:DB8::1]:80/cvmfs/a/data/" OBJECT "-shake128P", "[2001:db8::1]", "a",
     OBJECT "-shake128P"},
    {"http://127.0.0.1:80/cvmfs/a/data/" OBJECT "X", "127.0.0.1", "a", OBJECT "X"},
};

static void knows_objects(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(objects); i++) {
        struct store_request request = request_of(objects[i].url);

        if (request.kind != STORE_OBJECT || !text_equals(request.host, objects[i].host) ||
            !text_equals(request.repository, objects[i].repository) ||
            !text_equals(request.object, objects[i].object))
            fail_msg("%s: %s", objects[i].url, request.reason);
    }
}

struct geo_row {
    const char *url;
    const char *host, *caching_string, *servers;
};

#define API "http://H:80/cvmfs/a.b/api/v1.0/geo/"

static const struct geo_row questions[] = {
    {API "x/a,b", "h", "", "a,b"},
    {API UUID "/A.b,B", "h", "", "a.b,b"},
    {"http://h/cvmfs/none/api/v/geo/x/a", "h", "", "a"},
    {API "Squid.Example.net/a", "h", "squid.example.net", "a"},
    {API "192.0.2.1/a", "h", "192.0.2.1", "a"},
    {API "[2001:DB8::1]/[::1],::FFFF:1.2.3.4", "h", "[2001:db8::1]",
     "[::1],::ffff:1.2.3.4"},
    {API "x/A,+PXYSEP+,B", "h", "", "a,+PXYSEP+,b"},
    /* Only the first one separates; no other is taken for it. */
    {API "x/+PXYSEP+,A,+PXYSEP+", "h", "", "+PXYSEP+,a,+pxysep+"},
    {API "x/+PxySep+,A", "h", "", "+pxysep+,a"},
    {API "x/,", "h", "", ","},
    {API "x/A_b,", "h", "", "a_b,"},
};

static void knows_questions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(questions); i++) {
        struct store_request request = request_of(questions[i].url);

        if (request.kind != STORE_GEO || !text_equals(request.host, questions[i].host) ||
            !text_equals(request.caching_string, questions[i].caching_string) ||
            !text_equals(request.servers, questions[i].servers))
            fail_msg("%s: %s", questions[i].url, request.reason);
    }
}

static const char *const others[] = {
    "",
    "http://",
    "http://h",
    "h:80",
    "/cvmfs/a/data/" OBJECT,
    "https://h/cvmfs/a/data/" OBJECT,
    "HTTP://h/cvmfs/a/data/" OBJECT,
    "ftp://h/cvmfs/a/data/" OBJECT,
    "http:///cvmfs/a/data/" OBJECT,
    "http://u@h/cvmfs/a/data/" OBJECT,
    "http://u:p@h/cvmfs/a/data/" OBJECT,
    "http://h:8o/cvmfs/a/data/" OBJECT,
    "http://h:/cvmfs/a/data/" OBJECT,
    "http://h:0/cvmfs/a/data/" OBJECT,
    "http://h:65536/cvmfs/a/data/" OBJECT,
    "http://[h]/cvmfs/a/data/" OBJECT,
    "http://[::1/cvmfs/a/data/" OBJECT,
    "http://[::1]x/cvmfs/a/data/" OBJECT,
    "http://h%2e/cvmfs/a/data/" OBJECT,
    "http://h/cvmfs/a/data/" OBJECT "?",
    "http://h/cvmfs/a/data/" OBJECT "?x",
    "http://h/cvmfs/a/data/" OBJECT "#x",
    "http://h/cvmfs/a/data/" OBJECT "/",
    "http://h/cvmfs/a/data/" OBJECT "T",
    "http://h/cvmfs/a/data/" OBJECT "CC",
    "http://h/cvmfs/a/data/" OBJECT "-md5",
    "http://h/cvmfs/a/data/" OBJECT "0",
    "http://h/cvmfs/a/data/aB/" REST,
    "http://h/cvmfs/a/data/00/00000000000000000000000000000000000000",
    "http://h/cvmfs/a/data/%61b/" REST,
    "http://h/cvmfs/%61/data/" OBJECT,
    "http://h//cvmfs/a/data/" OBJECT,
    "http://h/cvmfs//a/data/" OBJECT,
    "http://h/cvmfs/a//data/" OBJECT,
    "http://h/cvmfs/a/data//" OBJECT,
    "http://h/cvmfs/./a/data/" OBJECT,
    "http://h/cvmfs/../a/data/" OBJECT,
    "http://h/cvmfs/b/../a/data/" OBJECT,
    "http://h/cvmfs/a\\data/" OBJECT,
    "http://h/cvmfs/a/b/data/" OBJECT,
    "http://h/cvmfs/data/" OBJECT,
    "http://h/CVMFS/a/data/" OBJECT,
    "http://h/cvmfs/a/.cvmfspublished",
    "http://h/cvmfs/a/.cvmfsalt-ab" REST,
    API "_namelookups_/a",
    API "single/a",
    API ".a/b",
    API "/a",
    API "x/",
    API "x",
    API "x//a",
    API "x/a/b",
    API "x/..",
    API "a.b/.",
    API "x/a?ip=1.2.3.4",
    API "x/a%2Cb",
    API "x/a;b",
    API "x/a#b",
    API "a,b.c/a",
    API "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8fg/a",
    "http://h/cvmfs/a/api/1.0/geo/x/a",
    "http://h/cvmfs/a/api/v1/geos/x/a",
    "http://h/cvmfs/a/api/v%31/geo/x/a",
    "http://h/cvmfs/a/api/v1//geo/x/a",
    "http://h/cvmfs/a/api//v1/geo/x/a",
    "http://h/cvmfs/a?b/api/v1/geo/x/a",
    "http://h/cvmfs/a%2fb/api/v1/geo/x/a",
    "http://h/cvmfs/../api/v1/geo/x/a",
    "http://h/cvmfs//api/v1/geo/x/a",
};

static void knows_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        struct store_request request = request_of(others[i]);

        if (request.kind != STORE_NOTHING || request.reason == NULL)
            fail_msg("%s", others[i]);
    }
}

static void a_nul_is_no_part_of_a_name(void **state)
{
    static const char url[] = API "x/a\0b";
    struct store_request request;

    (void)state;
    store_request_parse(&request, (struct text){url, sizeof(url) - 1}, buffer);
    assert_int_equal(request.kind, STORE_NOTHING);
}

static const struct CMUnitTest store_request_tests[] = {
    UNIT_TEST(knows_objects),
    UNIT_TEST(knows_questions),
    UNIT_TEST(knows_nothing_else),
    UNIT_TEST(a_nul_is_no_part_of_a_name),
};
UNIT_MAIN(store_request_tests)
