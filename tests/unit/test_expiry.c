/* SPDX-License-Identifier: Apache-2.0 */
/* When files expire: a record counts for the content it was written for. */
#include "tests/unit/unit.h"

#include "libreplica/store/expiry.h"

static struct expiry_content content_of(const char *bytes, int64_t mtime)
{
    struct expiry_content content = {(int64_t)strlen(bytes), mtime, {0}};

    hash_bytes(&content.hash, HASH_SHA1, bytes, strlen(bytes));
    return content;
}

static apr_time_t find(struct expiry *expiry, const char *path,
                       const struct expiry_content *content)
{
    struct error error;
    apr_time_t when;
    bool found;

    assert_ok(expiry_find(expiry, &found, &when, path, content, &error), &error);
    return found ? when : -1;
}

static void records_are_of_one_content(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *folder = unit_folder(state);
    struct expiry_content old = content_of("old", 1), new = content_of("new", 1);
    struct expiry_content later = content_of("old", 2);
    struct expiry *expiry, *other;
    struct error error;

    assert_ok(expiry_open(&expiry, folder, pool, &error), &error);
    assert_ok(expiry_open(&other, folder, pool, &error), &error);
    assert_ok(expiry_begin(expiry, &error) &&
                  expiry_set(expiry, "/a", &old, 100, &error) &&
                  expiry_set(expiry, "/a", &new, 200, &error) &&
                  expiry_set(expiry, "/b", &old, 300, &error) &&
                  expiry_end(expiry, true, &error),
              &error);
    assert_int_equal(find(other, "/a", &old), 100);
    assert_int_equal(find(other, "/a", &new), 200);
    assert_int_equal(find(other, "/a", &later), -1);
    assert_ok(expiry_forget_others(expiry, "/a", &new, &error), &error);
    assert_int_equal(find(other, "/a", &old), -1);
    assert_int_equal(find(other, "/a", &new), 200);
    assert_ok(expiry_forget_others(expiry, "/a", NULL, &error), &error);
    assert_int_equal(find(other, "/a", &new), -1);
    assert_int_equal(find(other, "/b", &old), 300);
}

static void what_is_not_ended_well_is_undone(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    struct expiry_content content = content_of("x", 1);
    struct expiry *expiry;
    struct error error;

    assert_ok(expiry_open(&expiry, unit_folder(state), pool, &error), &error);
    assert_true(expiry_begin(expiry, &error));
    assert_true(expiry_set(expiry, "/a", &content, 1, &error));
    assert_false(expiry_end(expiry, false, &error));
    assert_int_equal(find(expiry, "/a", &content), -1);
    assert_true(expiry_begin(expiry, &error) && expiry_end(expiry, true, &error));
}

static const struct CMUnitTest expiry_tests[] = {
    UNIT_TEST(records_are_of_one_content),
    UNIT_TEST(what_is_not_ended_well_is_undone),
};

UNIT_MAIN(expiry_tests)
