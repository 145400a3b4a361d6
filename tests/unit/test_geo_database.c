/* SPDX-License-Identifier: Apache-2.0 */
/* Geo databases: what is found in good files, and that bad ones are refused or unknown.
 */
#include "tests/unit/unit.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>
#include "libreplica/geo/database.h"
#include "tests/unit/mmdb_maker.h"

static const char *write_database(void **state, struct mmdb_options options)
{
    const char *path = apr_pstrcat(unit_pool(state), unit_folder(state), "/geo", NULL);

    mmdb_write(path, options, unit_pool(state));
    return path;
}

static bool open_files(struct geo_database **database, const char *first,
                       const char *second, struct error *error, apr_pool_t *pool)
{
    apr_array_header_t *paths = apr_array_make(pool, 2, sizeof(char *));

    APR_ARRAY_PUSH(paths, const char *) = first;
    if (second != NULL)
        APR_ARRAY_PUSH(paths, const char *) = second;
    return geo_database_open(database, paths, pool, error);
}

static struct geo_database *opened(void **state, struct mmdb_options options)
{
    struct geo_database *database;
    struct error error;

    assert_ok(open_files(&database, write_database(state, options), NULL, &error,
                         unit_pool(state)),
              &error);
    return database;
}

/* "latitude,longitude", or "unknown". */
static const char *found(void **state, const struct geo_database *database,
                         const char *text)
{
    struct geo_address address;
    struct geo_point point;

    assert_true(geo_address_parse(&address, text_of(text)));
    if (!geo_database_find(&point, database, &address))
        return "unknown";
    return apr_psprintf(unit_pool(state), "%g,%g", point.latitude, point.longitude);
}

static struct mmdb_bytes place(double latitude, double longitude)
{
    struct mmdb_bytes bytes = {NULL};

    mmdb_place(&bytes, latitude, longitude);
    return bytes;
}

static struct mmdb_bytes flat(float latitude, float longitude)
{
    struct mmdb_bytes bytes = {NULL};

    mmdb_map(&bytes, 3);
    mmdb_string(&bytes, "city");
    mmdb_string(&bytes, "x");
    mmdb_string(&bytes, "latitude");
    mmdb_float(&bytes, latitude);
    mmdb_string(&bytes, "longitude");
    mmdb_float(&bytes, longitude);
    return bytes;
}

static struct mmdb_bytes string_record(const char *string)
{
    struct mmdb_bytes bytes = {NULL};

    mmdb_string(&bytes, string);
    return bytes;
}

static void finds_nested_and_flat_coordinates(void **state)
{
    struct geo_database *database =
        opened(state, (struct mmdb_options){.first = place(46.25, 6),
                                            .second = flat(-12.5, 130)});

    assert_string_equal(found(state, database, "10.0.0.1"), "46.25,6");
    assert_string_equal(found(state, database, "0.0.0.0"), "46.25,6");
    assert_string_equal(found(state, database, "192.0.2.1"), "-12.5,130");
    assert_int_equal(geo_database_build_epoch(database), 1760000000);
}

static void families_find_their_trees(void **state)
{
    struct geo_database *ipv4 =
        opened(state, (struct mmdb_options){.first = place(1, 2)});
    struct geo_database *ipv6 =
        opened(state, (struct mmdb_options){.first = place(3, 4), .ip_version = 6});

    assert_string_equal(found(state, ipv4, "2001:db8::1"), "unknown");
    assert_string_equal(found(state, ipv4, "::1"), "unknown");
    assert_string_equal(found(state, ipv6, "2001:db8::1"), "3,4");
    assert_string_equal(found(state, ipv6, "ff02::1"), "unknown");
    assert_string_equal(found(state, ipv6, "192.0.2.1"), "3,4");
    assert_false(
        geo_database_find(&(struct geo_point){0}, ipv6, &(struct geo_address){0}));
}

static void takes_the_first_file_that_knows(void **state)
{
    const char *first = write_database(
        state, (struct mmdb_options){.first = place(1, 2), .epoch = 1700000001});
    const char *second =
        write_database(state, (struct mmdb_options){.first = place(3, 4),
                                                    .second = place(5, 6),
                                                    .ip_version = 6,
                                                    .epoch = 1700000000});
    struct geo_database *database;
    struct error error;

    assert_ok(open_files(&database, first, second, &error, unit_pool(state)), &error);
    assert_string_equal(found(state, database, "10.0.0.1"), "1,2");
    assert_string_equal(found(state, database, "192.0.2.1"), "3,4");
    assert_string_equal(found(state, database, "2001:db8::1"), "3,4");
    assert_string_equal(found(state, database, "ff02::1"), "5,6");
    assert_int_equal(geo_database_build_epoch(database), 1700000000);
}

static void no_point_on_earth_is_unknown(void **state)
{
    static const double points[][2] = {{90.001, 0},   {-91, 0},      {0, 180.001},
                                       {0, -181},     {NAN, 0},      {0, NAN},
                                       {INFINITY, 0}, {0, -INFINITY}};

    for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
        struct geo_database *database = opened(
            state, (struct mmdb_options){.first = place(90, -180),
                                         .second = place(points[i][0], points[i][1])});

        assert_string_equal(found(state, database, "10.0.0.1"), "90,-180");
        assert_string_equal(found(state, database, "192.0.2.1"), "unknown");
    }
}

static void expect_unknown(void **state, struct mmdb_bytes record)
{
    struct geo_database *database =
        opened(state, (struct mmdb_options){.first = place(1, 2), .second = record});

    assert_string_equal(found(state, database, "10.0.0.1"), "1,2");
    assert_string_equal(found(state, database, "192.0.2.1"), "unknown");
}

static void records_of_another_shape_are_unknown(void **state)
{
    struct mmdb_bytes half = {NULL}, text = {NULL}, array = {NULL}, keys = {NULL};

    mmdb_map(&half, 1);
    mmdb_string(&half, "latitude");
    mmdb_double(&half, 1);
    expect_unknown(state, half);
    mmdb_map(&text, 2);
    mmdb_string(&text, "latitude");
    mmdb_string(&text, "1.0");
    mmdb_string(&text, "longitude");
    mmdb_string(&text, "2.0");
    expect_unknown(state, text);
    mmdb_array(&array, 1);
    mmdb_place(&array, 1, 2);
    expect_unknown(state, array);
    mmdb_map(&keys, 1);
    mmdb_map(&keys, 0);
    mmdb_place(&keys, 1, 2);
    expect_unknown(state, keys);
    expect_unknown(state, string_record("location"));
}

static void follows_one_pointer(void **state)
{
    struct mmdb_bytes record = {NULL}, chain = {NULL}, circle = {NULL};
    struct mmdb_bytes first = place(1, 2);
    uint32_t map = 1 + 1 + 8; /* after the control byte and the key of the first one */
    uint32_t at = (uint32_t)first.length;
    struct geo_database *database;

    mmdb_map(&record, 1);
    mmdb_pointer(&record, 1);
    mmdb_pointer(&record, map);
    database = opened(state, (struct mmdb_options){.first = first, .second = record});
    assert_string_equal(found(state, database, "192.0.2.1"), "1,2");
    /* A pointer to a pointer, which is itself. */
    mmdb_pointer(&chain, at);
    expect_unknown(state, chain);
    mmdb_map(&circle, 1);
    mmdb_string(&circle, "location");
    mmdb_pointer(&circle, at);
    expect_unknown(state, circle);
}

/* {DEPTH times nested values, then the location} */
static struct mmdb_bytes buried(int depth, bool in_maps)
{
    struct mmdb_bytes record = {NULL};

    mmdb_map(&record, 2);
    mmdb_string(&record, "x");
    for (int i = 0; i < depth; i++) {
        if (in_maps) {
            mmdb_map(&record, 1);
            mmdb_string(&record, "");
        } else {
            mmdb_array(&record, 1);
        }
    }
    mmdb_map(&record, 0);
    mmdb_string(&record, "location");
    mmdb_map(&record, 2);
    mmdb_string(&record, "latitude");
    mmdb_double(&record, 7);
    mmdb_string(&record, "longitude");
    mmdb_double(&record, 8);
    return record;
}

static void nested_values_need_no_stack(void **state)
{
    struct geo_database *database =
        opened(state, (struct mmdb_options){.first = buried(1000, false),
                                            .second = buried(1000, true)});

    assert_string_equal(found(state, database, "10.0.0.1"), "7,8");
    assert_string_equal(found(state, database, "192.0.2.1"), "7,8");
    expect_unknown(state, buried(10000000, false));
    expect_unknown(state, buried(1000000, true));
}

static void values_that_claim_to_be_huge_are_unknown(void **state)
{
    static const unsigned char string[] = {0xe1, 0x5f, 0xff, 0xff, 0xff, 'a'};
    static const unsigned char map[] = {0xff, 0xff, 0xff, 0xff, 0x41, 'a', 0xe0};
    static const unsigned char array[] = {0xe1, 0x41, 'a', 0x1f, 0x04, 0xff, 0xff, 0xff};
    static const unsigned char cut[] = {0xe1, 0x5f, 0xff};
    struct mmdb_bytes records[4] = {{NULL}};

    mmdb_append(&records[0], string, sizeof(string));
    mmdb_append(&records[1], map, sizeof(map));
    mmdb_append(&records[2], array, sizeof(array));
    mmdb_append(&records[3], cut, sizeof(cut));
    for (size_t i = 0; i < 4; i++)
        expect_unknown(state, records[i]);
}

static void expect_refused(void **state, struct mmdb_options options, const char *reason)
{
    const char *path = write_database(state, options);
    struct geo_database *database;
    struct error error;

    assert_false(open_files(&database, path, NULL, &error, unit_pool(state)));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
    assert_memory_equal(error.message, path, strlen(path));
    if (strstr(error.message, reason) == NULL)
        fail_msg("'%s' does not say '%s'", error.message, reason);
}

static void refuses_a_file_without_coordinates(void **state)
{
    expect_refused(state, (struct mmdb_options){.first = {NULL}}, "coordinates");
    expect_refused(state, (struct mmdb_options){.first = string_record("x")},
                   "coordinates");
    expect_refused(state, (struct mmdb_options){.first = place(91, 0)}, "coordinates");
}

static void refuses_a_file_without_a_date(void **state)
{
    expect_refused(state, (struct mmdb_options){.first = place(1, 2), .epoch = -1}, "");
    expect_refused(state, (struct mmdb_options){.first = place(1, 2), .epoch = INT64_MAX},
                   "build epoch");
}

static void refuses_a_tree_that_does_not_fit(void **state)
{
    /* Times 8 bytes that is 16 in 32 bits. */
    expect_refused(state,
                   (struct mmdb_options){.first = place(1, 2), .node_count = 0x20000002},
                   "search tree");
    expect_refused(state,
                   (struct mmdb_options){
                       .first = place(1, 2), .node_count = 0x1fffffff, .ip_version = 6},
                   "search tree");
}

/* Metadata of which one member is DEPTH times nested or expands 2^DEPTH times. */
static struct mmdb_bytes hostile_metadata(int depth, bool expands)
{
    struct mmdb_bytes metadata = {NULL};

    mmdb_map(&metadata, 1);
    mmdb_string(&metadata, "languages");
    for (int i = 0; i < depth; i++) {
        uint32_t next = (uint32_t)metadata.length + 12;

        mmdb_array(&metadata, expands ? 2 : 1);
        if (expands) {
            mmdb_pointer(&metadata, next);
            mmdb_pointer(&metadata, next);
        }
    }
    mmdb_string(&metadata, "en");
    return metadata;
}

static void refuses_metadata_that_has_no_end(void **state)
{
    expect_refused(state,
                   (struct mmdb_options){.metadata = hostile_metadata(60000, false)},
                   "metadata");
    expect_refused(state, (struct mmdb_options){.metadata = hostile_metadata(400, true)},
                   "metadata");
    expect_refused(state, (struct mmdb_options){.metadata = hostile_metadata(14, true)},
                   "metadata");
    expect_refused(state, (struct mmdb_options){.metadata = string_record("x")},
                   "metadata");
}

static void refuses_what_is_no_database(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *folder = unit_folder(state);
    const char *pipe = apr_pstrcat(pool, folder, "/pipe", NULL);
    struct geo_database *database;
    struct error error;

    assert_false(open_files(&database, folder, NULL, &error, pool));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_false(open_files(&database, pipe, NULL, &error, pool));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
    assert_false(open_files(&database, "/dev/null", NULL, &error, pool));
    assert_false(open_files(&database, "/nowhere/geo", NULL, &error, pool));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_false(geo_database_open(&database, apr_array_make(pool, 0, sizeof(char *)),
                                   pool, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static void refuses_every_cut_of_a_file(void **state)
{
    const char *path = write_database(state, (struct mmdb_options){.first = place(1, 2)});
    struct geo_database *database;
    struct error error;
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    for (off_t size = status.st_size - 1; size >= 0; size--) {
        assert_int_equal(truncate(path, size), 0);
        assert_false(open_files(&database, path, NULL, &error, unit_pool(state)));
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
}

static void knows_whether_files_changed(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *path = write_database(state, (struct mmdb_options){.first = place(1, 2)});
    struct geo_database *database, *again;
    struct error error;

    assert_ok(open_files(&database, path, NULL, &error, pool), &error);
    assert_ok(open_files(&again, path, NULL, &error, pool), &error);
    assert_true(geo_database_version(database) != 0);
    assert_true(geo_database_version(database) == geo_database_version(again));
    assert_false(geo_database_is_outdated(database));
    mmdb_write(path, (struct mmdb_options){.first = place(3, 4)}, pool);
    assert_true(geo_database_is_outdated(database));
    assert_string_equal(found(state, database, "10.0.0.1"), "1,2");
    assert_ok(open_files(&again, path, NULL, &error, pool), &error);
    assert_true(geo_database_version(database) != geo_database_version(again));
    assert_int_equal(unlink(path), 0);
    assert_true(geo_database_is_outdated(again));
    assert_string_equal(found(state, again, "10.0.0.1"), "3,4");
}

static const struct CMUnitTest geo_database_tests[] = {
    UNIT_TEST(finds_nested_and_flat_coordinates),
    UNIT_TEST(families_find_their_trees),
    UNIT_TEST(takes_the_first_file_that_knows),
    UNIT_TEST(no_point_on_earth_is_unknown),
    UNIT_TEST(records_of_another_shape_are_unknown),
    UNIT_TEST(follows_one_pointer),
    UNIT_TEST(nested_values_need_no_stack),
    UNIT_TEST(values_that_claim_to_be_huge_are_unknown),
    UNIT_TEST(refuses_a_file_without_coordinates),
    UNIT_TEST(refuses_a_file_without_a_date),
    UNIT_TEST(refuses_a_tree_that_does_not_fit),
    UNIT_TEST(refuses_metadata_that_has_no_end),
    UNIT_TEST(refuses_what_is_no_database),
    UNIT_TEST(refuses_every_cut_of_a_file),
    UNIT_TEST(knows_whether_files_changed),
};

UNIT_MAIN(geo_database_tests)
