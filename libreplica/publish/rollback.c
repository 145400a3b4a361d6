/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing the state of a tag again, and signing the present head anew. */
#include <string.h>

#include "libreplica/format/catalog_editor.h"
#include "libreplica/publish/head.h"
#include "libreplica/publish/run.h"
#include "libreplica/publish/tagging.h"
#include "libreplica/publish/tags.h"

/* The tag to go back to; NULL: there is none. */
static const struct tag *find_target(const struct tag_database *tags, const char *name,
                                     const struct manifest *present, struct error *error)
{
    const struct tag *tag = tags_find(tags, name != NULL ? name : TAG_TRUNK_PREVIOUS);

    if (tag == NULL && name == NULL)
        error_set(
            error, ERROR_NOT_FOUND,
            "More than one anonymous undo rollback is not supported. Please specify "
            "a tag name (-t)");
    else if (tag == NULL)
        error_set(error, ERROR_NOT_FOUND, "Target tag '%s' does not exist", name);
    else if (*tag->branch != '\0')
        error_set(
            error, ERROR_UNSUPPORTED,
            "tag '%s' is on branch '%s'; only the default branch can be rolled back",
            tag->name, tag->branch);
    else if (tag->revision >= present->revision)
        error_set(error, ERROR_USAGE, "not rolling back to current head (%lld)",
                  (long long)present->revision);
    else
        return tag;
    return NULL;
}

/* Its root catalog as that of a new revision. */
static bool republish(struct manifest *next, struct run *run, const struct tag *tag,
                      apr_pool_t *pool, struct error *error)
{
    struct publication *publication = run->publication;
    struct object object = {tag->catalog, OBJECT_CATALOG};
    struct catalog_properties properties = {
        .revision = run->present->revision + 1,
        .last_modified_seconds = publication->now_seconds,
        .previous_revision = run->present->catalog,
        .root_prefix = "",
        .ttl_seconds = publication->target->ttl_seconds,
    };
    struct catalog_editor *editor;
    const char *path;

    if (!publication_inflate(&path, publication, &object, pool, error) ||
        !catalog_editor_open(&editor, path, pool, error) ||
        !catalog_editor_finish(editor, &properties, error) ||
        !publication_store_file(&object, &next->catalog_size, publication, path, pool,
                                error))
        return error_prefix(error, "tag '%s'", tag->name);
    next->catalog = object.hash;
    next->revision = properties.revision;
    next->ttl_seconds = properties.ttl_seconds;
    return true;
}

/* What came after TAG never was; TAG and trunk are the new revision. */
static bool move_tags(apr_array_header_t *removed, struct tag_database *tags,
                      const struct tag *tag, const struct manifest *next,
                      struct error *error)
{
    const apr_array_header_t *all = tags_all(tags);
    struct tag moved = *tag;

    for (int i = 0; i < all->nelts; i++) {
        const struct tag *old = &APR_ARRAY_IDX(all, i, struct tag);
        bool is_reserved = tags_is_reserved(old->name);
        bool is_later = *old->branch == '\0' && old->revision > tag->revision;

        if (is_later && !is_reserved)
            APR_ARRAY_PUSH(removed, struct tag) = *old;
        if ((is_later || is_reserved || strcmp(old->name, tag->name) == 0) &&
            !tags_remove(tags, old->name, error))
            return false;
    }
    moved.catalog = next->catalog;
    moved.catalog_size = next->catalog_size;
    moved.revision = next->revision;
    moved.timestamp_seconds = next->published_seconds;
    return (tags_is_reserved(tag->name) || tags_add(tags, &moved, error)) &&
           tags_add_trunk(tags, next, error);
}

static bool roll_back(struct publish_result *result, apr_array_header_t *removed,
                      struct run *run, const char *name, apr_pool_t *pool,
                      struct error *error)
{
    struct manifest next = *run->present;
    struct tag_database *tags;
    const struct tag *tag;

    next.published_seconds = run->publication->now_seconds;
    if (!tags_open(&tags, run->publication, &next, pool, error))
        return false;
    tag = find_target(tags, name, run->present, error);
    if (tag == NULL || !republish(&next, run, tag, pool, error) ||
        !move_tags(removed, tags, tag, &next, error) ||
        !tags_store(tags, &next, pool, error) ||
        !head_replace(run->publication, &next, pool, error))
        return false;
    result->revision = next.revision;
    result->catalog = next.catalog;
    return true;
}

bool publish_rollback(struct publish_result *result, apr_array_header_t **removed,
                      const struct publish_target *target, const char *name,
                      apr_time_t now, apr_pool_t *pool, struct error *error)
{
    struct run run;

    *result = (struct publish_result){.catalogs_stored = 1};
    *removed = apr_array_make(pool, 4, sizeof(struct tag));
    return run_begin(&run, target, now, NULL, pool, error) &&
           run_end(&run, roll_back(result, *removed, &run, name, pool, error), error);
}

static bool sign(struct run *run, apr_pool_t *pool, struct error *error)
{
    struct manifest next = *run->present;

    return head_replace(run->publication, &next, pool, error);
}

bool publish_sign_head(const struct publish_target *target, apr_time_t now,
                       apr_pool_t *pool, struct error *error)
{
    struct run run;

    return run_begin(&run, target, now, NULL, pool, error) &&
           run_end(&run, sign(&run, pool, error), error);
}
