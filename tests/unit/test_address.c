/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses from text and back. */
#include "tests/unit/unit.h"

#include <sys/socket.h>
#include "libreplica/geo/address.h"

static void reads_and_writes(void **state)
{
    static const struct {
        const char *text, *shown;
        int family;
    } cases[] = {
        {"10.0.0.1", "10.0.0.1", AF_INET},
        {"255.255.255.255", "255.255.255.255", AF_INET},
        {"[10.0.0.1]", "10.0.0.1", AF_INET},
        {"::1", "::1", AF_INET6},
        {"[::1]", "::1", AF_INET6},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", AF_INET6},
        {"::ffff:10.0.0.1", "10.0.0.1", AF_INET},
        {"[::ffff:a00:1]", "10.0.0.1", AF_INET},
        {"0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255", AF_INET},
        {"::10.0.0.1", "::10.0.0.1", AF_INET6},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AF_INET6},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct geo_address address;
        char text[GEO_ADDRESS_TEXT_SIZE];

        if (!geo_address_parse(&address, text_of(cases[i].text)))
            fail_msg("refused '%s'", cases[i].text);
        assert_int_equal(address.family, cases[i].family);
        assert_string_equal(geo_address_format(text, &address), cases[i].shown);
    }
}

static void keeps_the_network_order(void **state)
{
    static const unsigned char bytes[16] = {10, 1, 2, 3};
    struct geo_address address;

    assert_true(geo_address_parse(&address, text_of("::ffff:10.1.2.3")));
    assert_memory_equal(address.bytes, bytes, sizeof(bytes));
}

static void refuses_everything_else(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "10.0.0",
        "10.1",
        "167772161",
        "0x0a000001",
        "10.0.0.256",
        "10.0.0.01",
        " 10.0.0.1",
        "10.0.0.1 ",
        "10.0.0.1.",
        "[[::1]]",
        "[::1",
        "::1]",
        "[]",
        "[",
        ":",
        ":::",
        "1::2::3",
        "fe80::1%eth0",
        "::1/128",
        "12345::",
        "10.0.0.1:80",
        "[::1]:80",
        "a.example.net",
        "0000:0000:0000:0000:0000:ffff:255.255.255.2555",
    };
    static const struct text with_nul[] = {{"10.0.0.1\0", 9}, {"::1\0x", 5}, {"\0", 1}};
    struct geo_address address;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (geo_address_parse(&address, text_of(bad[i])))
            fail_msg("accepted '%s'", bad[i]);
        assert_int_equal(address.family, 0);
    }
    for (size_t i = 0; i < sizeof(with_nul) / sizeof(*with_nul); i++)
        assert_false(geo_address_parse(&address, with_nul[i]));
}

static void reads_spans_without_an_end(void **state)
{
    struct geo_address address;

    assert_true(geo_address_parse(&address, (struct text){"10.0.0.12345", 9}));
    assert_int_equal(address.bytes[3], 12);
}

static void shows_nothing_for_no_address(void **state)
{
    char text[GEO_ADDRESS_TEXT_SIZE] = "x";

    assert_string_equal(geo_address_format(text, &(struct geo_address){0}), "");
}

static const struct CMUnitTest address_tests[] = {
    UNIT_TEST(reads_and_writes),
    UNIT_TEST(keeps_the_network_order),
    UNIT_TEST(refuses_everything_else),
    UNIT_TEST(reads_spans_without_an_end),
    UNIT_TEST(shows_nothing_for_no_address),
};

UNIT_MAIN(address_tests)
