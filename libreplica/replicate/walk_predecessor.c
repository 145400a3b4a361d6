/* SPDX-License-Identifier: Apache-2.0 */
/* A catalog beside its predecessor: the one of the same path in the revision that is
 * served, whose subtree is known to be in the store. What both refer to is not looked
 * for.
 *
 * A predecessor that is missing or damaged is no error: then everything is looked for. */
#include "libreplica/replicate/catalog_walk_internal.h"

#include <string.h>
#include <unistd.h>

#include "libreplica/base/log.h"
#include "libreplica/store/file.h"

/* How far the predecessor is read ahead of the place that corresponds. */
#define ROWS_AHEAD (OBJECT_WINDOW_SIZE / 2)

static void drop(struct walk_catalog *catalog, const struct error *error)
{
    struct object object = {catalog->predecessor, OBJECT_CATALOG};
    char name[OBJECT_NAME_SIZE];

    if (error != NULL)
        log_write(LOG_LEVEL_WARNING, "predecessor ignored=%s reason: %s",
                  object_name(name, &object), error->message);
    memset(&catalog->predecessor, 0, sizeof(catalog->predecessor));
    if (catalog->old != NULL)
        catalog_close(catalog->old);
    catalog->old = NULL;
    catalog->old_path = NULL;
}

/* Bytes that hash to the name: what stands in them was published and stored. */
static bool inflate(struct walk_catalog *catalog, const struct object *object,
                    struct error *error)
{
    const struct catalog_walk_options *options = &catalog->walk->options;
    bool intact, ok;
    int64_t size;
    int from;

    if (!store_verify(options->store, object, &intact, error))
        return false;
    if (!intact)
        return error_set(error, ERROR_BAD_HASH, "it is missing or damaged");
    if (!store_scratch_path(&catalog->old_path, options->store, catalog->pool, error) ||
        !store_open_object(&from, options->store, object, error))
        return false;
    ok = file_inflate(&size, catalog->old_path, from, options->max_catalog_bytes, error);
    close(from);
    if (ok)
        walk_count_bytes(catalog, catalog->bytes + size);
    return ok;
}

void walk_open_predecessor(struct walk_catalog *catalog)
{
    struct object object = {catalog->predecessor, OBJECT_CATALOG};
    struct error error;

    if (hash_is_null(&object.hash))
        return;
    if ((catalog->old_path == NULL && !inflate(catalog, &object, &error)) ||
        !catalog_open(&catalog->old, catalog->old_path, catalog->pool, &error))
        drop(catalog, &error);
}

/* The next nested catalog of the predecessor; *more is false without one. */
static void next_old(struct catalog_nested *nested, bool *more,
                     struct walk_catalog *catalog)
{
    struct error error;

    *more = false;
    if (catalog->old != NULL &&
        !catalog_next_nested(catalog->old, nested, more, &error)) {
        *more = false;
        drop(catalog, &error);
    }
}

static bool is_excluded(struct catalog_walk *walk, const char *path)
{
    if (walk->options.rules == NULL || !partial_rules_exclude(walk->options.rules, path))
        return false;
    walk->counters.catalogs_excluded++;
    return true;
}

/* Both cursors go by path. */
bool walk_need_nested(struct walk_catalog *catalog, struct error *error)
{
    struct catalog_nested nested, old;
    bool more, more_old;

    next_old(&old, &more_old, catalog);
    for (;;) {
        struct walk_need need = {.parent = catalog};

        if (!catalog_next_nested(catalog->database, &nested, &more, error))
            return false;
        if (!more)
            return true;
        if (is_excluded(catalog->walk, nested.path))
            continue;
        while (more_old && strcmp(old.path, nested.path) < 0)
            next_old(&old, &more_old, catalog);
        need.hash = nested.hash;
        need.path = nested.path;
        need.size = nested.size;
        if (more_old && strcmp(old.path, nested.path) == 0)
            need.predecessor = old.hash;
        if (hash_equals(&need.hash, &need.predecessor))
            continue;
        if (!walk_need_catalog(catalog->walk, &need, error))
            return false;
    }
}

/* Read the predecessor as far as the place that corresponds to the next row, and on. */
static void read_ahead(struct walk_catalog *catalog)
{
    struct object_window *window = catalog->walk->window;
    struct object object;
    struct error error;
    bool more = true;

    while (catalog->old != NULL && more &&
           catalog->old_rows < catalog->rows + catalog->drift + ROWS_AHEAD) {
        if (!catalog_next_object(catalog->old, &object, &more, &error))
            drop(catalog, &error);
        else if (more)
            object_window_put(window, &object, catalog->old_rows++);
    }
}

bool walk_predecessor_has(struct walk_catalog *catalog, const struct object *object)
{
    struct catalog_walk *walk = catalog->walk;
    int64_t place;

    if (hash_is_null(&catalog->predecessor))
        return false;
    if (walk->window == NULL)
        walk->window = object_window_create(walk->pool);
    if (walk->window_of != catalog) {
        object_window_clear(walk->window);
        walk->window_of = catalog;
    }
    read_ahead(catalog);
    catalog->rows++;
    if (!object_window_find(&place, walk->window, object))
        return false;
    catalog->drift = place - catalog->rows;
    return true;
}
