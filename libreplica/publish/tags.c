/* SPDX-License-Identifier: Apache-2.0 */
/* Moving trunk and adding the automatic tag. */
#include "libreplica/publish/tags.h"

#include <string.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "libreplica/base/date.h"
#include "libreplica/format/history.h"

#define TRUNK          "trunk"
#define TRUNK_PREVIOUS "trunk-previous"

static bool has_tag(const apr_array_header_t *tags, const char *name)
{
    for (int i = 0; i < tags->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(tags, i, struct tag).name, name) == 0)
            return true;
    return false;
}

static const char *automatic_name(const apr_array_header_t *tags, int64_t now_seconds,
                                  apr_pool_t *pool)
{
    char date[DATE_UTC_SIZE];
    const char *name;

    date_format_iso(date, apr_time_from_sec(now_seconds));
    name = apr_pstrcat(pool, "generic-", date, NULL);
    for (int i = 1; has_tag(tags, name); i++)
        name = apr_psprintf(pool, "generic_%d-%s", i, date);
    return name;
}

/* The old tags, the former trunk renamed, without the trunk before that. */
static apr_array_header_t *keep_old(const apr_array_header_t *old, apr_pool_t *pool)
{
    apr_array_header_t *tags = apr_array_make(pool, old->nelts + 2, sizeof(struct tag));

    for (int i = 0; i < old->nelts; i++) {
        struct tag tag = APR_ARRAY_IDX(old, i, struct tag);

        if (strcmp(tag.name, TRUNK_PREVIOUS) == 0)
            continue;
        if (strcmp(tag.name, TRUNK) == 0) {
            tag.name = TRUNK_PREVIOUS;
            tag.description = "default undo target";
        }
        APR_ARRAY_PUSH(tags, struct tag) = tag;
    }
    return tags;
}

static bool read_old(apr_array_header_t **old, struct publication *publication,
                     const struct hash *history, apr_pool_t *pool, struct error *error)
{
    struct object object = {*history, OBJECT_HISTORY};
    const char *fqrn, *path;
    struct hash unused;

    if (hash_is_null(history)) {
        *old = apr_array_make(pool, 1, sizeof(struct tag));
        return true;
    }
    if (!publication_inflate(&path, publication, &object, pool, error) ||
        !history_read(&fqrn, &unused, old, path, pool, error))
        return error_prefix(error, "tag database");
    if (strcmp(fqrn, publication->target->fqrn) != 0)
        return error_set(error, ERROR_NAME_MISMATCH,
                         "the tag database is of %s, not of %s", fqrn,
                         publication->target->fqrn);
    return true;
}

static bool write_new(struct publication *publication, struct manifest *next,
                      const apr_array_header_t *tags, apr_pool_t *pool,
                      struct error *error)
{
    struct object object = {.type = OBJECT_HISTORY};
    const char *path;
    int64_t size;

    if (!store_scratch_path(&path, publication->store, pool, error) ||
        !history_write(path, publication->target->fqrn, &next->history, tags, error) ||
        !publication_store_file(&object, &size, publication, path, pool, error))
        return false;
    next->history = object.hash;
    return true;
}

bool tags_move(struct publication *publication, struct manifest *next, apr_pool_t *pool,
               struct error *error)
{
    apr_array_header_t *old, *tags;
    struct tag tag = {
        .catalog = next->catalog,
        .catalog_size = next->catalog_size,
        .revision = next->revision,
        .timestamp_seconds = publication->now_seconds,
        .description = "",
    };

    if (!read_old(&old, publication, &next->history, pool, error))
        return false;
    tags = keep_old(old, pool);
    if (publication->target->makes_automatic_tags) {
        tag.name = automatic_name(tags, publication->now_seconds, pool);
        APR_ARRAY_PUSH(tags, struct tag) = tag;
    }
    tag.name = TRUNK;
    tag.description = "current HEAD";
    APR_ARRAY_PUSH(tags, struct tag) = tag;
    return write_new(publication, next, tags, pool, error);
}
