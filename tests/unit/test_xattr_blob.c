/* SPDX-License-Identifier: Apache-2.0 */
/* The blob of extended attributes, there and back, and damaged. */
#include "tests/unit/unit.h"
#include "libreplica/format/xattr_blob.h"

static const char known[] = "\x01\x02\x0d\x10"
                            "user.checksum0123456789abcdef"
                            "\x08\x03"
                            "user.foobar";

static void add(apr_array_header_t *list, const char *name, const char *value)
{
    struct xattr *attribute = apr_array_push(list);

    attribute->name = text_of(name);
    attribute->value = text_of(value);
}

static void writes_the_known_blob_sorted(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(struct xattr));
    struct error error;
    struct text blob;

    assert_ok(xattr_blob_write(&blob, list, pool, &error), &error);
    assert_int_equal(blob.length, 0);
    add(list, "user.foo", "bar");
    add(list, "user.checksum", "0123456789abcdef");
    assert_ok(xattr_blob_write(&blob, list, pool, &error), &error);
    assert_int_equal(blob.length, sizeof(known) - 1);
    assert_memory_equal(blob.bytes, known, blob.length);
}

static void reads_what_it_wrote(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    apr_array_header_t *list;
    struct error error;
    struct xattr *all;

    assert_ok(
        xattr_blob_read(&list, (struct text){known, sizeof(known) - 1}, pool, &error),
        &error);
    assert_int_equal(list->nelts, 2);
    all = (struct xattr *)list->elts;
    assert_true(text_equals(all[0].name, "user.checksum"));
    assert_true(text_equals(all[0].value, "0123456789abcdef"));
    assert_true(text_equals(all[1].name, "user.foo"));
    assert_true(text_equals(all[1].value, "bar"));
}

static void refuses_every_cut_and_what_does_not_fit(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    apr_array_header_t *list;
    struct error error;

    for (size_t length = 0; length < sizeof(known) - 1; length++) {
        char *copy = apr_pmemdup(pool, known, length);

        assert_false(xattr_blob_read(&list, (struct text){copy, length}, pool, &error));
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
    assert_false(
        xattr_blob_read(&list, (struct text){known, sizeof(known)}, pool, &error));
    assert_false(xattr_blob_read(&list, text_of("\x02\x01\x01\x01xy"), pool, &error));
    assert_false(
        xattr_blob_read(&list, (struct text){"\x01\x01\x00\x01y", 5}, pool, &error));
}

static void keeps_the_limits(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(struct xattr));
    char *longest = apr_pcalloc(pool, XATTR_BLOB_MAX + 2);
    struct error error;
    struct text blob;

    memset(longest, 'x', XATTR_BLOB_MAX);
    add(list, longest, longest);
    assert_ok(xattr_blob_write(&blob, list, pool, &error), &error);
    assert_int_equal(blob.length, 4 + 2 * XATTR_BLOB_MAX);
    longest[XATTR_BLOB_MAX] = 'x';
    add(list, "user.a", longest);
    assert_false(xattr_blob_write(&blob, list, pool, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    apr_array_clear(list);
    add(list, "user.a", "");
    add(list, "user.a", "b");
    assert_false(xattr_blob_write(&blob, list, pool, &error));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
    apr_array_clear(list);
    for (int i = 0; i <= XATTR_BLOB_MAX; i++)
        add(list, apr_psprintf(pool, "user.%d", i), "");
    assert_false(xattr_blob_write(&blob, list, pool, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
}

static const struct CMUnitTest xattr_blob_tests[] = {
    UNIT_TEST(writes_the_known_blob_sorted),
    UNIT_TEST(reads_what_it_wrote),
    UNIT_TEST(refuses_every_cut_and_what_does_not_fit),
    UNIT_TEST(keeps_the_limits),
};

UNIT_MAIN(xattr_blob_tests)
