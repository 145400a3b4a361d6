/* SPDX-License-Identifier: Apache-2.0 */
/* The shared cache of names: claims, lifetimes, eviction, and processes that die. */
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libreplica/base/clock.h"
#include "libreplica/geo/name_cache.h"

#define LONG_TIME apr_time_from_sec(1000)
#define KILLS     200

static struct name_cache *make_cache(int capacity, apr_time_t lifetime, apr_pool_t *pool)
{
    struct name_cache *cache;
    struct error error;

    assert_ok(name_cache_create(&cache, capacity, lifetime, pool, &error), &error);
    return cache;
}

static enum name_state find(struct name_entry *entry, struct name_cache *cache,
                            const char *name)
{
    struct text text = text_of(name);
    enum name_state state;

    name_cache_find(entry, &state, cache, &text, 1, clock_now() + LONG_TIME);
    return state;
}

static struct name_entry entry_at(double latitude)
{
    return (struct name_entry){.ipv4 = {AF_INET, {192, 0, 2, 1}},
                               .ipv6 = {AF_INET6, {0x20, 1, 0xd, 0xb8}},
                               .place = {true, {latitude, 7}},
                               .is_by_ipv6 = true,
                               .database_version = 9};
}

/* Time that the clock can see. */
static void pass(void)
{
    apr_time_t start = clock_now();

    while (clock_now() == start)
        continue;
}

static void test_claim_store_and_find(void **state)
{
    struct name_cache *cache = make_cache(16, LONG_TIME, unit_pool(state));
    struct name_entry stored = entry_at(46), entry;

    assert_int_equal(find(&entry, cache, "a.example"), NAME_CLAIMED);
    assert_int_equal(find(&entry, cache, "a.example"), NAME_PENDING);
    assert_int_equal(find(&entry, cache, "b.example"), NAME_CLAIMED);
    assert_int_equal(name_cache_lookups(cache), 2);
    name_cache_store(cache, text_of("a.example"), &stored);
    assert_int_equal(find(&entry, cache, "a.example"), NAME_FRESH);
    assert_memory_equal(&entry, &stored, sizeof(entry));
    assert_int_equal(find(&entry, cache, "b.example"), NAME_PENDING);
    assert_int_equal(name_cache_lookups(cache), 2);
}

static void test_a_dead_name_is_known_too(void **state)
{
    struct name_cache *cache = make_cache(16, LONG_TIME, unit_pool(state));
    struct name_entry nothing = {0}, entry;

    find(&entry, cache, "a");
    name_cache_store(cache, text_of("a"), &nothing);
    assert_int_equal(find(&entry, cache, "a"), NAME_FRESH);
    assert_false(entry.place.is_known);
    assert_int_equal(entry.ipv4.family, 0);
}

static void test_what_has_expired_is_used_while_one_looks_anew(void **state)
{
    struct name_cache *cache = make_cache(16, 0, unit_pool(state));
    struct name_entry stored = entry_at(46), moved = entry_at(50), nothing = {0}, entry;

    find(&entry, cache, "a");
    name_cache_store(cache, text_of("a"), &stored);
    pass();
    assert_int_equal(find(&entry, cache, "a"), NAME_RENEW);
    assert_true(entry.place.point.latitude == 46);
    assert_int_equal(find(&entry, cache, "a"), NAME_STALE);
    assert_true(entry.place.point.latitude == 46);
    nothing.has_failed = true;
    name_cache_store(cache, text_of("a"), &nothing);
    pass();
    assert_int_equal(find(&entry, cache, "a"), NAME_RENEW);
    assert_true(entry.place.is_known && entry.place.point.latitude == 46);
    assert_true(entry.has_failed);
    name_cache_store(cache, text_of("a"), &moved);
    pass();
    assert_int_equal(find(&entry, cache, "a"), NAME_RENEW);
    assert_true(entry.place.point.latitude == 50);
    assert_false(entry.has_failed);
}

static void test_a_claim_can_be_given_back(void **state)
{
    struct name_cache *cache = make_cache(16, LONG_TIME, unit_pool(state));
    struct name_entry entry;

    assert_int_equal(find(&entry, cache, "a"), NAME_CLAIMED);
    assert_int_equal(name_cache_lookups(cache), 1);
    name_cache_abandon(cache, text_of("a"));
    assert_int_equal(name_cache_lookups(cache), 0);
    assert_int_equal(find(&entry, cache, "a"), NAME_CLAIMED);
    name_cache_abandon(cache, text_of("never seen"));
}

static void test_a_place_can_be_found_anew(void **state)
{
    struct name_cache *cache = make_cache(16, LONG_TIME, unit_pool(state));
    struct name_entry stored = entry_at(46), moved = entry_at(50), entry;

    find(&entry, cache, "a");
    name_cache_store(cache, text_of("a"), &stored);
    moved.database_version = 10;
    moved.is_by_ipv6 = false;
    name_cache_relocate(cache, text_of("a"), &moved);
    assert_int_equal(find(&entry, cache, "a"), NAME_FRESH);
    assert_memory_equal(&entry, &moved, sizeof(entry));
    /* Who found the place of an address that the name no longer has comes too late. */
    stored.ipv4.bytes[3]++;
    name_cache_relocate(cache, text_of("a"), &stored);
    find(&entry, cache, "a");
    assert_memory_equal(&entry, &moved, sizeof(entry));
    name_cache_relocate(cache, text_of("not there"), &moved);
    assert_int_equal(find(&entry, cache, "not there"), NAME_CLAIMED);
}

/* Fill the cache and use some again: those that were not are gone. */
static void test_the_least_recently_used_goes_first(void **state)
{
    struct name_cache *cache = make_cache(100, LONG_TIME, unit_pool(state));
    struct name_entry stored = entry_at(1), entry;
    char name[20];

    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "name%d", i);
        assert_int_equal(find(&entry, cache, name), NAME_CLAIMED);
        name_cache_store(cache, text_of(name), &stored);
    }
    for (int i = 0; i < 100; i += 2) {
        snprintf(name, sizeof(name), "name%d", i);
        assert_int_equal(find(&entry, cache, name), NAME_FRESH);
    }
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "new%d", i);
        assert_int_equal(find(&entry, cache, name), NAME_CLAIMED);
    }
    for (int i = 0; i < 100; i += 2) {
        snprintf(name, sizeof(name), "name%d", i);
        assert_int_equal(find(&entry, cache, name), NAME_FRESH);
    }
    for (int i = 1; i < 100; i += 2) {
        snprintf(name, sizeof(name), "name%d", i);
        assert_int_equal(find(&entry, cache, name), NAME_CLAIMED);
    }
}

/* Many more names than fit, in calls of many names: every one is claimed or found. */
static void test_long_lists(void **state)
{
    enum { COUNT = 1000 };
    struct name_cache *cache = make_cache(16, LONG_TIME, unit_pool(state));
    struct text names[COUNT];
    struct name_entry entries[COUNT];
    enum name_state states[COUNT];

    for (int i = 0; i < COUNT; i++)
        names[i] = text_of(apr_psprintf(unit_pool(state), "name%d", i / 2));
    for (int round = 0; round < 3; round++) {
        name_cache_find(entries, states, cache, names, COUNT, clock_now() + LONG_TIME);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(states[i], i % 2 == 0 ? NAME_CLAIMED : NAME_PENDING);
    }
}

static void test_a_lookup_that_died_is_claimed_again(void **state)
{
    struct name_cache *cache = make_cache(16, LONG_TIME, unit_pool(state));
    struct name_entry entry;
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(find(&entry, cache, "a") == NAME_CLAIMED ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(name_cache_lookups(cache), 1);
    assert_int_equal(find(&entry, cache, "a"), NAME_CLAIMED);
    assert_int_equal(name_cache_lookups(cache), 2);
}

static void test_processes_share_and_wake_each_other(void **state)
{
    struct name_cache *cache = make_cache(16, LONG_TIME, unit_pool(state));
    struct name_entry stored = entry_at(46), entry;
    enum name_state found;
    pid_t child;

    assert_int_equal(find(&entry, cache, "a"), NAME_CLAIMED);
    child = fork();
    if (child == 0) {
        name_cache_store(cache, text_of("a"), &stored);
        _exit(0);
    }
    do {
        uint32_t ticket = name_cache_ticket(cache);

        found = find(&entry, cache, "a");
        if (found == NAME_PENDING)
            name_cache_wait(cache, ticket, clock_now() + LONG_TIME);
    } while (found == NAME_PENDING);
    assert_int_equal(found, NAME_FRESH);
    waitpid(child, NULL, 0);
}

static void use_for_ever(struct name_cache *cache)
{
    struct name_entry stored = entry_at(1), entry;
    char name[20];

    for (int i = 0;; i++) {
        snprintf(name, sizeof(name), "name%d", i % 100);
        if (find(&entry, cache, name) != NAME_FRESH)
            name_cache_store(cache, text_of(name), &stored);
    }
}

/* Most of these processes are in the middle of a change when they die. */
static void test_a_process_that_dies_blocks_nobody(void **state)
{
    struct name_cache *cache = make_cache(64, LONG_TIME, unit_pool(state));
    struct name_entry stored = entry_at(3), entry;

    for (int i = 0; i < KILLS; i++) {
        char name[20];
        pid_t child = fork();

        if (child == 0)
            use_for_ever(cache);
        usleep((useconds_t)(random() % 2000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        for (int j = 0; j < 100; j++) {
            snprintf(name, sizeof(name), "name%d", j);
            if (find(&entry, cache, name) != NAME_FRESH)
                name_cache_store(cache, text_of(name), &stored);
            assert_int_equal(find(&entry, cache, name), NAME_FRESH);
        }
    }
}

/* The lock's holder lives, but stands still. */
static void test_a_lock_that_is_not_given_back_is_not_waited_for(void **state)
{
    struct name_cache *cache = make_cache(16, LONG_TIME, unit_pool(state));
    struct name_entry entry;
    struct text name = text_of("a");
    enum name_state found = NAME_FRESH;
    pid_t child = fork();

    if (child == 0)
        use_for_ever(cache);
    while (found != NAME_NO_CACHE) { /* until it stands still at the right place */
        kill(child, SIGCONT);
        usleep(300);
        kill(child, SIGSTOP);
        name_cache_find(&entry, &found, cache, &name, 1, clock_now() + 1000);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_not_equal(find(&entry, cache, "a"), NAME_NO_CACHE);
}

static const struct CMUnitTest name_cache_tests[] = {
    UNIT_TEST(test_claim_store_and_find),
    UNIT_TEST(test_a_dead_name_is_known_too),
    UNIT_TEST(test_what_has_expired_is_used_while_one_looks_anew),
    UNIT_TEST(test_a_claim_can_be_given_back),
    UNIT_TEST(test_a_place_can_be_found_anew),
    UNIT_TEST(test_the_least_recently_used_goes_first),
    UNIT_TEST(test_long_lists),
    UNIT_TEST(test_a_lookup_that_died_is_claimed_again),
    UNIT_TEST(test_processes_share_and_wake_each_other),
    UNIT_TEST(test_a_process_that_dies_blocks_nobody),
    UNIT_TEST(test_a_lock_that_is_not_given_back_is_not_waited_for),
};

UNIT_MAIN(name_cache_tests)
