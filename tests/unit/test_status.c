/* SPDX-License-Identifier: Apache-2.0 */
/* A replica's status file: keys change one by one, whatever was there before. */
#include "tests/unit/unit.h"
#include "libreplica/operate/status.h"

#define NAME ".cvmfs_status.json"

static struct store *open_store(void **state)
{
    const char *root = apr_pstrcat(unit_pool(state), unit_folder(state), "/r", NULL);
    struct store *store;
    struct error error;

    assert_ok(store_create(root, unit_pool(state), &error), &error);
    assert_ok(store_open(&store, root, NULL, unit_pool(state), &error), &error);
    return store;
}

static const char *content_of(void **state, struct store *store)
{
    struct text content;
    struct error error;

    assert_ok(store_read(&content, store, NAME, 10000, unit_pool(state), &error), &error);
    return content.bytes;
}

static void change(void **state, struct store *store, const char *key, const char *value)
{
    struct status_change one = {key, value};
    struct error error;

    assert_ok(status_update(store, &one, 1, unit_pool(state), &error), &error);
}

static void writes_changes_and_removes_keys(void **state)
{
    struct store *store = open_store(state);

    change(state, store, "last_snapshot", "Sat Nov 21 2026");
    change(state, store, "last_error", "it is \"broken\"\n");
    assert_string_equal(status_read(store, "last_snapshot", unit_pool(state)),
                        "Sat Nov 21 2026");
    assert_string_equal(status_read(store, "last_error", unit_pool(state)),
                        "it is \"broken\"\n");
    change(state, store, "last_error", NULL);
    assert_null(status_read(store, "last_error", unit_pool(state)));
    assert_string_equal(content_of(state, store),
                        "{\n  \"last_snapshot\": \"Sat Nov 21 2026\"\n}\n");
}

static void keeps_what_others_wrote(void **state)
{
    struct store *store = open_store(state);
    struct error error;

    assert_ok(
        store_replace(store, NAME, text_of("{\"last_gc\": \"then\", \"n\": 7}"), &error),
        &error);
    change(state, store, "last_snapshot", "now");
    assert_string_equal(status_read(store, "last_gc", unit_pool(state)), "then");
    assert_non_null(strstr(content_of(state, store), "\"n\": 7"));
    assert_null(status_read(store, "n", unit_pool(state)));
}

static void replaces_what_is_no_object(void **state)
{
    static const char *const contents[] = {"", "{", "[1, 2]", "null", "\xff\xfe", "7"};
    struct store *store = open_store(state);
    struct error error;

    for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++) {
        assert_ok(store_replace(store, NAME, text_of(contents[i]), &error), &error);
        assert_null(status_read(store, "revision", unit_pool(state)));
        change(state, store, "revision", "3");
        assert_string_equal(status_read(store, "revision", unit_pool(state)), "3");
    }
}

static void what_is_no_text_does_not_cost_the_file(void **state)
{
    struct store *store = open_store(state);

    change(state, store, "revision", "3");
    change(state, store, "last_error", "\xff\xfe");
    assert_string_equal(status_read(store, "revision", unit_pool(state)), "3");
}

static const struct CMUnitTest status[] = {
    UNIT_TEST(writes_changes_and_removes_keys),
    UNIT_TEST(keeps_what_others_wrote),
    UNIT_TEST(replaces_what_is_no_object),
    UNIT_TEST(what_is_no_text_does_not_cost_the_file),
};
UNIT_MAIN(status)
