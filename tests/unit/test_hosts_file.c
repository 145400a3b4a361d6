/* SPDX-License-Identifier: Apache-2.0 */
/* Names from a file, and files that change or go. */
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <unistd.h>

#include "libreplica/geo/hosts_file.h"
#include "libreplica/store/file.h"

static const char *in_folder(void **state, const char *name)
{
    return apr_pstrcat(unit_pool(state), unit_folder(state), "/", name, NULL);
}

static struct hosts_file *open_hosts(const char *path, const char *content,
                                     apr_pool_t *pool)
{
    struct hosts_file *hosts = hosts_file_create(path, pool);
    struct error error;
    bool is_news;

    assert_ok(file_replace(path, text_of(content), 0644, pool, &error), &error);
    assert_ok(hosts_file_refresh(hosts, &is_news, &error), &error);
    assert_true(is_news);
    return hosts;
}

/* "<ipv4> <ipv6>" of NAME, "none" if it is not in the file. */
static const char *find(struct hosts_file *hosts, const char *name, apr_pool_t *pool)
{
    char four[GEO_ADDRESS_TEXT_SIZE], six[GEO_ADDRESS_TEXT_SIZE];
    struct geo_address ipv4, ipv6;

    if (!hosts_file_find(&ipv4, &ipv6, hosts, text_of(name)))
        return "none";
    return apr_psprintf(pool, "%s %s", geo_address_format(four, &ipv4),
                        geo_address_format(six, &ipv6));
}

static void test_lines(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    struct hosts_file *hosts = open_hosts(in_folder(state, "hosts"),
                                          "# comment\n"
                                          "\n"
                                          "10.0.0.1\ta.example  A2.Example # not.this\n"
                                          "10.0.0.9 a.example\n"
                                          "2001:db8::1 a.example\r\n"
                                          "nonsense b.example\n"
                                          "10.0.0.3\n"
                                          "10.0.0.4 last",
                                          pool);

    assert_string_equal(find(hosts, "a.example", pool), "10.0.0.1 2001:db8::1");
    assert_string_equal(find(hosts, "a2.example", pool), "10.0.0.1 ");
    assert_string_equal(find(hosts, "last", pool), "10.0.0.4 ");
    assert_string_equal(find(hosts, "b.example", pool), "none");
    assert_string_equal(find(hosts, "not.this", pool), "none");
    assert_string_equal(find(hosts, "", pool), "none");
}

static void test_a_file_that_changes(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *path = in_folder(state, "hosts");
    struct hosts_file *hosts = open_hosts(path, "10.0.0.1 a\n", pool);
    struct error error;
    bool is_news;

    assert_true(hosts_file_refresh(hosts, &is_news, &error));
    assert_false(is_news);
    assert_ok(file_replace(path, text_of("10.0.0.2 a b\n"), 0644, pool, &error), &error);
    assert_true(hosts_file_refresh(hosts, &is_news, &error));
    assert_true(is_news);
    assert_string_equal(find(hosts, "a", pool), "10.0.0.2 ");
    assert_string_equal(find(hosts, "b", pool), "10.0.0.2 ");
}

static void test_a_file_that_goes_and_comes_back(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *path = in_folder(state, "hosts");
    struct hosts_file *hosts = open_hosts(path, "10.0.0.1 a\n", pool);
    struct error error;
    bool is_news;

    unlink(path);
    assert_false(hosts_file_refresh(hosts, &is_news, &error));
    assert_true(is_news);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, path));
    assert_false(hosts_file_refresh(hosts, &is_news, &error));
    assert_false(is_news);
    assert_string_equal(find(hosts, "a", pool), "10.0.0.1 ");
    assert_ok(file_replace(path, text_of("10.0.0.2 a\n"), 0644, pool, &error), &error);
    assert_true(hosts_file_refresh(hosts, &is_news, &error));
    assert_true(is_news);
    assert_string_equal(find(hosts, "a", pool), "10.0.0.2 ");
}

static void test_a_file_that_never_was(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    struct hosts_file *hosts = hosts_file_create(in_folder(state, "absent"), pool);
    struct error error;
    bool is_news;

    assert_string_equal(find(hosts, "a", pool), "none");
    assert_false(hosts_file_refresh(hosts, &is_news, &error));
    assert_true(is_news);
    assert_false(hosts_file_refresh(hosts, &is_news, &error));
    assert_false(is_news);
}

static const struct CMUnitTest hosts_file_tests[] = {
    UNIT_TEST(test_lines),
    UNIT_TEST(test_a_file_that_changes),
    UNIT_TEST(test_a_file_that_goes_and_comes_back),
    UNIT_TEST(test_a_file_that_never_was),
};

UNIT_MAIN(hosts_file_tests)
