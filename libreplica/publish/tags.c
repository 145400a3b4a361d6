/* SPDX-License-Identifier: Apache-2.0 */
/* The tag database of a repository that is published here. */
#include "libreplica/publish/tags.h"

#include <ctype.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/date.h"
#include "libreplica/base/date_phrase.h"
#include "libreplica/format/history_editor.h"

#define AUTOMATIC "generic"

struct tag_database {
    struct publication *publication;
    struct history_editor *editor;
    const char *path;
    apr_array_header_t *tags;
    struct hash previous;
};

bool tags_is_reserved(const char *name)
{
    return strcmp(name, TAG_TRUNK) == 0 || strcmp(name, TAG_TRUNK_PREVIOUS) == 0;
}

static bool read_file(const char **path, apr_array_header_t **tags,
                      apr_array_header_t **branches, struct publication *publication,
                      const struct hash *history, apr_pool_t *pool, struct error *error)
{
    struct object object = {*history, OBJECT_HISTORY};
    const char *fqrn;
    struct hash unused;

    if (!publication_inflate(path, publication, &object, pool, error) ||
        !history_read(&fqrn, &unused, tags, *path, pool, error) ||
        !history_read_branches(branches, *path, pool, error))
        return error_prefix(error, "tag database");
    if (strcmp(fqrn, publication->target->fqrn) != 0)
        return error_set(error, ERROR_NAME_MISMATCH,
                         "the tag database is of %s, not of %s", fqrn,
                         publication->target->fqrn);
    return true;
}

bool tags_read(apr_array_header_t **tags, apr_array_header_t **branches,
               struct publication *publication, const struct manifest *manifest,
               apr_pool_t *pool, struct error *error)
{
    const char *path;

    if (!hash_is_null(&manifest->history))
        return read_file(&path, tags, branches, publication, &manifest->history, pool,
                         error);
    *tags = apr_array_make(pool, 1, sizeof(struct tag));
    *branches = apr_array_make(pool, 1, sizeof(struct branch));
    return true;
}

bool tags_open(struct tag_database **tags, struct publication *publication,
               const struct manifest *next, apr_pool_t *pool, struct error *error)
{
    struct tag_database *opened = apr_pcalloc(pool, sizeof(*opened));
    apr_array_header_t *branches;

    opened->publication = publication;
    opened->previous = next->history;
    *tags = opened;
    if (!hash_is_null(&next->history))
        return read_file(&opened->path, &opened->tags, &branches, publication,
                         &next->history, pool, error) &&
               history_editor_open(&opened->editor, opened->path, pool, error);
    opened->tags = apr_array_make(pool, 1, sizeof(struct tag));
    return store_scratch_path(&opened->path, publication->store, pool, error) &&
           history_editor_create(&opened->editor, opened->path, publication->target->fqrn,
                                 pool, error);
}

const apr_array_header_t *tags_all(const struct tag_database *tags)
{
    return tags->tags;
}

const struct tag *tags_find(const struct tag_database *tags, const char *name)
{
    for (int i = 0; i < tags->tags->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(tags->tags, i, struct tag).name, name) == 0)
            return &APR_ARRAY_IDX(tags->tags, i, struct tag);
    return NULL;
}

bool tags_add(struct tag_database *tags, const struct tag *tag, struct error *error)
{
    return history_editor_add(tags->editor, tag, error);
}

bool tags_remove(struct tag_database *tags, const char *name, struct error *error)
{
    return history_editor_remove(tags->editor, name, error);
}

bool tags_store(struct tag_database *tags, struct manifest *next, apr_pool_t *pool,
                struct error *error)
{
    struct object object = {.type = OBJECT_HISTORY};
    int64_t size;

    if (!history_editor_finish(tags->editor, &tags->previous, error) ||
        !publication_store_file(&object, &size, tags->publication, tags->path, pool,
                                error))
        return false;
    next->history = object.hash;
    return true;
}

static const char *automatic_name(const struct tag_database *tags, apr_pool_t *pool)
{
    char date[DATE_UTC_SIZE];
    const char *name;

    date_format_iso(date, apr_time_from_sec(tags->publication->now_seconds));
    name = apr_pstrcat(pool, AUTOMATIC "-", date, NULL);
    for (int i = 1; tags_find(tags, name) != NULL; i++)
        name = apr_psprintf(pool, AUTOMATIC "_%d-%s", i, date);
    return name;
}

/* generic-2026-11-20T08:00:00Z, generic_2-..., also with milliseconds. */
static bool is_automatic(const char *name)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";

    if (strncmp(name, AUTOMATIC, sizeof(AUTOMATIC) - 1) != 0)
        return false;
    name += sizeof(AUTOMATIC) - 1;
    if (*name == '_')
        name += 1 + strspn(name + 1, "0123456789");
    if (*name++ != '-')
        return false;
    for (size_t i = 0; i < sizeof(shape) - 1; i++, name++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)*name) : *name != shape[i])
            return false;
    if (*name == '.')
        name += 1 + strspn(name + 1, "0123456789");
    return strcmp(name, "Z") == 0;
}

static bool remove_old(struct tag_database *tags, struct error *error)
{
    const char *phrase = tags->publication->target->automatic_tags_since;
    apr_time_t since, now = apr_time_from_sec(tags->publication->now_seconds);

    if (*phrase == '\0')
        return true;
    if (!date_phrase_parse(&since, text_of(phrase), now, error))
        return error_prefix(error, "CVMFS_AUTO_TAG_TIMESPAN");
    for (int i = 0; i < tags->tags->nelts; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(tags->tags, i, struct tag);

        if (tag->timestamp_seconds < apr_time_sec(since) && is_automatic(tag->name) &&
            !tags_remove(tags, tag->name, error))
            return false;
    }
    return true;
}

static struct tag tag_of(const struct tag_database *tags, const struct manifest *next)
{
    return (struct tag){
        .catalog = next->catalog,
        .catalog_size = next->catalog_size,
        .revision = next->revision,
        .timestamp_seconds = tags->publication->now_seconds,
        .branch = "",
        .description = "",
    };
}

bool tags_add_trunk(struct tag_database *tags, const struct manifest *next,
                    struct error *error)
{
    struct tag tag = tag_of(tags, next);

    tag.name = TAG_TRUNK;
    tag.description = "current HEAD";
    return tags_add(tags, &tag, error);
}

/* The former trunk becomes the one before, where that is to be kept. */
static bool move_trunk(struct tag_database *tags, const struct manifest *next,
                       struct error *error)
{
    const struct tag *former = tags_find(tags, TAG_TRUNK);
    struct tag before;

    if (!tags_remove(tags, TAG_TRUNK_PREVIOUS, error) ||
        !tags_remove(tags, TAG_TRUNK, error))
        return false;
    if (former != NULL && tags->publication->target->keeps_previous) {
        before = *former;
        before.name = TAG_TRUNK_PREVIOUS;
        before.description = "default undo target";
        if (!tags_add(tags, &before, error))
            return false;
    }
    return tags_add_trunk(tags, next, error);
}

static bool add_automatic(struct tag_database *tags, const struct manifest *next,
                          apr_pool_t *pool, struct error *error)
{
    struct tag tag = tag_of(tags, next);

    tag.name = automatic_name(tags, pool);
    return tags_add(tags, &tag, error);
}

bool tags_move(struct publication *publication, struct manifest *next, apr_pool_t *pool,
               struct error *error)
{
    struct tag_database *tags;

    return tags_open(&tags, publication, next, pool, error) && remove_old(tags, error) &&
           (!publication->target->makes_automatic_tags ||
            add_automatic(tags, next, pool, error)) &&
           move_trunk(tags, next, error) && tags_store(tags, next, pool, error);
}
