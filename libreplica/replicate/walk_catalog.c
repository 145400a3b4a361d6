/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one catalog in a walk: needed, fetched, read, waited for, named. */
#include "libreplica/replicate/catalog_walk_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"
#include "libreplica/store/file.h"

/* A database that is open costs memory; those beyond wait as files. */
#define DATABASES_MAX 16

static struct object catalog_object(const struct walk_catalog *catalog)
{
    return (struct object){catalog->hash, OBJECT_CATALOG};
}

void walk_wait(struct catalog_walk *walk, struct walk_waiter **waiters,
               struct walk_catalog *catalog)
{
    struct walk_waiter *waiter = walk->spare_waiters;

    if (waiter != NULL)
        walk->spare_waiters = waiter->next;
    else
        waiter = apr_palloc(walk->pool, sizeof(*waiter));
    waiter->catalog = catalog;
    waiter->next = *waiters;
    *waiters = waiter;
    catalog->pending++;
}

/* One reason less to wait. */
static void release(struct walk_catalog *catalog)
{
    struct catalog_walk *walk = catalog->walk;

    if (--catalog->pending > 0)
        return;
    catalog->next = walk->ready;
    walk->ready = catalog;
}

void walk_wake(struct catalog_walk *walk, struct walk_waiter **waiters)
{
    while (*waiters != NULL) {
        struct walk_waiter *waiter = *waiters;

        *waiters = waiter->next;
        release(waiter->catalog);
        waiter->next = walk->spare_waiters;
        walk->spare_waiters = waiter;
    }
}

/* Whether the store's copy vouches for its subtree; *stored: it is there at all, and
 * sound. */
static bool look_in_store(struct catalog_walk *walk, const struct hash *hash,
                          bool *stored, bool *trusted, struct error *error)
{
    struct object object = {*hash, OBJECT_CATALOG};
    struct store_status status;

    walk->counters.store_lookups++;
    if (!store_stat(walk->options.store, &object, &status, stored, error))
        return false;
    /* No catalog is empty: a crash left this one, or somebody truncated it. */
    *stored = *stored && status.size > 0;
    *trusted = *stored && !walk->options.trusts_nothing &&
               !dirty_marker_covers(walk->options.marker, &status);
    return true;
}

static struct walk_catalog *catalog_create(struct catalog_walk *walk,
                                           const struct walk_need *need)
{
    struct walk_catalog *catalog = calloc(1, sizeof(*catalog));

    /* As apr's pools do: there is no going on without memory. */
    if (catalog == NULL || (catalog->path = strdup(need->path)) == NULL)
        abort();
    catalog->walk = walk;
    catalog->hash = need->hash;
    catalog->size = need->size;
    catalog->predecessor = need->predecessor;
    catalog->is_optional = need->is_optional;
    catalog->pending = 1; /* until its own references are read */
    apr_hash_set(walk->catalogs, &catalog->hash, sizeof(catalog->hash), catalog);
    walk->counters.catalogs_pending++;
    return catalog;
}

static void catalog_forget(struct walk_catalog *catalog)
{
    struct catalog_walk *walk = catalog->walk;

    apr_hash_set(walk->catalogs, &catalog->hash, sizeof(catalog->hash), NULL);
    walk->counters.catalogs_pending--;
    free(catalog->path);
    free(catalog);
}

bool walk_need_catalog(struct catalog_walk *walk, const struct walk_need *need,
                       struct error *error)
{
    struct walk_catalog *catalog =
        apr_hash_get(walk->catalogs, &need->hash, sizeof(need->hash));
    bool stored, trusted;

    if (catalog_walk_has_stored(walk, &need->hash))
        return true;
    if (catalog == NULL) {
        if (!look_in_store(walk, &need->hash, &stored, &trusted, error))
            return false;
        if (trusted)
            return true;
        catalog = catalog_create(walk, need);
        catalog->is_stored = stored;
        catalog->next = walk->to_do;
        walk->to_do = catalog;
    }
    catalog->is_optional = catalog->is_optional && need->is_optional;
    if (need->parent != NULL)
        walk_wait(walk, &catalog->waiters, need->parent);
    return true;
}

/* Record an error that concerns this catalog. */
static void catalog_fail(struct walk_catalog *catalog, const struct error *error)
{
    struct object object = catalog_object(catalog);
    char name[OBJECT_NAME_SIZE];
    struct error copy = *error;

    error_prefix(&copy, "catalog %s at '%s'", object_name(name, &object),
                 *catalog->path != '\0'
                     ? text_for_people(text_of(catalog->path), 80, catalog->walk->pool)
                     : "/");
    walk_fail(catalog->walk, &copy);
}

static void remember(struct catalog_walk *walk, apr_hash_t *set, const struct hash *hash)
{
    struct hash *key = apr_pmemdup(walk->pool, hash, sizeof(*hash));

    apr_hash_set(set, key, sizeof(*key), key);
}

static void catalog_skip(struct walk_catalog *catalog)
{
    struct catalog_walk *walk = catalog->walk;
    struct object object = catalog_object(catalog);
    char name[OBJECT_NAME_SIZE];

    log_write(LOG_LEVEL_WARNING, "skip root=%s reason=gone-from-origin",
              object_name(name, &object));
    remember(walk, walk->skipped, &catalog->hash);
    walk->counters.roots_skipped++;
    catalog_forget(catalog);
}

void walk_count_bytes(struct walk_catalog *catalog, int64_t bytes)
{
    catalog->walk->opening_bytes += bytes - catalog->bytes;
    catalog->bytes = bytes;
}

static void begin_opening(struct walk_catalog *catalog)
{
    int64_t limit = catalog->walk->options.max_catalog_bytes;

    catalog->walk->opening++;
    walk_count_bytes(catalog, catalog->size < limit ? catalog->size : limit);
}

static void end_opening(struct walk_catalog *catalog)
{
    catalog->walk->opening--;
    walk_count_bytes(catalog, 0);
}

static bool inflate_catalog(const char *path, int from, struct walk_catalog *catalog,
                            struct error *error)
{
    int64_t limit =
        catalog->size > 0 ? catalog->size : catalog->walk->options.max_catalog_bytes;
    int64_t size;

    if (limit > catalog->walk->options.max_catalog_bytes)
        return error_set(error, ERROR_TOO_LARGE,
                         "is said to inflate to %lld bytes, more than "
                         "REPLICA_MAX_CATALOG_BYTES allows",
                         (long long)limit);
    if (!file_inflate(&size, path, from, limit, error))
        return false;
    walk_count_bytes(catalog, size);
    if (catalog->size > 0 && size != catalog->size)
        return error_set(error, ERROR_BAD_FORMAT,
                         "inflates to %lld bytes instead of %lld", (long long)size,
                         (long long)catalog->size);
    return true;
}

static void close_databases(struct walk_catalog *catalog)
{
    if (catalog->database == NULL)
        return;
    catalog->walk->open_databases--;
    catalog_close(catalog->database);
    if (catalog->old != NULL)
        catalog_close(catalog->old);
    catalog->database = NULL;
    catalog->old = NULL;
}

bool walk_reopen_catalog(struct walk_catalog *catalog, struct error *error)
{
    if (!catalog_open(&catalog->database, catalog->file, catalog->pool, error))
        return false;
    catalog->walk->open_databases++;
    walk_open_predecessor(catalog);
    return true;
}

/* Read the catalog behind descriptor FROM as far as its nested catalogs. */
static bool open_database(struct walk_catalog *catalog, int from, struct error *error)
{
    struct catalog_walk *walk = catalog->walk;

    apr_pool_create(&catalog->pool, walk->pool);
    if (!store_scratch_path(&catalog->file, walk->options.store, catalog->pool, error) ||
        !inflate_catalog(catalog->file, from, catalog, error) ||
        !walk_reopen_catalog(catalog, error))
        return false;
    if (strcmp(catalog_properties(catalog->database)->root_prefix, catalog->path) != 0)
        return error_set(
            error, ERROR_BAD_FORMAT, "says it is mounted at '%s'",
            text_for_people(text_of(catalog_properties(catalog->database)->root_prefix),
                            80, catalog->pool));
    return walk_need_nested(catalog, error);
}

/* Its nested catalogs are known: its objects are read as there is room for them. */
static void begin_reading(struct walk_catalog *catalog)
{
    struct walk_catalog **end = &catalog->walk->being_read;

    if (catalog->walk->open_databases > DATABASES_MAX)
        close_databases(catalog);
    while (*end != NULL)
        end = &(*end)->next;
    catalog->next = NULL;
    *end = catalog;
}

static void catalog_close_files(struct walk_catalog *catalog)
{
    if (catalog->walk->window_of == catalog)
        catalog->walk->window_of = NULL;
    close_databases(catalog);
    if (catalog->pool != NULL)
        apr_pool_destroy(catalog->pool);
    catalog->pool = NULL;
    catalog->old_path = NULL;
    end_opening(catalog);
}

static void catalog_stop(struct walk_catalog *catalog, const struct error *error)
{
    catalog_close_files(catalog);
    catalog_fail(catalog, error);
}

static void catalog_arrived(struct object_transfer *transfer, const struct error *error)
{
    struct walk_catalog *catalog = transfer->baton;
    struct catalog_walk *walk = catalog->walk;
    struct error problem;
    int from;

    if (error != NULL && catalog->is_optional && error->code == ERROR_NOT_FOUND) {
        end_opening(catalog);
        catalog_skip(catalog);
        return;
    }
    if (error != NULL) {
        catalog_stop(catalog, error);
        return;
    }
    walk->counters.catalogs_fetched++;
    walk->counters.bytes_fetched += transfer->size;
    if (!store_descriptor(&from, transfer->file, &problem) ||
        !open_database(catalog, from, &problem) || !store_park(transfer->file, &problem))
        catalog_stop(catalog, &problem);
    else
        begin_reading(catalog);
}

static void read_stored(struct walk_catalog *catalog)
{
    struct object object = catalog_object(catalog);
    struct error problem;
    bool ok;
    int from;

    if (!store_open_object(&from, catalog->walk->options.store, &object, &problem)) {
        catalog_stop(catalog, &problem);
        return;
    }
    ok = open_database(catalog, from, &problem);
    close(from);
    if (ok)
        begin_reading(catalog);
    else
        catalog_stop(catalog, &problem);
}

void walk_begin_catalog(struct walk_catalog *catalog)
{
    struct catalog_walk *walk = catalog->walk;
    struct error error;

    begin_opening(catalog);
    if (catalog->is_stored) {
        read_stored(catalog);
        return;
    }
    catalog->transfer.object = catalog_object(catalog);
    catalog->transfer.done = catalog_arrived;
    catalog->transfer.baton = catalog;
    if (!object_transfer_start(&catalog->transfer, walk->options.store,
                               walk->options.fetcher, walk->options.max_catalog_bytes,
                               walk->pool, &error))
        catalog_stop(catalog, &error);
}

void walk_end_reading(struct walk_catalog *catalog)
{
    catalog_close_files(catalog);
    release(catalog);
}

void walk_name_ready(struct catalog_walk *walk)
{
    struct error error;

    while (walk->ready != NULL) {
        struct walk_catalog *catalog = walk->ready;
        struct object object = catalog_object(catalog);

        walk->ready = catalog->next;
        if (!catalog->is_stored &&
            !store_commit(catalog->transfer.file, &object, &error)) {
            catalog_fail(catalog, &error);
            continue;
        }
        walk->counters.catalogs_stored++;
        if (walk->options.marker->is_stale || walk->options.trusts_nothing)
            remember(walk, walk->stored, &catalog->hash);
        walk_wake(walk, &catalog->waiters);
        catalog_forget(catalog);
    }
}
