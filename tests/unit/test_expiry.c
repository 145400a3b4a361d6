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

static void what_is_due_comes_first_and_can_be_forgotten(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    struct expiry_content content = content_of("x", 1);
    const struct expiry_record *record;
    apr_array_header_t *records;
    struct expiry *expiry;
    struct error error;
    apr_time_t when;
    bool found;

    assert_ok(expiry_open(&expiry, unit_folder(state), pool, &error), &error);
    assert_ok(expiry_next(expiry, &found, &when, &error), &error);
    assert_false(found);
    assert_ok(expiry_set(expiry, "/late", &content, 300, &error) &&
                  expiry_set(expiry, "/b", &content, 200, &error) &&
                  expiry_set(expiry, "/a", &content, 100, &error),
              &error);
    assert_ok(expiry_next(expiry, &found, &when, &error), &error);
    assert_true(found && when == 100);
    assert_ok(expiry_due(&records, expiry, 200, 1, pool, &error), &error);
    assert_int_equal(records->nelts, 1);
    assert_ok(expiry_due(&records, expiry, 200, 9, pool, &error), &error);
    assert_int_equal(records->nelts, 2);
    record = &APR_ARRAY_IDX(records, 0, struct expiry_record);
    assert_string_equal(record->path, "/a");
    assert_string_equal(record->content, expiry_content_text(&content, pool));
    assert_ok(expiry_forget_due(expiry, record, 99, &error), &error);
    assert_int_equal(find(expiry, "/a", &content), 100);
    assert_ok(expiry_forget_due(expiry, record, 100, &error), &error);
    assert_int_equal(find(expiry, "/a", &content), -1);
}

/* What expiry_each says, one after the other. */
static bool append(void *baton, const struct expiry_record *record, apr_time_t expires_at,
                   struct error *error)
{
    char *text = baton;

    apr_snprintf(text + strlen(text), 200 - strlen(text), "%s=%d ", record->path,
                 (int)expires_at);
    return *record->path != '!' || error_set(error, ERROR_CANCELLED, "enough");
}

static void all_come_by_path(void **state)
{
    struct expiry_content content = content_of("x", 1), other = content_of("y", 1);
    apr_pool_t *pool = unit_pool(state);
    struct expiry *expiry;
    struct error error;
    char text[200] = "";

    assert_ok(expiry_open(&expiry, unit_folder(state), pool, &error), &error);
    assert_ok(expiry_each(expiry, append, text, pool, &error), &error);
    assert_string_equal(text, "");
    assert_ok(expiry_set(expiry, "/b", &content, 200, &error) &&
                  expiry_set(expiry, "/a", &content, 300, &error) &&
                  expiry_set(expiry, "/a", &other, 100, &error),
              &error);
    assert_ok(expiry_each(expiry, append, text, pool, &error), &error);
    assert_string_equal(text, "/a=100 /a=300 /b=200 ");
    assert_ok(expiry_set(expiry, "!", &content, 1, &error), &error);
    assert_false(expiry_each(expiry, append, text, pool, &error));
    assert_int_equal(error.code, ERROR_CANCELLED);
}

static void a_record_fits_its_content(void **state)
{
    struct expiry_content content = content_of("x", 1), other = content_of("y", 1);
    const char *text = expiry_content_text(&content, unit_pool(state));

    assert_true(expiry_content_fits(text, &content, true));
    assert_false(expiry_content_fits(text, &other, true));
    assert_true(expiry_content_fits(text, &other, false));
    other = content_of("x", 12);
    assert_false(expiry_content_fits(text, &other, false));
}

static void what_is_claimed_is_due_until_it_is_released(void **state)
{
    struct expiry_content content = content_of("x", 1);
    apr_pool_t *pool = unit_pool(state);
    apr_array_header_t *records;
    struct expiry *expiry;
    struct error error;
    apr_time_t when;
    bool found;

    assert_ok(expiry_open(&expiry, unit_folder(state), pool, &error) &&
                  expiry_set(expiry, "/a", &content, 100, &error) &&
                  expiry_set(expiry, "/late", &content, 300, &error) &&
                  expiry_due(&records, expiry, 400, 9, pool, &error),
              &error);
    for (int i = 0; i < 2; i++)
        assert_ok(expiry_claim(expiry, &APR_ARRAY_IDX(records, i, struct expiry_record),
                               200, &error),
                  &error);
    assert_int_equal(find(expiry, "/a", &content), -100);
    assert_int_equal(find(expiry, "/late", &content), 300);
    assert_ok(expiry_next(expiry, &found, &when, &error), &error);
    assert_true(found && when == 100);
    assert_ok(expiry_due(&records, expiry, 50, 9, pool, &error), &error);
    assert_int_equal(records->nelts, 1);
    assert_ok(expiry_release(expiry, &error), &error);
    assert_int_equal(find(expiry, "/a", &content), 100);
    assert_int_equal(find(expiry, "/late", &content), 300);
}

static void directories_are_known_by_their_time(void **state)
{
    struct expiry *expiry;
    struct error error;
    bool found;

    assert_ok(expiry_open(&expiry, unit_folder(state), unit_pool(state), &error), &error);
    assert_ok(expiry_note_directory(expiry, "/d", 7, &error), &error);
    assert_ok(expiry_find_directory(expiry, &found, "/d", 7, &error), &error);
    assert_true(found);
    assert_ok(expiry_find_directory(expiry, &found, "/d", 8, &error), &error);
    assert_false(found);
    assert_ok(expiry_forget_directory(expiry, "/d", &error), &error);
    assert_ok(expiry_find_directory(expiry, &found, "/d", 7, &error), &error);
    assert_false(found);
}

static const struct CMUnitTest expiry_tests[] = {
    UNIT_TEST(records_are_of_one_content),
    UNIT_TEST(what_is_not_ended_well_is_undone),
    UNIT_TEST(what_is_due_comes_first_and_can_be_forgotten),
    UNIT_TEST(all_come_by_path),
    UNIT_TEST(a_record_fits_its_content),
    UNIT_TEST(what_is_claimed_is_due_until_it_is_released),
    UNIT_TEST(directories_are_known_by_their_time),
};

UNIT_MAIN(expiry_tests)
