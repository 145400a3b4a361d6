/* SPDX-License-Identifier: Apache-2.0 */
/* Removing from a Stratum 0 what has expired. */
#include "libreplica/operate/expired.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "libreplica/store/tree_view.h"

/* In one revision; the next one follows at once. */
#define RECORDS_MAX 50000

struct expired {
    struct expiry *expiry;           /* NULL: there are no records */
    apr_array_header_t *records;     /* struct expiry_record: all that are due */
    apr_array_header_t *paths;       /* const char *: those that still are there */
    apr_array_header_t *directories; /* const char *: removed with them */
    apr_time_t now;
    apr_pool_t *pool;
};

static bool open_records(struct expiry **expiry, const struct repository *repository,
                         apr_pool_t *pool, struct error *error)
{
    *expiry = NULL;
    return access(apr_pstrcat(pool, repository->spool, "/" EXPIRY_FILE_NAME, NULL),
                  F_OK) != 0 ||
           expiry_open(expiry, repository->spool, pool, error);
}

static bool add_chunk(void *baton, const struct catalog_chunk *chunk, struct error *error)
{
    struct expiry_content *content = baton;

    (void)error;
    expiry_hash_chunk(&content->hash, &chunk->hash);
    return true;
}

/* *found: a file or directory is there. */
static bool identify(struct expiry_content *content, bool *found, struct tree_view *view,
                     const char *path, struct error *error)
{
    struct catalog_entry entry;

    if (!tree_view_find(view, found, &entry, path, error))
        return false;
    *found = *found && (S_ISREG(entry.mode) || S_ISDIR(entry.mode));
    if (!*found)
        return true;
    *content =
        (struct expiry_content){.size = S_ISDIR(entry.mode) ? EXPIRY_TREE : entry.size,
                                .mtime_seconds = entry.mtime_seconds};
    if (S_ISREG(entry.mode))
        content->hash = entry.hash;
    return (entry.flags & CATALOG_CHUNKED) == 0 ||
           tree_view_chunks(view, path, add_chunk, content, error);
}

static bool choose(struct expired *expired, struct tree_view *view, apr_pool_t *each,
                   struct error *error)
{
    for (int i = 0; i < expired->records->nelts; i++) {
        const struct expiry_record *record =
            &APR_ARRAY_IDX(expired->records, i, struct expiry_record);
        struct expiry_content content;
        bool found;

        apr_pool_clear(each);
        if (!identify(&content, &found, view, record->path, error))
            return false;
        if (found && strcmp(expiry_content_text(&content, each), record->content) == 0)
            APR_ARRAY_PUSH(expired->paths, const char *) = record->path;
    }
    return true;
}

static bool claim_all(struct expired *expired, struct error *error)
{
    bool ok = expiry_due(&expired->records, expired->expiry, expired->now, RECORDS_MAX,
                         expired->pool, error);

    for (int i = 0; ok && i < expired->records->nelts; i++)
        ok = expiry_claim(expired->expiry,
                          &APR_ARRAY_IDX(expired->records, i, struct expiry_record),
                          expired->now, error);
    return ok;
}

static bool claim(struct expired *expired, struct error *error)
{
    return expiry_begin(expired->expiry, error) &&
           expiry_end(expired->expiry, claim_all(expired, error), error);
}

bool expired_release(struct expired *expired, struct error *error)
{
    return expired->expiry == NULL || expiry_release(expired->expiry, error);
}

bool expired_find(struct expired **expired, const struct repository *repository,
                  struct store *store, apr_time_t now, apr_pool_t *pool,
                  struct error *error)
{
    struct expired *found = apr_pcalloc(pool, sizeof(*found));
    struct tree_view *view;
    apr_pool_t *scratch, *each;
    struct error unused;
    bool ok;

    found->pool = pool;
    found->now = now;
    found->paths = apr_array_make(pool, 16, sizeof(const char *));
    found->directories = apr_array_make(pool, 4, sizeof(const char *));
    if (!open_records(&found->expiry, repository, pool, error) ||
        (found->expiry != NULL && !claim(found, error)))
        return false;
    *expired = found;
    if (found->expiry == NULL || found->records->nelts == 0)
        return true;
    apr_pool_create(&scratch, pool);
    apr_pool_create(&each, scratch);
    ok = tree_view_open(&view, store, scratch, error) && choose(found, view, each, error);
    apr_pool_destroy(scratch);
    if (!ok)
        expired_release(found, &unused);
    return ok;
}

int expired_count(const struct expired *expired)
{
    return expired->paths->nelts;
}

/* Deepest first: no path is shorter than one it lies below. */
static int by_length(const void *one, const void *other)
{
    size_t first = strlen(*(const char *const *)one);
    size_t second = strlen(*(const char *const *)other);

    return (first < second) - (first > second);
}

static apr_array_header_t *directories_above(const apr_array_header_t *paths,
                                             apr_pool_t *pool)
{
    apr_array_header_t *directories = apr_array_make(pool, 16, sizeof(const char *));
    apr_hash_t *seen = apr_hash_make(pool);

    for (int i = 0; i < paths->nelts; i++) {
        char *path = apr_pstrdup(pool, APR_ARRAY_IDX(paths, i, const char *));
        char *slash;

        while ((slash = strrchr(path, '/')) != NULL && slash > path) {
            *slash = '\0';
            if (apr_hash_get(seen, path, APR_HASH_KEY_STRING) != NULL)
                break;
            APR_ARRAY_PUSH(directories, const char *) = apr_pstrdup(pool, path);
            apr_hash_set(seen,
                         APR_ARRAY_IDX(directories, directories->nelts - 1, const char *),
                         APR_HASH_KEY_STRING, "");
        }
    }
    qsort(directories->elts, (size_t)directories->nelts, sizeof(const char *), by_length);
    return directories;
}

static bool note_entry(void *baton, const struct catalog_entry *entry,
                       struct error *error)
{
    (void)entry;
    *(bool *)baton = true;
    return error_set(error, ERROR_EXISTS, "it is not empty");
}

static bool is_empty(bool *empty, struct changes *changes, const char *path,
                     struct error *error)
{
    bool has_entries = false;
    bool ok = changes_list(changes, path, note_entry, &has_entries, error);

    *empty = !has_entries;
    return ok || has_entries;
}

/* Somebody may have made it anew since, or put something else into it. */
static bool remove_directory(struct expired *expired, struct changes *changes,
                             const char *path, struct error *error)
{
    struct catalog_entry entry;
    bool found, ours, empty;

    if (!changes_lookup(changes, &found, &entry, path, error))
        return false;
    if (!found || !S_ISDIR(entry.mode))
        return true;
    if (!expiry_find_directory(expired->expiry, &ours, path, entry.mtime_seconds, error))
        return false;
    if (!ours)
        return true;
    if (!is_empty(&empty, changes, path, error))
        return false;
    if (!empty)
        return true;
    APR_ARRAY_PUSH(expired->directories, const char *) = path;
    return changes_remove(changes, path, error);
}

static void pass_over(void *baton, const char *path)
{
    (void)baton;
    (void)path;
}

bool expired_remove(struct expired *expired, struct changes *changes, struct error *error)
{
    apr_array_header_t *directories = directories_above(expired->paths, expired->pool);

    /* One may lie in a tree that has expired, too. */
    if (!changes_remove_all(changes, expired->paths, pass_over, NULL, error))
        return false;
    for (int i = 0; i < directories->nelts; i++)
        if (!remove_directory(expired, changes,
                              APR_ARRAY_IDX(directories, i, const char *), error))
            return false;
    return true;
}

static bool forget_all(struct expired *expired, struct error *error)
{
    bool ok = true;

    for (int i = 0; ok && i < expired->records->nelts; i++)
        ok = expiry_forget_due(expired->expiry,
                               &APR_ARRAY_IDX(expired->records, i, struct expiry_record),
                               expired->now, error);
    for (int i = 0; ok && i < expired->directories->nelts; i++)
        ok = expiry_forget_directory(
            expired->expiry, APR_ARRAY_IDX(expired->directories, i, const char *), error);
    return ok;
}

bool expired_forget(struct expired *expired, struct error *error)
{
    if (expired->expiry == NULL || expired->records->nelts == 0)
        return true;
    return expiry_begin(expired->expiry, error) &&
           expiry_end(expired->expiry, forget_all(expired, error), error);
}

bool expired_next(apr_time_t *when, const struct repository *repository, apr_pool_t *pool,
                  struct error *error)
{
    struct expiry *expiry;
    bool found;

    *when = 0;
    return open_records(&expiry, repository, pool, error) &&
           (expiry == NULL || expiry_next(expiry, &found, when, error));
}
