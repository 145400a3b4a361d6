/* SPDX-License-Identifier: Apache-2.0 */
/* A request as a policy's rules see it. */
#include "tests/unit/unit.h"
#include "libreplica/format/policy_query.h"

#define OBJECT "/cvmfs/a.b/data/ab/00000000000000000000000000000000000000"

struct row {
    const char *url, *kind, *repository, *host, *suffix;
};

static const struct row rows[] = {
    {"/cvmfs/a.b/.cvmfspublished", "manifest", "a.b", "", ""},
    {"/cvmfs/a.b/.cvmfspublished?x=1", "manifest", "a.b", "", ""},
    {"/cvmfs/a%2eb/.cvmfspublished", "manifest", "a.b", "", ""},
    {"/cvmfs/a.b/.cvmfswhitelist", "meta", "a.b", "", ""},
    {"/cvmfs/a.b/.cvmfsreflog", "meta", "a.b", "", ""},
    {OBJECT, "data", "a.b", "", ""},
    {OBJECT "P", "data", "a.b", "", "P"},
    {OBJECT "C", "catalog", "a.b", "", "C"},
    {OBJECT "-shake128C", "catalog", "a.b", "", "C"},
    {"/cvmfs/any/api/v1.0/geo/x/y,z", "geo", "any", "", ""},
    {"/cvmfs/info/v1/repositories.json", "info", "", "", ""},
    {"/robots.txt", "info", "", "", ""},
    {"/", "other", "", "", ""},
    {"", "other", "", "", ""},
    {"/cvmfs/a.b/../c.d/.cvmfspublished", "other", "", "", ""},
    {"/cvmfs/a.b/%2e%2e/c.d/.cvmfspublished", "other", "", "", ""},
    {"/cvmfs/a.b/%zz", "other", "", "", ""},
    {"/cvmfs-meta/a.b.pub", "meta", "a.b", "", ""},
    {"/cvmfs-meta/a.b.crt", "meta", "a.b", "", ""},
    {"/cvmfs-meta/a.b.key", "other", "", "", ""},
    {"/replica-status", "other", "", "", ""},
    {"/replica-status/", "other", "", "", ""},
    {"/replica-status/metrics", "other", "", "", ""},
    {"/replica-status/status.json", "other", "", "", ""},
    {"/repos/a.b", "other", "", "", ""},
    {"/repos/a.b/file", "other", "", "", ""},
    {"/repos/a.b/data/ab/00000000000000000000000000000000000000", "other", "", "", ""},
    {"/repos/a.b/clean", "other", "", "", ""},
    {"/gc", "other", "", "", ""},
    {"/housekeeping", "other", "", "", ""},
    {"/resign", "other", "", "", ""},
    {"http://Some.Host:8000/cvmfs/a.b/.cvmfspublished", "manifest", "a.b", "some.host",
     ""},
    {"http://u@h/cvmfs/a.b/.cvmfspublished", "manifest", "a.b", "h", ""},
    {"http://u@i@h/cvmfs/a.b/.cvmfspublished", "manifest", "a.b", "h", ""},
    {"HTTPS://h/cvmfs/a.b/.cvmfspublished", "manifest", "a.b", "h", ""},
    {"ftp://h:80/cvmfs/a.b/.cvmfspublished", "other", "", "h", ""},
    {"whois://h:80/cvmfs/a.b/api/v1.0/geo/x/y", "other", "", "h", ""},
    {"httpx://h/cvmfs/a.b/.cvmfspublished", "other", "", "h", ""},
    {"/cvmfs/a.b/.cvmfspublished%3f/x", "other", "", "", ""},
    {"http://[2001:DB8::1]:80" OBJECT, "data", "a.b", "[2001:db8::1]", ""},
    {"http://h", "other", "", "h", ""},
    {"host.example.net:443", "other", "", "host.example.net", ""},
};

static void looks_at_urls_as_the_table_says(void **state)
{
    char buffer[500];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char suffix[2] = "";
        struct policy_query query;

        policy_query_set_url(&query, text_of(rows[i].url), buffer);
        suffix[0] = query.suffix;
        if (strcmp(policy_kind_name(query.kind), rows[i].kind) != 0 ||
            !text_equals(query.repository, rows[i].repository) ||
            !text_equals(query.host, rows[i].host) || strcmp(suffix, rows[i].suffix) != 0)
            fail_msg("%s: %s", rows[i].url, policy_kind_name(query.kind));
    }
}

static void addresses_are_literals(void **state)
{
    static const char *const good[] = {"1.2.3.4", "::1", "2001:db8::1", "::ffff:1.2.3.4"};
    static const char *const bad[] = {
        "",     "1.2.3", "1.2.3.4.5",
        "host", "[::1]", "1.2.3.4/8",
        ":",    "-",     "0000:0000:0000:0000:0000:0000:0000:0000:0"};
    struct policy_query query;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(policy_query_set_client(&query, text_of(good[i])));
    assert_true(policy_address_is_ipv4(query.client));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(policy_query_set_client(&query, text_of(bad[i])));
    assert_false(query.has_client);
    assert_false(policy_query_set_client(&query, (struct text){"1.2.3.4\0", 8}));
}

static const struct CMUnitTest policy_query_tests[] = {
    UNIT_TEST(looks_at_urls_as_the_table_says),
    UNIT_TEST(addresses_are_literals),
};
UNIT_MAIN(policy_query_tests)
