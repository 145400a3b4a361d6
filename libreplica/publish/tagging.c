/* SPDX-License-Identifier: Apache-2.0 */
/* Adding, moving and removing tags. */
#include "libreplica/publish/tagging.h"

#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>

#include "libreplica/publish/head.h"
#include "libreplica/publish/run.h"
#include "libreplica/publish/tags.h"

/* Whoever reads a list of tags separates by blanks, and the reference's tools put names
 * into command lines. */
static const char name_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789._/:-";

bool publish_tag_check_name(const char *name, apr_pool_t *pool, struct error *error)
{
    if (tags_is_reserved(name))
        return error_set(error, ERROR_USAGE,
                         "the tag %s is moved by each publication, not by hand", name);
    if (*name == '\0' || name[strspn(name, name_bytes)] != '\0')
        return error_set(error, ERROR_USAGE,
                         "'%s' is no name for a tag: letters, digits and . _ / : - only",
                         text_for_people(text_of(name), 80, pool));
    return true;
}

/* What the catalog says of itself. */
static bool describe_catalog(struct tag *tag, struct publication *publication,
                             apr_pool_t *pool, struct error *error)
{
    struct object object = {tag->catalog, OBJECT_CATALOG};
    const struct catalog_properties *properties;
    struct catalog *catalog;
    struct stat status;
    const char *path;

    if (!publication_inflate(&path, publication, &object, pool, error) ||
        !catalog_open(&catalog, path, pool, error))
        return false;
    properties = catalog_properties(catalog);
    if (*properties->root_prefix != '\0')
        return error_set(error, ERROR_BAD_FORMAT,
                         "that is the catalog of %s, not of the whole repository",
                         text_for_people(text_of(properties->root_prefix), 80, pool));
    tag->revision = properties->revision;
    tag->timestamp_seconds = properties->last_modified_seconds;
    tag->catalog_size = stat(path, &status) == 0 ? status.st_size : 0;
    catalog_close(catalog);
    return true;
}

/* Whether a tag that is there may be moved to NEXT's catalog. */
static bool check_move(const struct tag *old, const struct publish_tag *wanted,
                       const struct tag *next, struct error *error)
{
    char hash[HASH_TEXT_SIZE];

    if (wanted->catalog == NULL)
        return error_set(error, ERROR_EXISTS,
                         "a tag with the name '%s' already exists. Do you want to move "
                         "it? (-h <root hash>)",
                         old->name);
    hash_format(hash, &next->catalog);
    return !hash_equals(&old->catalog, &next->catalog) ||
           error_set(error, ERROR_EXISTS, "tag '%s' already points to '%s'", old->name,
                     hash);
}

static bool add(struct tag *old, struct run *run, const struct publish_tag *wanted,
                apr_pool_t *pool, struct error *error)
{
    struct manifest next = *run->present;
    const struct tag *present;
    struct tag tag = {.name = wanted->name,
                      .catalog =
                          wanted->catalog != NULL ? *wanted->catalog : next.catalog,
                      .branch = "",
                      .description = wanted->description};
    struct tag_database *tags;

    if (!tags_open(&tags, run->publication, &next, pool, error))
        return false;
    present = tags_find(tags, tag.name);
    if ((present != NULL && !check_move(present, wanted, &tag, error)) ||
        !describe_catalog(&tag, run->publication, pool, error))
        return false;
    if (present != NULL) {
        *old = *present;
        tag.branch = old->branch;
        if (tag.description == NULL)
            tag.description = old->description;
    }
    if (tag.description == NULL)
        tag.description = "";
    return (present == NULL || tags_remove(tags, tag.name, error)) &&
           tags_add(tags, &tag, error) && tags_store(tags, &next, pool, error) &&
           head_replace(run->publication, &next, pool, error);
}

bool publish_tag_add(struct tag *old, const struct publish_target *target,
                     const struct publish_tag *tag, apr_time_t now, apr_pool_t *pool,
                     struct error *error)
{
    struct run run;

    *old = (struct tag){0};
    return publish_tag_check_name(tag->name, pool, error) &&
           run_begin(&run, target, now, NULL, pool, error) &&
           run_end(&run, add(old, &run, tag, pool, error), error);
}

static bool remove_all(apr_array_header_t *removed, struct run *run,
                       const apr_array_header_t *names, apr_pool_t *pool,
                       struct error *error)
{
    struct manifest next = *run->present;
    struct tag_database *tags;

    if (!tags_open(&tags, run->publication, &next, pool, error))
        return false;
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        const struct tag *tag = tags_find(tags, name);

        if (tag == NULL)
            return error_set(error, ERROR_NOT_FOUND, "tag '%s' does not exist",
                             text_for_people(text_of(name), 80, pool));
        APR_ARRAY_PUSH(removed, struct tag) = *tag;
        if (!tags_remove(tags, name, error))
            return false;
    }
    return tags_store(tags, &next, pool, error) &&
           head_replace(run->publication, &next, pool, error);
}

bool publish_tags_remove(apr_array_header_t **removed,
                         const struct publish_target *target,
                         const apr_array_header_t *names, apr_time_t now,
                         apr_pool_t *pool, struct error *error)
{
    struct run run;

    *removed = apr_array_make(pool, names->nelts, sizeof(struct tag));
    for (int i = 0; i < names->nelts; i++)
        if (tags_is_reserved(APR_ARRAY_IDX(names, i, const char *)))
            return error_set(
                error, ERROR_USAGE,
                "trunk and trunk-previous are moved by each publication, not "
                "removed by hand");
    return run_begin(&run, target, now, NULL, pool, error) &&
           run_end(&run, remove_all(*removed, &run, names, pool, error), error);
}

bool publish_tags_list(apr_array_header_t **tags, apr_array_header_t **branches,
                       const struct publish_target *target, apr_pool_t *pool,
                       struct error *error)
{
    struct publication *publication;
    struct manifest *present;

    return publication_open(&publication, target, 0, NULL, pool, error) &&
           head_read(&present, publication, pool, error) &&
           tags_read(tags, branches, publication, present, pool, error);
}
