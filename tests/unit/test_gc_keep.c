/* SPDX-License-Identifier: Apache-2.0 */
/* The keep rules of garbage collection on made-up histories. */
#include "tests/unit/unit.h"

#include "libreplica/operate/gc_grace.h"
#include "libreplica/operate/gc_keep.h"

/* How many of the revisions, whose times are given from the head on, are kept. */
static int kept(const struct gc_keep *keep, const int64_t *seconds, int count)
{
    int depth = 0;

    while (depth + 1 < count && gc_keep_goes_on(keep, depth, seconds[depth]))
        depth++;
    return depth + 1;
}

static void keeps_so_many_ancestors(void **state)
{
    static const int64_t seconds[] = {50, 40, 30, 20, 10};

    for (int revisions = 0; revisions < 8; revisions++) {
        struct gc_keep keep = {.revisions = revisions};

        assert_int_equal(kept(&keep, seconds, 5), revisions < 4 ? revisions + 1 : 5);
    }
}

static void keeps_what_is_young_and_the_first_that_is_old(void **state)
{
    static const int64_t seconds[] = {50, 40, 30, 20, 10};
    static const struct {
        int64_t since;
        int kept;
    } cases[] = {{51, 1}, {50, 2}, {41, 2}, {40, 3}, {39, 3}, {21, 4}, {11, 5}, {0, 5}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct gc_keep keep = {.by_time = true, .since_seconds = cases[i].since};

        assert_int_equal(kept(&keep, seconds, 5), cases[i].kept);
    }
}

/* A replica that fetches an old revision today has it since today. */
static void ends_at_the_first_old_one_even_if_younger_ones_follow(void **state)
{
    static const int64_t seconds[] = {50, 5, 45, 44, 1};
    struct gc_keep keep = {.by_time = true, .since_seconds = 40};

    assert_int_equal(kept(&keep, seconds, 5), 2);
}

/* What became current at 31 replaced the one before it, which has been in use till then.
 */
static void keeps_what_was_in_use(void **state)
{
    static const int64_t seconds[] = {50, 40, 31, 20, 10};
    static const struct {
        int64_t since;
        int revisions, kept;
    } cases[] = {{51, 0, 1}, {51, 2, 3}, {50, 0, 2}, {32, 0, 3}, {31, 0, 4},
                 {31, 1, 4}, {30, 0, 4}, {1, 0, 5},  {0, 0, 1}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct gc_keep keep = {.revisions = cases[i].revisions,
                               .in_use_since_seconds = cases[i].since};

        assert_int_equal(kept(&keep, seconds, 5), cases[i].kept);
    }
}

static void grace_is_what_is_set_or_three_lives(void **state)
{
    struct settings *settings = settings_create(unit_pool(state));
    struct manifest manifest = {.ttl_seconds = 100};
    struct gc_keep keep = {0};
    struct error error;

    gc_keep_grace(&keep, settings, &manifest, apr_time_from_sec(1000));
    assert_int_equal(keep.in_use_since_seconds, 700);
    assert_true(settings_parse(settings, SETTING_SCOPE_REPOSITORY, "server.conf",
                               text_of("REPLICA_GC_GRACE=50"), &error));
    gc_keep_grace(&keep, settings, &manifest, apr_time_from_sec(1000));
    assert_int_equal(keep.in_use_since_seconds, 950);
    assert_true(settings_parse(settings, SETTING_SCOPE_REPOSITORY, "server.conf",
                               text_of("REPLICA_GC_GRACE=0"), &error));
    gc_keep_grace(&keep, settings, &manifest, apr_time_from_sec(1000));
    assert_int_equal(keep.in_use_since_seconds, 0);
}

static struct object object_of(char digit, enum object_type type)
{
    struct object object = {{HASH_SHA1, {0}}, type};

    memset(object.hash.digest, digit, HASH_DIGEST_SIZE);
    return object;
}

static void condemns_old_auxiliary_objects_that_are_not_in_use(void **state)
{
    static const enum object_type types[] = {OBJECT_CERTIFICATE, OBJECT_HISTORY,
                                             OBJECT_METAINFO};
    struct object root = object_of(9, OBJECT_CATALOG);
    struct manifest manifest = {0};

    manifest.certificate = object_of(10, types[0]).hash;
    manifest.history = object_of(11, types[1]).hash;
    manifest.metainfo = object_of(12, types[2]).hash;
    for (char i = 0; i < 3; i++) {
        struct object used = object_of((char)(10 + i), types[(int)i]);
        struct object other = object_of((char)(20 + i), types[(int)i]);

        assert_false(gc_keep_condemns(&used, 1, 100, &manifest));
        assert_true(gc_keep_condemns(&other, 99, 100, &manifest));
        assert_false(gc_keep_condemns(&other, 100, 100, &manifest));
        assert_false(gc_keep_condemns(&other, 101, 100, &manifest));
    }
    assert_false(gc_keep_condemns(&root, 1, 100, &manifest));
}

static const struct CMUnitTest gc_keep[] = {
    UNIT_TEST(keeps_so_many_ancestors),
    UNIT_TEST(keeps_what_is_young_and_the_first_that_is_old),
    UNIT_TEST(ends_at_the_first_old_one_even_if_younger_ones_follow),
    UNIT_TEST(keeps_what_was_in_use),
    UNIT_TEST(grace_is_what_is_set_or_three_lives),
    UNIT_TEST(condemns_old_auxiliary_objects_that_are_not_in_use),
};
UNIT_MAIN(gc_keep)
