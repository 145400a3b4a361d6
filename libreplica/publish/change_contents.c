/* SPDX-License-Identifier: Apache-2.0 */
/* Regular files of changes: they wait for their contents, and become rows in the order in
 * which they were put. */
#include "libreplica/publish/changes_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/publish/entry.h"

struct comparison {
    const struct content *content;
    int count;
    bool is_same;
};

static bool compare_chunk(void *baton, const struct catalog_chunk *chunk,
                          struct error *error)
{
    struct comparison *comparison = baton;
    int i = comparison->count++;
    const struct content_chunk *other;

    if (i >= comparison->content->chunk_count) {
        comparison->is_same = false;
        return true;
    }
    other = &comparison->content->chunks[i];
    comparison->is_same = comparison->is_same && other->offset == chunk->offset &&
                          other->size == chunk->size &&
                          hash_equals(&other->hash, &chunk->hash);
    return true;
}

static bool same_row(const struct catalog_entry *a, const struct catalog_entry *b)
{
    return a->hardlinks == b->hardlinks && hash_equals(&a->hash, &b->hash) &&
           a->size == b->size && a->mode == b->mode &&
           a->mtime_seconds == b->mtime_seconds && a->flags == b->flags &&
           a->uid == b->uid && a->gid == b->gid && a->xattr.length == b->xattr.length &&
           (a->xattr.length == 0 ||
            memcmp(a->xattr.bytes, b->xattr.bytes, a->xattr.length) == 0);
}

/* Whether the very same file is there already. */
static bool is_there(bool *same, struct changes *changes, const struct spot *spot,
                     const struct catalog_entry *entry, const struct content *content,
                     struct error *error)
{
    struct comparison comparison = {.content = content, .is_same = true};
    struct catalog_editor *editor;

    *same = spot->found && same_row(&spot->entry, entry);
    if (!*same || content->chunk_count == 0)
        return true;
    if (!tree_catalog_read(&editor, changes->tree, spot->catalog, error) ||
        !catalog_chunks(catalog_editor_catalog(editor), spot->path, compare_chunk,
                        &comparison, error))
        return false;
    *same = comparison.is_same && comparison.count == content->chunk_count;
    return true;
}

static bool enter_row(struct changes *changes, const char *path,
                      const struct content *content,
                      const struct change_attributes *attributes, struct error *error)
{
    struct catalog_entry entry = change_entry(path, S_IFREG, attributes);
    struct spot spot;
    bool same;

    if (!spot_find_for(&spot, changes, path, error))
        return false;
    entry_set_content(&entry, content, changes->run.publication->target);
    return is_there(&same, changes, &spot, &entry, content, error) &&
           (same || change_put_entry(changes, &spot, &entry, content, error));
}

static bool enter(struct changes *changes, const struct waiting_put *put,
                  struct error *error)
{
    return workers_wait(changes->workers, put->content, error) &&
           enter_row(changes, put->path, put->content, &put->attributes, error);
}

static void note(struct changes *changes, const struct waiting_put *put,
                 const struct error *reason)
{
    if (changes->has_failed)
        return;
    changes->has_failed = true;
    changes->failure = *reason;
    error_prefix(&changes->failure, "%.100s", put->path);
}

static void forget(struct changes *changes, struct waiting_put *put)
{
    apr_hash_set(changes->waiting, put->path, APR_HASH_KEY_STRING, NULL);
    content_release(put->content);
    put->content = NULL;
    apr_pool_clear(put->pool);
}

static struct waiting_put *take_first(struct changes *changes)
{
    struct waiting_put *put = &changes->ring[changes->first];

    changes->first = (changes->first + 1) % CHANGES_WAITING;
    changes->count--;
    return put;
}

static void enter_first(struct changes *changes)
{
    struct waiting_put *put = take_first(changes);
    struct error reason;

    if (!enter(changes, put, &reason))
        note(changes, put, &reason);
    forget(changes, put);
}

/* The last of these is waited for first: the others are done with it or soon after. Else
 * the thread would sleep and be woken for each. */
static void enter_half(struct changes *changes)
{
    unsigned int left = CHANGES_WAITING / 2,
                 last = (changes->first + left - 1) % CHANGES_WAITING;

    workers_wait(changes->workers, changes->ring[last].content, NULL);
    for (; left > 0; left--)
        enter_first(changes);
}

void changes_enter_waiting(struct changes *changes)
{
    while (changes->count > 0)
        enter_first(changes);
}

void changes_enter_if_waiting(struct changes *changes, const char *path)
{
    if (changes->count > 0 &&
        apr_hash_get(changes->waiting, path, APR_HASH_KEY_STRING) != NULL)
        changes_enter_waiting(changes);
}

void changes_stop_workers(struct changes *changes)
{
    if (changes->workers != NULL)
        workers_stop(changes->workers);
    while (changes->count > 0)
        forget(changes, take_first(changes));
}

bool changes_settle(struct changes *changes, struct error *error)
{
    bool failed;

    changes_start(changes);
    changes_enter_waiting(changes);
    failed = changes->has_failed;
    changes->has_failed = false;
    if (failed && error != NULL)
        *error = changes->failure;
    return !failed;
}

static bool start_workers(struct changes *changes, struct error *error)
{
    struct publication *publication = changes->run.publication;

    return changes->workers != NULL ||
           workers_start(&changes->workers, publication->target, publication->store,
                         publication->stop, changes->pool, error);
}

/* What cannot tell its size beforehand is cut wherever it is long enough. */
static bool find_size(int64_t *size, int fd, const char *path, struct error *error)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at the content of %.100s",
                               path);
    *size = S_ISREG(status.st_mode) ? status.st_size : INT64_MAX;
    return true;
}

static bool check_path(struct changes *changes, const char *path, struct error *error)
{
    struct spot spot;

    if (!publication_continues(changes->run.publication, error) ||
        !change_path_check(path, error))
        return false;
    changes_enter_if_waiting(changes, path);
    if (!spot_find_for(&spot, changes, path, error))
        return false;
    return !spot.found || !(spot.entry.flags & CATALOG_DIRECTORY) ||
           error_set(error, ERROR_EXISTS, "%.100s is a directory", path);
}

static bool check_put(int64_t *size, struct changes *changes, const char *path, int fd,
                      struct error *error)
{
    return check_path(changes, path, error) && find_size(size, fd, path, error) &&
           start_workers(changes, error);
}

bool changes_put_stored(struct changes *changes, const char *path,
                        const struct content *content,
                        const struct change_attributes *attributes, struct error *error)
{
    changes_start(changes);
    return check_path(changes, path, error) &&
           enter_row(changes, path, content, attributes, error);
}

bool changes_put(struct changes *changes, const char *path, int fd,
                 const struct change_attributes *attributes, struct error *error)
{
    struct waiting_put *put;
    int64_t size = 0;

    changes_start(changes);
    if (!check_put(&size, changes, path, fd, error)) {
        close(fd);
        return false;
    }
    if (changes->count == CHANGES_WAITING)
        enter_half(changes);
    put = &changes->ring[(changes->first + changes->count++) % CHANGES_WAITING];
    put->path = apr_pstrdup(put->pool, path);
    put->attributes = *attributes;
    put->attributes.xattr.bytes =
        apr_pstrmemdup(put->pool, attributes->xattr.bytes, attributes->xattr.length);
    put->content = content_create(path, fd, size, 1);
    apr_hash_set(changes->waiting, put->path, APR_HASH_KEY_STRING, put);
    workers_submit(changes->workers, put->content);
    return true;
}
