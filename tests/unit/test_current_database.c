/* SPDX-License-Identifier: Apache-2.0 */
/* The database in service: exchanged, refused, held. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <unistd.h>
#include "libreplica/geo/current_database.h"
#include "tests/unit/mmdb_maker.h"

#define READERS   4
#define EXCHANGES 200

struct setting {
    struct current_database *current;
    const char *path;
    apr_pool_t *pool;
};

static struct setting set_up(void **state)
{
    struct setting setting = {.pool = unit_pool(state)};
    apr_array_header_t *paths = apr_array_make(setting.pool, 1, sizeof(char *));

    setting.path = apr_pstrcat(setting.pool, unit_folder(state), "/geo", NULL);
    APR_ARRAY_PUSH(paths, const char *) = setting.path;
    setting.current = current_database_create(paths, setting.pool);
    return setting;
}

/* A database in which all addresses are at LATITUDE and twice that longitude. */
static void write_good(const struct setting *setting, double latitude)
{
    struct mmdb_options options = {.ip_version = 6};
    apr_pool_t *pool;

    mmdb_place(&options.first, latitude, 2 * latitude);
    apr_pool_create(&pool, setting->pool);
    mmdb_write(setting->path, options, pool);
    apr_pool_destroy(pool);
}

static void write_bad(const struct setting *setting)
{
    mmdb_write(setting->path, (struct mmdb_options){.ip_version = 6}, setting->pool);
}

static bool look(const struct geo_database *database, struct geo_point *point)
{
    struct geo_address address;

    return geo_address_parse(&address, text_of("10.0.0.1")) &&
           geo_database_find(point, database, &address);
}

/* The latitude of the database in service, -1 without one. */
static double latitude_in_service(const struct setting *setting)
{
    struct geo_database *database = current_database_hold(setting->current);
    struct geo_point point = {.latitude = -1};

    if (database != NULL)
        assert_true(look(database, &point));
    current_database_release(setting->current, database);
    return point.latitude;
}

static void expect(const struct setting *setting, bool is_good, bool is_news,
                   double latitude)
{
    struct error error = {ERROR_NONE};
    bool told;

    assert_int_equal(current_database_refresh(setting->current, &told, &error), is_good);
    assert_int_equal(told, is_news);
    assert_int_equal(error.code != ERROR_NONE, !is_good);
    assert_true(latitude_in_service(setting) == latitude);
}

static void waits_for_a_database(void **state)
{
    struct setting setting = set_up(state);

    assert_null(current_database_hold(setting.current));
    expect(&setting, false, true, -1);
    expect(&setting, false, false, -1);
    write_good(&setting, 1);
    expect(&setting, true, true, 1);
    expect(&setting, true, false, 1);
}

static void keeps_the_good_one(void **state)
{
    struct setting setting = set_up(state);

    write_good(&setting, 1);
    expect(&setting, true, true, 1);
    write_bad(&setting);
    expect(&setting, false, true, 1);
    expect(&setting, false, false, 1);
    expect(&setting, false, false, 1);
    write_bad(&setting);
    expect(&setting, false, true, 1);
    assert_int_equal(unlink(setting.path), 0);
    expect(&setting, false, true, 1);
    expect(&setting, false, false, 1);
    write_good(&setting, 2);
    expect(&setting, true, true, 2);
}

static void the_old_one_back_is_news(void **state)
{
    struct setting setting = set_up(state);
    const char *aside = apr_pstrcat(setting.pool, setting.path, ".aside", NULL);

    write_good(&setting, 1);
    expect(&setting, true, true, 1);
    assert_int_equal(rename(setting.path, aside), 0);
    expect(&setting, false, true, 1);
    assert_int_equal(rename(aside, setting.path), 0);
    expect(&setting, true, true, 1);
    expect(&setting, true, false, 1);
}

static void holders_keep_theirs(void **state)
{
    struct setting setting = set_up(state);
    struct geo_database *held[3];
    struct geo_point point;

    for (int i = 0; i < 3; i++) {
        write_good(&setting, i + 1);
        expect(&setting, true, true, i + 1);
        held[i] = current_database_hold(setting.current);
    }
    for (int i = 0; i < 3; i++) {
        int taken = (i + 1) % 3;

        assert_true(look(held[taken], &point));
        assert_true(point.latitude == taken + 1);
        current_database_release(setting.current, held[taken]);
    }
    assert_true(latitude_in_service(&setting) == 3);
    current_database_release(setting.current, NULL);
}

struct reader {
    struct current_database *current;
    pthread_t thread;
    int *stop;
    int looks, failures;
};

static void *read_on(void *baton)
{
    struct reader *reader = baton;

    while (!__atomic_load_n(reader->stop, __ATOMIC_ACQUIRE)) {
        struct geo_database *database = current_database_hold(reader->current);
        struct geo_point point;

        reader->failures +=
            !look(database, &point) || point.longitude != 2 * point.latitude;
        reader->looks++;
        current_database_release(reader->current, database);
    }
    return NULL;
}

static void readers_never_miss_it(void **state)
{
    struct setting setting = set_up(state);
    struct reader readers[READERS] = {{NULL}};
    int stop = 0;

    write_good(&setting, 1);
    expect(&setting, true, true, 1);
    for (int i = 0; i < READERS; i++) {
        readers[i].current = setting.current;
        readers[i].stop = &stop;
        pthread_create(&readers[i].thread, NULL, read_on, &readers[i]);
    }
    for (int i = 0; i < EXCHANGES; i++) {
        struct error error;
        bool is_news;

        write_good(&setting, 1 + i % 80);
        assert_ok(current_database_refresh(setting.current, &is_news, &error), &error);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].failures, 0);
    }
}

static const struct CMUnitTest current_database_tests[] = {
    UNIT_TEST(waits_for_a_database),     UNIT_TEST(keeps_the_good_one),
    UNIT_TEST(the_old_one_back_is_news), UNIT_TEST(holders_keep_theirs),
    UNIT_TEST(readers_never_miss_it),
};

UNIT_MAIN(current_database_tests)
