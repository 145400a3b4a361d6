/* SPDX-License-Identifier: Apache-2.0 */
/* The dirty marker: what a crash may have damaged proves itself or goes. */
#include "tests/unit/unit.h"

#include <unistd.h>
#include "libreplica/store/dirty_marker.h"

static struct object store_text(void **state, struct store *store, const char *text)
{
    struct object object = {.type = OBJECT_FILE};
    struct store_file *file;
    struct error error;
    int64_t size;

    assert_true(store_begin(&file, store, HASH_SHA1, unit_pool(state), &error));
    assert_true(store_write(file, text, strlen(text), &error));
    assert_true(store_finish(file, &object.hash, &size, &error));
    assert_ok(store_commit(file, &object, &error), &error);
    return object;
}

static void a_clean_close_leaves_nothing_to_check(void **state)
{
    const char *root = apr_pstrcat(unit_pool(state), unit_folder(state), "/r", NULL);
    struct dirty_marker marker;
    struct store *store;
    struct error error;

    assert_true(store_create(root, unit_pool(state), &error));
    assert_true(store_open(&store, root, NULL, unit_pool(state), &error));
    assert_ok(dirty_marker_open(&marker, store, &error), &error);
    assert_false(marker.is_stale);
    assert_ok(dirty_marker_close(&marker, &error), &error);
    assert_ok(dirty_marker_open(&marker, store, &error), &error);
    assert_false(marker.is_stale);
}

static void a_stale_marker_finds_damage(void **state)
{
    const char *root = apr_pstrcat(unit_pool(state), unit_folder(state), "/r", NULL);
    struct dirty_marker marker;
    struct store_status status;
    struct object good, empty, cut;
    char path[OBJECT_PATH_SIZE];
    int64_t checked, removed;
    volatile int stop = 1;
    struct store *store;
    struct error error;
    bool found;

    assert_true(store_create(root, unit_pool(state), &error));
    assert_true(store_open(&store, root, NULL, unit_pool(state), &error));
    assert_ok(dirty_marker_open(&marker, store, &error), &error);
    good = store_text(state, store, "good");
    empty = store_text(state, store, "empty");
    cut = store_text(state, store, "cut");
    assert_int_equal(
        truncate(
            apr_pstrcat(unit_pool(state), root, "/", object_path(path, &empty), NULL), 0),
        0);
    assert_int_equal(
        truncate(apr_pstrcat(unit_pool(state), root, "/", object_path(path, &cut), NULL),
                 2),
        0);
    assert_ok(dirty_marker_open(&marker, store, &error), &error);
    assert_true(marker.is_stale);
    assert_true(store_stat(store, &good, &status, &found, &error) && found);
    assert_true(dirty_marker_covers(&marker, &status));
    assert_false(dirty_marker_recover(&marker, &checked, &removed, &stop, &error));
    assert_int_equal(error.code, ERROR_CANCELLED);
    stop = 0;
    assert_ok(dirty_marker_recover(&marker, &checked, &removed, &stop, &error), &error);
    assert_int_equal(checked, 3);
    assert_int_equal(removed, 2);
    assert_true(store_stat(store, &good, &status, &found, &error) && found);
    assert_true(store_stat(store, &cut, &status, &found, &error) && !found);
    status.changed -= apr_time_from_sec(2 * 3600);
    assert_false(dirty_marker_covers(&marker, &status));
}

static const struct CMUnitTest dirty_marker_tests[] = {
    UNIT_TEST(a_clean_close_leaves_nothing_to_check),
    UNIT_TEST(a_stale_marker_finds_damage),
};

UNIT_MAIN(dirty_marker_tests)
