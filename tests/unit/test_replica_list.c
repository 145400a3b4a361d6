/* SPDX-License-Identifier: Apache-2.0 */
/* Which replicas are to be snapshotted, and how many at once. */
#include "tests/unit/unit.h"

#include <sys/stat.h>
#include <unistd.h>
#include "libreplica/operate/replica_list.h"
#include "libreplica/operate/snapshot_slot.h"
#include "libreplica/store/file.h"
#include "libreplica/store/store.h"

/* A configuration folder with its storage beside it. */
struct site {
    apr_pool_t *pool;
    const char *folder;
};

static const char *site_path(const struct site *site, const char *rest)
{
    return apr_pstrcat(site->pool, site->folder, rest, NULL);
}

static void write_path(const struct site *site, const char *path, const char *content)
{
    struct error error;

    assert_ok(
        file_replace(site_path(site, path), text_of(content), 0644, site->pool, &error),
        &error);
}

static void site_create(struct site *site, void **state, const char *server)
{
    struct error error;

    site->pool = unit_pool(state);
    site->folder = unit_folder(state);
    assert_ok(file_make_directory(site_path(site, "/etc/repositories.d"), 0755,
                                  site->pool, &error),
              &error);
    assert_int_equal(mkdir(site_path(site, "/srv"), 0755), 0);
    write_path(site, "/etc/server.local",
               apr_pstrcat(site->pool, "REPLICA_SLOT_DIR=", site->folder, "/slots\n",
                           server, NULL));
}

static void add(const struct site *site, const char *name, const char *replica_conf)
{
    const char *root = apr_pstrcat(site->pool, site->folder, "/srv/", name, NULL);
    const char *folder = apr_pstrcat(site->pool, "/etc/repositories.d/", name, NULL);
    struct error error;

    assert_ok(store_create(root, site->pool, &error), &error);
    assert_int_equal(mkdir(site_path(site, folder), 0755), 0);
    write_path(site, apr_pstrcat(site->pool, folder, "/server.conf", NULL),
               apr_pstrcat(site->pool, "CVMFS_REPOSITORY_NAME=", name,
                           "\nCVMFS_REPOSITORY_TYPE=stratum1\nCVMFS_SPOOL_DIR=", root,
                           "/spool\nCVMFS_UPSTREAM_STORAGE=local,", root, "/data/txn,",
                           root, "\n", NULL));
    write_path(site, apr_pstrcat(site->pool, folder, "/replica.conf", NULL),
               replica_conf);
}

static void mark_snapshotted(const struct site *site, const char *name)
{
    write_path(site,
               apr_pstrcat(site->pool, "/srv/", name, "/.cvmfs_last_snapshot", NULL),
               "now\n");
    usleep(20000);
}

static struct settings *read_server(const struct site *site)
{
    struct settings *server;
    struct error error;

    assert_ok(
        server_settings_read(&server, site_path(site, "/etc"), false, site->pool, &error),
        &error);
    return server;
}

/* The names of the candidates, each followed by a blank. */
static const char *names(const struct site *site,
                         const struct replica_list_options *options,
                         apr_array_header_t **problems)
{
    apr_array_header_t *candidates;
    const char *all = "";
    struct error error;

    assert_ok(replica_list(&candidates, problems, site_path(site, "/etc"),
                           read_server(site), options, site->pool, &error),
              &error);
    for (int i = 0; i < candidates->nelts; i++)
        all = apr_pstrcat(
            site->pool, all,
            APR_ARRAY_IDX(candidates, i, struct replica_candidate).repository->local_name,
            " ", NULL);
    return all;
}

static void the_oldest_first_and_new_ones_before_all(void **state)
{
    struct replica_list_options options = {0};
    apr_array_header_t *problems;
    struct site site;

    site_create(&site, state, "");
    add(&site, "a.example.net", "");
    add(&site, "b.example.net", "");
    add(&site, "c.example.net", "");
    add(&site, "d.example.net", "");
    mark_snapshotted(&site, "c.example.net");
    mark_snapshotted(&site, "a.example.net");
    assert_string_equal(names(&site, &options, &problems),
                        "b.example.net d.example.net c.example.net a.example.net ");
    options.skip_initial = true;
    assert_string_equal(names(&site, &options, &problems),
                        "c.example.net a.example.net ");
}

static void groups_inactive_ones_and_pass_through(void **state)
{
    struct replica_list_options options = {0};
    apr_array_header_t *problems;
    struct site site;

    site_create(&site, state, "");
    add(&site, "a.example.net", "");
    add(&site, "b.example.net", "CVMFS_SNAPSHOT_GROUP=big\n");
    add(&site, "c.example.net", "CVMFS_REPLICA_ACTIVE=no\n");
    add(&site, "d.example.net", "CVMFS_PASSTHROUGH=true\n");
    assert_string_equal(names(&site, &options, &problems),
                        "a.example.net b.example.net ");
    options.group = "";
    assert_string_equal(names(&site, &options, &problems), "a.example.net ");
    options.group = "big";
    assert_string_equal(names(&site, &options, &problems), "b.example.net ");
    assert_int_equal(problems->nelts, 0);
    options.group = NULL;
    options.groups = "bigger big";
    assert_string_equal(names(&site, &options, &problems), "b.example.net ");
    options.groups = " - ";
    assert_string_equal(names(&site, &options, &problems), "a.example.net ");
    options.groups = "-\tbig";
    assert_string_equal(names(&site, &options, &problems),
                        "a.example.net b.example.net ");
    options.groups = "bi";
    assert_string_equal(names(&site, &options, &problems), "");
}

static void a_broken_one_is_named_and_stops_nobody(void **state)
{
    struct replica_list_options options = {0};
    const struct replica_problem *problem;
    apr_array_header_t *problems;
    struct site site;

    site_create(&site, state, "");
    add(&site, "a.example.net", "CVMFS_NUM_WORKERS=lots\n");
    add(&site, "b.example.net", "");
    assert_string_equal(names(&site, &options, &problems), "b.example.net ");
    assert_int_equal(problems->nelts, 1);
    problem = &APR_ARRAY_IDX(problems, 0, struct replica_problem);
    assert_string_equal(problem->local_name, "a.example.net");
    assert_non_null(strstr(problem->error.message, "CVMFS_NUM_WORKERS"));
}

static void slots_are_as_many_as_configured(void **state)
{
    struct lock *first, *second, *third;
    struct settings *server;
    struct error error;
    struct site site;

    site_create(&site, state, "CVMFS_MAX_PARALLEL_SNAPSHOTS=2\n");
    server = read_server(&site);
    assert_int_equal(snapshot_slot_count(server), 2);
    assert_ok(snapshot_slot_take(&first, server, site.pool, &error), &error);
    assert_ok(snapshot_slot_take(&second, server, site.pool, &error), &error);
    assert_false(snapshot_slot_take(&third, server, site.pool, &error));
    assert_int_equal(error.code, ERROR_BUSY);
    assert_non_null(strstr(error.message, "CVMFS_MAX_PARALLEL_SNAPSHOTS"));
    lock_release(first);
    assert_ok(snapshot_slot_take(&third, server, site.pool, &error), &error);
}

static void without_a_bound_there_is_a_slot_for_each_processor(void **state)
{
    struct site site;

    site_create(&site, state, "");
    assert_int_equal(snapshot_slot_count(read_server(&site)),
                     sysconf(_SC_NPROCESSORS_ONLN));
}

static const struct CMUnitTest replica_lists[] = {
    UNIT_TEST(the_oldest_first_and_new_ones_before_all),
    UNIT_TEST(groups_inactive_ones_and_pass_through),
    UNIT_TEST(a_broken_one_is_named_and_stops_nobody),
    UNIT_TEST(slots_are_as_many_as_configured),
    UNIT_TEST(without_a_bound_there_is_a_slot_for_each_processor),
};
UNIT_MAIN(replica_lists)
