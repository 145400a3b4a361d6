/* SPDX-License-Identifier: Apache-2.0 */
/* Which catalogs the present revision consists of. */
#include "libreplica/publish/predecessors.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "libreplica/base/log.h"
#include "libreplica/format/catalog_balance.h"

struct predecessors {
    apr_hash_t *by_path;
    apr_array_header_t *all; /* of struct catalog_nested *, parents first */
    apr_hash_t *automatic;   /* of those that are, by path */
    struct catalog_marks marks;
};

static void add(struct predecessors *predecessors, const struct catalog_nested *nested,
                apr_pool_t *pool)
{
    struct catalog_nested *copy = apr_pmemdup(pool, nested, sizeof(*nested));

    copy->path = apr_pstrdup(pool, nested->path);
    if (apr_hash_get(predecessors->by_path, copy->path, APR_HASH_KEY_STRING) != NULL)
        return;
    apr_hash_set(predecessors->by_path, copy->path, APR_HASH_KEY_STRING, copy);
    APR_ARRAY_PUSH(predecessors->all, const struct catalog_nested *) = copy;
}

static bool note_automatic(struct predecessors *predecessors, struct catalog *catalog,
                           const struct catalog_nested *which, apr_pool_t *scratch,
                           struct error *error)
{
    struct catalog_entry entry;
    bool found;

    if (!catalog_lookup(
            catalog,
            apr_pstrcat(scratch, which->path, "/" CATALOG_AUTOMATIC_MARKER, NULL), &entry,
            &found, error))
        return false;
    if (found && !(entry.flags & CATALOG_DIRECTORY) && *which->path != '\0')
        apr_hash_set(predecessors->automatic, which->path, APR_HASH_KEY_STRING, which);
    return true;
}

static bool read_one(struct predecessors *predecessors, struct publication *publication,
                     const struct catalog_nested *which, apr_pool_t *pool,
                     apr_pool_t *scratch, struct error *error)
{
    struct object object = {which->hash, OBJECT_CATALOG};
    struct catalog_nested nested;
    struct catalog *catalog;
    const char *path;
    bool more = true;

    if (!publication_inflate(&path, publication, &object, scratch, error) ||
        !catalog_open(&catalog, path, scratch, error) ||
        (*which->path == '\0' &&
         !catalog_marks(&predecessors->marks, catalog, pool, error)) ||
        !note_automatic(predecessors, catalog, which, scratch, error))
        return false;
    while (more) {
        if (!catalog_next_nested(catalog, &nested, &more, error))
            return false;
        if (more)
            add(predecessors, &nested, pool);
    }
    return true;
}

bool predecessor_is_damaged(const struct error *error)
{
    return error->code == ERROR_NOT_FOUND || error->code == ERROR_BAD_FORMAT ||
           error->code == ERROR_TOO_LARGE || error->code == ERROR_UNSUPPORTED;
}

static bool read_or_report(struct predecessors *predecessors,
                           struct publication *publication,
                           const struct catalog_nested *which, apr_pool_t *pool,
                           apr_pool_t *scratch, struct error *error)
{
    struct error reason;

    if (read_one(predecessors, publication, which, pool, scratch, &reason))
        return true;
    if (predecessor_is_damaged(&reason)) {
        log_write(LOG_LEVEL_WARNING, "publish-predecessor-damaged path='%s' reason='%s'",
                  text_for_people(text_of(which->path), 80, scratch), reason.message);
        return true;
    }
    if (error != NULL)
        *error = reason;
    return false;
}

bool predecessors_read(struct predecessors **predecessors,
                       struct publication *publication, const struct hash *root,
                       int64_t root_size, apr_pool_t *pool, struct error *error)
{
    struct predecessors *read = apr_pcalloc(pool, sizeof(*read));
    apr_pool_t *scratch;
    bool ok = true;

    read->by_path = apr_hash_make(pool);
    read->automatic = apr_hash_make(pool);
    read->all = apr_array_make(pool, 16, sizeof(const struct catalog_nested *));
    add(read, &(struct catalog_nested){"", *root, root_size}, pool);
    apr_pool_create(&scratch, pool);
    for (int i = 0; ok && i < read->all->nelts; i++) {
        ok = publication_continues(publication, error) &&
             read_or_report(read, publication,
                            APR_ARRAY_IDX(read->all, i, const struct catalog_nested *),
                            pool, scratch, error);
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
    *predecessors = read;
    return ok;
}

const struct catalog_nested *predecessors_find(const struct predecessors *predecessors,
                                               const char *path)
{
    return apr_hash_get(predecessors->by_path, path, APR_HASH_KEY_STRING);
}

bool predecessors_is_automatic(const struct predecessors *predecessors, const char *path)
{
    return apr_hash_get(predecessors->automatic, path, APR_HASH_KEY_STRING) != NULL;
}

const struct catalog_marks *predecessors_marks(const struct predecessors *predecessors)
{
    return &predecessors->marks;
}
