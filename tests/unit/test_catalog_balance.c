/* SPDX-License-Identifier: Apache-2.0 */
/* Which directories of a catalog become catalogs, by their weights. */
#include <sys/stat.h>
#include "tests/unit/unit.h"
#include "libreplica/format/catalog_balance.h"
#include "libreplica/format/catalog_editor.h"

struct world {
    apr_pool_t *pool;
    struct catalog_editor *editor;
};

static struct world begin(void **state)
{
    struct world world = {unit_pool(state)};
    struct error error;

    assert_ok(catalog_editor_create(
                  &world.editor,
                  apr_pstrcat(world.pool, unit_folder(state), "/catalog", NULL),
                  world.pool, &error),
              &error);
    return world;
}

static void add(struct world *world, const char *path, unsigned int flags)
{
    const char *slash = strrchr(path, '/');
    struct catalog_entry entry = {
        .path = path_hash_of(text_of(path)),
        .hardlinks = 1,
        .mode = flags & CATALOG_DIRECTORY ? S_IFDIR | 0755 : S_IFIFO | 0644,
        .flags = flags,
        .name = text_of(slash != NULL ? slash + 1 : ""),
    };
    struct error error;

    if (slash != NULL)
        entry.parent = path_hash_of((struct text){path, (size_t)(slash - path)});
    assert_ok(catalog_editor_add(world->editor, &entry, &error), &error);
}

/* A directory with so many files. */
static void add_directory(struct world *world, const char *path, int files)
{
    add(world, path, CATALOG_DIRECTORY);
    for (int i = 0; i < files; i++)
        add(world, apr_psprintf(world->pool, "%s/%d", path, i),
            CATALOG_FILE | CATALOG_SPECIAL);
}

static const char *plan(struct world *world, const char *prefix, int64_t target,
                        int64_t minimum)
{
    apr_array_header_t *paths;
    struct error error;
    const char *words = "";

    assert_ok(catalog_plan_balance(&paths, catalog_editor_catalog(world->editor), prefix,
                                   target, minimum, world->pool, &error),
              &error);
    for (int i = 0; i < paths->nelts; i++)
        words = apr_pstrcat(world->pool, words, i > 0 ? " " : "",
                            APR_ARRAY_IDX(paths, i, const char *), NULL);
    return words;
}

static void leaves_alone_what_is_light_enough(void **state)
{
    struct world world = begin(state);

    add_directory(&world, "", 3);
    add_directory(&world, "/a", 5);
    assert_string_equal(plan(&world, "", 10, 2), "");
    assert_string_equal(plan(&world, "", 9, 2), "/a");
}

static void takes_the_heaviest_first_and_no_more_than_needed(void **state)
{
    struct world world = begin(state);

    add_directory(&world, "", 0);
    add_directory(&world, "/c", 5);
    add_directory(&world, "/b", 5);
    add_directory(&world, "/a", 3);
    add_directory(&world, "/d", 7);
    /* 1 + 6 + 6 + 4 + 8 */
    assert_string_equal(plan(&world, "", 18, 2), "/d");
    assert_string_equal(plan(&world, "", 17, 2), "/d /b");
    assert_string_equal(plan(&world, "", 12, 2), "/d /b /c");
    assert_string_equal(plan(&world, "", 1, 2), "/d /b /c /a");
    assert_string_equal(plan(&world, "", 1, 6), "/d /b /c");
    assert_string_equal(plan(&world, "", 1, 9), "");
}

static void goes_from_the_bottom_up(void **state)
{
    struct world world = begin(state);

    add_directory(&world, "", 0);
    add_directory(&world, "/a", 4);
    add_directory(&world, "/a/b", 4);
    add_directory(&world, "/a/b/c", 9);
    /* c weighs 10, b then 6, a then 11 less 5. */
    assert_string_equal(plan(&world, "", 10, 3), "/a/b/c /a/b");
    assert_string_equal(plan(&world, "", 5, 3), "/a/b/c /a/b /a");
}

static void counts_other_catalogs_as_one(void **state)
{
    struct world world = begin(state);

    add_directory(&world, "", 0);
    add_directory(&world, "/a", 3);
    add(&world, "/a/nested", CATALOG_DIRECTORY | CATALOG_MOUNTPOINT);
    add(&world, "/a/bound", CATALOG_DIRECTORY | CATALOG_BIND_MOUNTPOINT);
    assert_string_equal(plan(&world, "", 7, 2), "");
    assert_string_equal(plan(&world, "", 6, 2), "/a");
    assert_string_equal(plan(&world, "", 6, 7), "");
}

static void makes_no_catalogs_of_empty_directories(void **state)
{
    struct world world = begin(state);

    add_directory(&world, "", 5);
    add_directory(&world, "/a", 0);
    add_directory(&world, "/b", 1);
    assert_string_equal(plan(&world, "", 1, 0), "/b");
}

static void begins_at_the_root_of_a_nested_catalog(void **state)
{
    struct world world = begin(state);

    add_directory(&world, "/n", 1);
    add_directory(&world, "/n/a", 9);
    add_directory(&world, "/n/o", 3);
    assert_string_equal(plan(&world, "/n", 8, 2), "/n/a");
}

static void is_not_led_astray_by_a_root_that_is_its_own_parent(void **state)
{
    struct world world = begin(state);
    struct catalog_entry entry = {.path = path_hash_of(text_of("")),
                                  .parent = path_hash_of(text_of("")),
                                  .mode = S_IFDIR | 0755,
                                  .flags = CATALOG_DIRECTORY,
                                  .name = text_of("")};
    struct error error;

    assert_ok(catalog_editor_add(world.editor, &entry, &error), &error);
    add_directory(&world, "/a", 3);
    assert_string_equal(plan(&world, "", 1, 2), "/a");
}

/* A directory with many entries, many of them directories: one pass. */
static void takes_large_directories_in_its_stride(void **state)
{
    struct world world = begin(state);

    add_directory(&world, "", 0);
    add_directory(&world, "/large", 20000);
    add_directory(&world, "/many", 0);
    for (int i = 0; i < 5000; i++)
        add_directory(&world, apr_psprintf(world.pool, "/many/d%d", i), 1);
    assert_string_equal(plan(&world, "", 5000, 1000), "/large /many");
}

static const struct CMUnitTest catalog_balance_tests[] = {
    UNIT_TEST(leaves_alone_what_is_light_enough),
    UNIT_TEST(takes_the_heaviest_first_and_no_more_than_needed),
    UNIT_TEST(goes_from_the_bottom_up),
    UNIT_TEST(counts_other_catalogs_as_one),
    UNIT_TEST(makes_no_catalogs_of_empty_directories),
    UNIT_TEST(begins_at_the_root_of_a_nested_catalog),
    UNIT_TEST(is_not_led_astray_by_a_root_that_is_its_own_parent),
    UNIT_TEST(takes_large_directories_in_its_stride),
};

UNIT_MAIN(catalog_balance_tests)
