/* SPDX-License-Identifier: Apache-2.0 */
/* Where a check begins: the head, named snapshots, or one nested catalog. */
#include "libreplica/operate/check_internal.h"

#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/history.h"

static bool add_root(struct check *check, const struct hash *hash, int64_t size,
                     bool is_judged, struct error *error)
{
    struct check_ledger_entry entry = {
        .hash = *hash, .path = "", .size = size, .is_judged = is_judged};
    const char *known;

    return hash_is_null(hash) ||
           check_ledger_add(check->ledger, &entry, &known, check->pool, error);
}

static bool find_tag(struct hash *hash, int64_t *size, struct check *check,
                     struct error *error)
{
    for (int i = 0; i < check->tags->nelts; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(check->tags, i, struct tag);

        if (strcmp(tag->name, check->options->tag) == 0) {
            check_say(check, "Inspecting repository tag %s", tag->name);
            *hash = tag->catalog;
            *size = tag->catalog_size;
            return true;
        }
    }
    return error_set(error, ERROR_NOT_FOUND, "no such tag: %s", check->options->tag);
}

/* "/a/b" from whatever an administrator types. */
static const char *normal_path(const char *typed, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, typed), *rest;
    const char *path = "";

    for (char *part = strtok_r(copy, "/", &rest); part != NULL;
         part = strtok_r(NULL, "/", &rest))
        path = apr_pstrcat(pool, path, "/", part, NULL);
    return path;
}

/* One catalog further down on the way to PATH. */
static bool step_down(struct check_ledger_entry *entry, bool *found, struct check *check,
                      const char *path, apr_pool_t *pool, struct error *error)
{
    const char *file = apr_pstrcat(pool, check->scratch, "/step", NULL);
    struct object object = {entry->hash, OBJECT_CATALOG};
    struct catalog_nested nested;
    struct catalog *catalog;
    bool more = true, ok;

    *found = false;
    unlink(file);
    ok = check_inflate(NULL, check, &object, file, error) &&
         catalog_open(&catalog, file, pool, error);
    while (ok && more && !*found) {
        size_t length;

        ok = catalog_next_nested(catalog, &nested, &more, error);
        if (!ok || !more)
            break;
        length = strlen(nested.path);
        *found = strncmp(path, nested.path, length) == 0 &&
                 (path[length] == '/' || path[length] == '\0');
    }
    if (ok && *found) {
        entry->hash = nested.hash;
        entry->size = nested.size;
        entry->path = apr_pstrdup(check->pool, nested.path);
    }
    unlink(file);
    return ok;
}

static bool add_subtree(struct check *check, struct hash root, struct error *error)
{
    const char *path = normal_path(check->options->subtree, check->pool);
    struct check_ledger_entry entry = {
        .hash = root, .path = "", .is_nested = true, .is_judged = true};
    bool found = true;
    const char *known;

    if (check->rules != NULL && partial_rules_exclude(check->rules, path))
        return error_set(error, ERROR_NOT_FOUND,
                         "%s is not replicated: the rules of %s "
                         "leave it out",
                         path, check->repository->local_name);
    while (found && strcmp(entry.path, path) != 0) {
        apr_pool_t *own;
        bool ok;

        apr_pool_create(&own, check->pool);
        ok = step_down(&entry, &found, check, path, own, error);
        apr_pool_destroy(own);
        if (!ok)
            return error_prefix(error, "on the way to '%s'", path);
    }
    if (!found || *path == '\0')
        return error_set(error, ERROR_NOT_FOUND, "cannot find nested catalog at %s",
                         check->options->subtree);
    return check_ledger_add(check->ledger, &entry, &known, check->pool, error);
}

/* What is served is the head and all named snapshots. The rules are the head's: nobody
 * can mend an old revision. */
static bool add_tags(struct check *check, struct error *error)
{
    for (int i = 0; i < check->tags->nelts; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(check->tags, i, struct tag);

        if (!add_root(check, &tag->catalog, tag->catalog_size, false, error))
            return false;
    }
    return true;
}

bool check_add_roots(struct check *check, struct error *error)
{
    const struct check_options *options = check->options;
    struct hash root = check->manifest->catalog;
    int64_t size = check->manifest->catalog_size;

    if (options->tag != NULL && !find_tag(&root, &size, check, error))
        return false;
    if (options->subtree != NULL)
        return add_subtree(check, root, error);
    if (!add_root(check, &root, size, true, error))
        return false;
    return options->tag != NULL || (!options->reads_objects && !options->repairs) ||
           add_tags(check, error);
}
