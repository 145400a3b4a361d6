/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts and ports of URLs. */
#include "tests/unit/unit.h"

#include "libreplica/format/authority.h"

static void splits_hosts_and_ports(void **state)
{
    static const struct {
        const char *authority, *host;
        int port;
    } rows[] = {{"h", "h", 0},
                {"H.example.net:80", "H.example.net", 80},
                {"[::1]", "[::1]", 0},
                {"[::1]:65535", "[::1]", 65535}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct text host;
        int port;

        assert_true(authority_split(&host, &port, text_of(rows[i].authority)));
        assert_true(text_equals(host, rows[i].host));
        assert_int_equal(port, rows[i].port);
    }
}

static void refuses_what_is_no_host_and_port(void **state)
{
    static const char *const bad[] = {"",        ":80",   "h:",   "h:0",
                                      "h:65536", "h:8o",  "[::1", "[::1]x",
                                      "[::1]:",  "h:1:2", "h:-1", "h:+1"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct text host;
        int port;

        if (authority_split(&host, &port, text_of(bad[i])))
            fail_msg("%s", bad[i]);
    }
}

static void knows_hosts(void **state)
{
    char longest[256];

    (void)state;
    memset(longest, 'a', sizeof(longest));
    assert_true(authority_is_host(text_of("a-b.example.net"), ".-"));
    assert_true(authority_is_host(text_of("[2001:db8::1]"), ""));
    assert_true(authority_is_host((struct text){longest, 255}, ""));
    assert_false(authority_is_host((struct text){longest, 256}, ""));
    assert_false(authority_is_host(text_of(""), "."));
    assert_false(authority_is_host(text_of("a b"), "."));
    assert_false(authority_is_host(text_of("[192.0.2.1]"), "."));
    assert_false(authority_is_host(text_of("[::ffff:192.0.2.1]"), "."));
    assert_false(authority_is_host(text_of("[]"), "."));
    assert_false(authority_is_host(text_of("["), "."));
}

static const struct CMUnitTest authority_tests[] = {
    UNIT_TEST(splits_hosts_and_ports),
    UNIT_TEST(refuses_what_is_no_host_and_port),
    UNIT_TEST(knows_hosts),
};

UNIT_MAIN(authority_tests)
