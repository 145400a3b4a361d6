/* SPDX-License-Identifier: Apache-2.0 */
/* Nested catalogs by rules, in change sets. */
#include "libreplica/publish/nesting.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/publish/changes_internal.h"
#include "libreplica/store/file.h"

struct nesting {
    apr_pool_t *pool;
    struct hash hash;          /* of the file's content; null: there is none */
    struct dirtab *rules;      /* NULL: none, or wrong ones */
    apr_array_header_t *made;  /* of const char *: directories that the rules match */
    apr_array_header_t *moved; /* of const char *: roots of trees */
};

static bool read_descriptor(struct text *text, int fd, apr_pool_t *pool,
                            struct error *error)
{
    size_t size = (size_t)DIRTAB_SIZE_MAX + 1, length = 0;
    char *bytes = apr_palloc(pool, size);
    ssize_t count;

    do {
        count = read(fd, bytes + length, size - length);
        if (count > 0)
            length += (size_t)count;
    } while ((count > 0 && length < size) || (count < 0 && errno == EINTR));
    if (count < 0)
        return error_set_errno(error, errno, "cannot read " DIRTAB_PATH);
    if (length == size)
        return error_set(error, ERROR_TOO_LARGE, DIRTAB_PATH " is too large");
    *text = (struct text){bytes, length};
    return true;
}

bool nesting_read_file(struct dirtab **rules, int fd, apr_pool_t *pool,
                       struct error *error)
{
    struct stat status;
    struct text text;
    int file;
    bool ok;

    *rules = NULL;
    file = openat(fd, &DIRTAB_PATH[1], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT || errno == ELOOP ||
               error_set_errno(error, errno, "cannot open " DIRTAB_PATH);
    ok = fstat(file, &status) != 0 || !S_ISREG(status.st_mode) ||
         (read_descriptor(&text, file, pool, error) &&
          dirtab_parse(rules, text, pool, error));
    close(file);
    return ok;
}

static bool read_whole(struct text *text, struct publication *publication,
                       const struct catalog_entry *entry, apr_pool_t *pool,
                       struct error *error)
{
    struct object object = {entry->hash, OBJECT_FILE};
    const char *path;
    int64_t size;
    int fd;
    bool ok;

    if (!store_open_object(&fd, publication->store, &object, error))
        return false;
    if (entry->compression == COMPRESSION_NONE)
        ok = read_descriptor(text, fd, pool, error);
    else
        ok = store_scratch_path(&path, publication->store, pool, error) &&
             file_inflate(&size, path, fd, DIRTAB_SIZE_MAX, error) &&
             file_read(text, path, DIRTAB_SIZE_MAX, pool, error);
    close(fd);
    return ok;
}

/* *rules NULL: there is no such file. */
static bool read_rules(struct dirtab **rules, struct hash *hash, struct changes *changes,
                       apr_pool_t *pool, struct error *error)
{
    struct catalog_entry entry;
    struct text text;
    bool found;

    *rules = NULL;
    *hash = (struct hash){HASH_UNSET};
    if (!changes_lookup(changes, &found, &entry, DIRTAB_PATH, error))
        return false;
    if (!found || !entry_is_regular(&entry))
        return true;
    if (hash_is_null(&entry.hash))
        return error_set(error, ERROR_TOO_LARGE, DIRTAB_PATH " is too large");
    *hash = entry.hash;
    return read_whole(&text, changes->run.publication, &entry, pool, error) &&
           dirtab_parse(rules, text, pool, error);
}

bool nesting_begin(struct nesting **nesting, struct changes *changes, apr_pool_t *pool,
                   struct error *error)
{
    struct nesting *begun = apr_pcalloc(pool, sizeof(*begun));
    struct error reason;

    begun->pool = pool;
    begun->made = apr_array_make(pool, 0, sizeof(const char *));
    begun->moved = apr_array_make(pool, 0, sizeof(const char *));
    *nesting = begun;
    if (read_rules(&begun->rules, &begun->hash, changes, pool, &reason))
        return true;
    /* Wrong ones may be what this change set puts right. */
    if (reason.code == ERROR_BAD_FORMAT || reason.code == ERROR_TOO_LARGE)
        return true;
    if (error != NULL)
        *error = reason;
    return false;
}

void nesting_note(struct nesting *nesting, const char *path)
{
    if (nesting->rules != NULL && dirtab_matches(nesting->rules, path))
        APR_ARRAY_PUSH(nesting->made, const char *) = apr_pstrdup(nesting->pool, path);
}

void nesting_note_tree(struct nesting *nesting, const char *path)
{
    if (nesting->rules != NULL)
        APR_ARRAY_PUSH(nesting->moved, const char *) = apr_pstrdup(nesting->pool, path);
}

/* It looks like the directory, so that the same content is the same catalog. */
static bool put_marker(struct nesting *nesting, struct changes *changes, const char *path,
                       apr_pool_t *pool, struct error *error)
{
    struct change_attributes attributes = {.mode = 0644};
    struct catalog_entry entry;
    bool found;

    if (!dirtab_matches(nesting->rules, path))
        return true;
    if (!changes_lookup(changes, &found, &entry, path, error))
        return false;
    if (!found || !(entry.flags & CATALOG_DIRECTORY))
        return true;
    attributes.uid = entry.uid;
    attributes.gid = entry.gid;
    attributes.mtime_seconds = entry.mtime_seconds;
    return changes_put_empty(changes, apr_pstrcat(pool, path, "/" CATALOG_MARKER, NULL),
                             &attributes, error);
}

static bool put_all(struct nesting *nesting, struct changes *changes,
                    const apr_array_header_t *paths, struct error *error)
{
    apr_pool_t *own;
    bool ok = true;

    apr_pool_create(&own, nesting->pool);
    for (int i = 0; ok && i < paths->nelts; i++) {
        apr_pool_clear(own);
        ok = put_marker(nesting, changes, APR_ARRAY_IDX(paths, i, const char *), own,
                        error);
    }
    apr_pool_destroy(own);
    return ok;
}

/* Which directories of one directory are looked into. */
struct search {
    const struct dirtab *rules;
    int index; /* of the pattern; -1: all directories */
    int number;
    const char *path;
    apr_array_header_t *found; /* of const char * */
};

static bool take_directory(void *baton, const struct catalog_entry *entry,
                           struct error *error)
{
    struct search *search = baton;

    if (!(entry->flags & CATALOG_DIRECTORY) ||
        entry->flags & (CATALOG_HIDDEN | CATALOG_BIND_MOUNTPOINT) ||
        (search->index >= 0 && !dirtab_component_matches(search->rules, search->index,
                                                         search->number, entry->name)))
        return true;
    APR_ARRAY_PUSH(search->found, const char *) =
        apr_psprintf(search->found->pool, "%s/%.*s", search->path,
                     (int)entry->name.length, entry->name.bytes);
    return true;
}

/* Level by level: TREES are where to begin, at component NUMBER of pattern INDEX; of
 * index -1 all that is found is a match. */
static bool put_below(struct nesting *nesting, struct changes *changes,
                      const apr_array_header_t *trees, int index, int number, int last,
                      apr_pool_t *pool, struct error *error)
{
    struct search search = {nesting->rules, index, number, NULL,
                            apr_array_make(pool, 16, sizeof(const char *))};

    for (int i = 0; i < trees->nelts; i++) {
        search.path = APR_ARRAY_IDX(trees, i, const char *);
        if (!changes_list(changes, search.path, take_directory, &search, error))
            return false;
    }
    if (search.found->nelts == 0)
        return true;
    if ((index < 0 || number + 1 == last) &&
        !put_all(nesting, changes, search.found, error))
        return false;
    return number + 1 >= last || put_below(nesting, changes, search.found, index,
                                           number + 1, last, pool, error);
}

static int count_components(const char *path)
{
    int count = 0;

    for (; *path != '\0'; path++)
        count += *path == '/';
    return count;
}

/* The rules have changed: all that they match, from the root down. */
static bool apply_everywhere(struct nesting *nesting, struct changes *changes,
                             apr_pool_t *pool, struct error *error)
{
    apr_array_header_t *root = apr_array_make(pool, 1, sizeof(const char *));

    APR_ARRAY_PUSH(root, const char *) = "";
    for (int i = 0; i < dirtab_count(nesting->rules); i++)
        if (!put_below(nesting, changes, root, i, 0, dirtab_components(nesting->rules, i),
                       pool, error))
            return false;
    return true;
}

static bool apply_to_moved(struct nesting *nesting, struct changes *changes,
                           apr_pool_t *pool, struct error *error)
{
    for (int i = 0; i < nesting->moved->nelts; i++) {
        const char *path = APR_ARRAY_IDX(nesting->moved, i, const char *);
        apr_array_header_t *tree = apr_array_make(pool, 1, sizeof(const char *));
        int number = count_components(path), last = dirtab_depth(nesting->rules);
        struct catalog_entry entry;
        bool found;

        APR_ARRAY_PUSH(tree, const char *) = path;
        if (!changes_lookup(changes, &found, &entry, path, error))
            return false;
        /* It may have moved on, or gone. */
        if (!found || !(entry.flags & CATALOG_DIRECTORY))
            continue;
        if (!put_all(nesting, changes, tree, error) ||
            (number < last &&
             !put_below(nesting, changes, tree, -1, number, last, pool, error)))
            return false;
    }
    return true;
}

static bool apply(struct nesting *nesting, struct changes *changes, apr_pool_t *pool,
                  struct error *error)
{
    struct hash hash;

    if (!read_rules(&nesting->rules, &hash, changes, nesting->pool, error))
        return false;
    if (nesting->rules == NULL)
        return true;
    return hash_equals(&hash, &nesting->hash)
               ? put_all(nesting, changes, nesting->made, error) &&
                     apply_to_moved(nesting, changes, pool, error)
               : apply_everywhere(nesting, changes, pool, error);
}

bool nesting_apply(struct nesting *nesting, struct changes *changes, struct error *error)
{
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, nesting->pool);
    ok = apply(nesting, changes, own, error) && changes_settle(changes, error);
    apr_pool_destroy(own);
    return ok;
}

bool nesting_matches(const struct nesting *nesting, const char *path)
{
    return nesting->rules != NULL && dirtab_matches(nesting->rules, path);
}
