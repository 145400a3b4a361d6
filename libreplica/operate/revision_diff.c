/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two revisions of a repository. */
#include "libreplica/operate/revision_diff.h"

#include <assert.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/format/catalog_editor.h"

struct diff {
    const struct revision_diff_options *options;
    struct revision_tree *from, *to;
    unsigned int depth;
};

/* One directory in the two trees; NULL where it is none. */
struct pair {
    const char *path;
    const struct catalog_entry *from, *to;
};

static bool add_counts(struct revision_counts *sum, struct store *store,
                       const struct hash *root, int64_t limit, int sign, apr_pool_t *pool,
                       struct error *error)
{
    struct catalog_statistics counters;
    struct revision_tree *tree;
    int64_t all[CATALOG_COUNTERS];

    if (!revision_tree_open(&tree, store, root, limit, pool, error) ||
        !catalog_read_statistics(&counters, revision_tree_catalog(tree), pool, error))
        return false;
    for (int i = 0; i < CATALOG_COUNTERS; i++)
        all[i] = sign * (counters.self[i] + counters.subtree[i]);
    sum->regular += all[CATALOG_COUNT_REGULAR];
    sum->symlink += all[CATALOG_COUNT_SYMLINK];
    sum->directory += all[CATALOG_COUNT_DIRECTORY] - all[CATALOG_COUNT_NESTED];
    sum->nested += all[CATALOG_COUNT_NESTED];
    return true;
}

bool revision_diff_counts(struct revision_counts *more, struct store *store,
                          const struct revision_diff_options *options, apr_pool_t *pool,
                          struct error *error)
{
    apr_pool_t *own;
    bool ok;

    *more = (struct revision_counts){0};
    apr_pool_create(&own, pool);
    ok =
        add_counts(more, store, options->to, options->max_catalog_bytes, 1, own, error) &&
        add_counts(more, store, options->from, options->max_catalog_bytes, -1, own,
                   error);
    apr_pool_destroy(own);
    return ok;
}

static bool texts_equal(struct text a, struct text b)
{
    return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

static unsigned int compare_flags(unsigned int from, unsigned int to)
{
    static const struct {
        unsigned int flags;
        enum revision_difference difference;
    } meanings[] = {
        {CATALOG_MOUNTPOINT | CATALOG_NESTED_ROOT, DIFFERS_NESTED},
        {CATALOG_CHUNKED, DIFFERS_CHUNKED},
        {CATALOG_EXTERNAL, DIFFERS_EXTERNAL},
        {CATALOG_BIND_MOUNTPOINT, DIFFERS_BIND_MOUNTPOINT},
        {CATALOG_HIDDEN, DIFFERS_HIDDEN},
        {CATALOG_DIRECT_IO, DIFFERS_DIRECT_IO},
    };
    unsigned int differences = 0;

    for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
        if ((from ^ to) & meanings[i].flags)
            differences |= (unsigned int)meanings[i].difference;
    return differences;
}

static unsigned int compare_rows(const struct catalog_entry *from,
                                 const struct catalog_entry *to)
{
    bool are_directories = from->flags & to->flags & CATALOG_DIRECTORY;
    unsigned int differences = compare_flags(from->flags, to->flags);

    if ((from->hardlinks ^ to->hardlinks) & 0xffffffff)
        differences |= DIFFERS_LINK_COUNT;
    if ((from->hardlinks >> 32 != 0) != (to->hardlinks >> 32 != 0))
        differences |= DIFFERS_HARDLINK_GROUP;
    if (from->size != to->size && !are_directories)
        differences |= DIFFERS_SIZE;
    if (from->mode != to->mode)
        differences |= DIFFERS_MODE;
    if (from->uid != to->uid || from->gid != to->gid)
        differences |= DIFFERS_OWNER;
    if (from->mtime_seconds != to->mtime_seconds)
        differences |= DIFFERS_TIME;
    if (!texts_equal(from->symlink, to->symlink))
        differences |= DIFFERS_SYMLINK;
    if (!texts_equal(from->xattr, to->xattr))
        differences |= DIFFERS_XATTRS;
    if (!hash_equals(&from->hash, &to->hash))
        differences |= DIFFERS_CONTENT;
    return differences;
}

static bool take_chunk(void *baton, const struct catalog_chunk *chunk,
                       struct error *error)
{
    apr_array_header_t *chunks = baton;

    APR_ARRAY_PUSH(chunks, struct catalog_chunk) = *chunk;
    return true;
}

static bool have_same_chunks(const apr_array_header_t *from, const apr_array_header_t *to)
{
    if (from->nelts != to->nelts)
        return false;
    for (int i = 0; i < from->nelts; i++) {
        const struct catalog_chunk *a = &APR_ARRAY_IDX(from, i, struct catalog_chunk);
        const struct catalog_chunk *b = &APR_ARRAY_IDX(to, i, struct catalog_chunk);

        if (a->offset != b->offset || !hash_equals(&a->hash, &b->hash))
            return false;
    }
    return true;
}

/* Of a file without a whole object only the chunks tell. */
static bool compare_chunks(unsigned int *differences, struct diff *diff,
                           const struct pair *pair, apr_pool_t *pool, struct error *error)
{
    apr_array_header_t *from, *to;

    if (!(pair->from->flags & pair->to->flags & CATALOG_CHUNKED) ||
        !hash_is_null(&pair->from->hash) || *differences & DIFFERS_CONTENT)
        return true;
    from = apr_array_make(pool, 8, sizeof(struct catalog_chunk));
    to = apr_array_make(pool, 8, sizeof(struct catalog_chunk));
    if (!catalog_chunks(revision_tree_catalog(diff->from), pair->path, take_chunk, from,
                        error) ||
        !catalog_chunks(revision_tree_catalog(diff->to), pair->path, take_chunk, to,
                        error))
        return false;
    if (!have_same_chunks(from, to))
        *differences |= DIFFERS_CONTENT;
    return true;
}

static bool compare_directories(struct diff *diff, const struct pair *pair,
                                apr_pool_t *pool, struct error *error);

static bool is_directory(const struct catalog_entry *entry)
{
    return entry != NULL && entry->flags & CATALOG_DIRECTORY;
}

static bool is_mountpoint(const struct catalog_entry *entry)
{
    return is_directory(entry) && entry->flags & CATALOG_MOUNTPOINT;
}

static bool have_same_catalog(const struct diff *diff, const struct pair *pair)
{
    const struct hash *from, *to;

    if (!is_mountpoint(pair->from) || !is_mountpoint(pair->to))
        return false;
    from = revision_tree_nested(diff->from, pair->path);
    to = revision_tree_nested(diff->to, pair->path);
    return from != NULL && to != NULL && hash_equals(from, to);
}

/* Into what is a directory on either side. */
static bool descend(struct diff *diff, const struct pair *pair, apr_pool_t *pool,
                    struct error *error)
{
    struct pair below = {pair->path, is_directory(pair->from) ? pair->from : NULL,
                         is_directory(pair->to) ? pair->to : NULL};
    bool enters_from = is_mountpoint(pair->from), enters_to = is_mountpoint(pair->to);
    bool ok;

    if ((below.from == NULL && below.to == NULL) || have_same_catalog(diff, &below))
        return true;
    if (enters_from && !revision_tree_enter(diff->from, pair->path, error))
        return false;
    ok = !enters_to || revision_tree_enter(diff->to, pair->path, error);
    if (ok) {
        ok = compare_directories(diff, &below, pool, error);
        if (enters_to)
            revision_tree_leave(diff->to);
    }
    if (enters_from)
        revision_tree_leave(diff->from);
    return ok;
}

static bool visit(struct diff *diff, const struct pair *pair, unsigned int differences,
                  struct error *error)
{
    return diff->options->visit(diff->options->baton, pair->path, pair->from, pair->to,
                                differences, error);
}

static bool compare_entry(struct diff *diff, const struct pair *pair, apr_pool_t *pool,
                          struct error *error)
{
    unsigned int differences;

    if (pair->from == NULL)
        return visit(diff, pair, 0, error) && descend(diff, pair, pool, error);
    if (pair->to == NULL)
        return descend(diff, pair, pool, error) && visit(diff, pair, 0, error);
    differences = compare_rows(pair->from, pair->to);
    return compare_chunks(&differences, diff, pair, pool, error) &&
           (differences == 0 || visit(diff, pair, differences, error)) &&
           descend(diff, pair, pool, error);
}

static const struct catalog_entry *entry_at(const apr_array_header_t *entries, int index)
{
    return index < entries->nelts ? &APR_ARRAY_IDX(entries, index, struct catalog_entry)
                                  : NULL;
}

/* As memcmp: whether A, B, or both (0) are next. */
static int which_is_next(const struct catalog_entry *a, const struct catalog_entry *b)
{
    size_t length;
    int order;

    if (a == NULL || b == NULL)
        return a == NULL ? 1 : -1;
    length = a->name.length < b->name.length ? a->name.length : b->name.length;
    order = memcmp(a->name.bytes, b->name.bytes, length);
    if (order != 0 || a->name.length == b->name.length)
        return order;
    return a->name.length < b->name.length ? -1 : 1;
}

static bool merge(struct diff *diff, const char *path, const apr_array_header_t *from,
                  const apr_array_header_t *to, apr_pool_t *pool, struct error *error)
{
    int i = 0, j = 0;
    apr_pool_t *own;
    bool ok = true;

    apr_pool_create(&own, pool);
    while (ok && (i < from->nelts || j < to->nelts)) {
        struct pair pair = {NULL, entry_at(from, i), entry_at(to, j)};
        int order = which_is_next(pair.from, pair.to);
        const struct catalog_entry *named = order <= 0 ? pair.from : pair.to;

        assert(named != NULL);
        apr_pool_clear(own);
        pair.path = apr_psprintf(own, "%s/%.*s", path, (int)named->name.length,
                                 named->name.bytes);
        if (order < 0)
            pair.to = NULL;
        if (order > 0)
            pair.from = NULL;
        i += order <= 0;
        j += order >= 0;
        /* Only the server sees what is hidden. */
        ok = named->flags & CATALOG_HIDDEN || compare_entry(diff, &pair, own, error);
    }
    apr_pool_destroy(own);
    return ok;
}

static bool list(apr_array_header_t **entries, struct revision_tree *tree,
                 const struct catalog_entry *directory, const char *path,
                 apr_pool_t *pool, struct error *error)
{
    *entries = apr_array_make(pool, 0, sizeof(struct catalog_entry));
    return directory == NULL || revision_tree_list(entries, tree, path, pool, error);
}

static bool compare_directories(struct diff *diff, const struct pair *pair,
                                apr_pool_t *pool, struct error *error)
{
    const volatile int *stop = diff->options->stop;
    apr_array_header_t *from, *to;
    apr_pool_t *own;
    bool ok;

    if (stop != NULL && *stop)
        return error_set(error, ERROR_CANCELLED, "stopped");
    if (diff->depth >= CATALOG_DEPTH_MAX)
        return error_set(error, ERROR_TOO_LARGE, "'%.100s' is nested too deep",
                         pair->path);
    diff->depth++;
    apr_pool_create(&own, pool);
    ok = list(&from, diff->from, pair->from, pair->path, own, error) &&
         list(&to, diff->to, pair->to, pair->path, own, error) &&
         merge(diff, pair->path, from, to, own, error);
    apr_pool_destroy(own);
    diff->depth--;
    return ok;
}

/* The root's row has no name: the catalogs are looked into at once. */
static bool compare_roots(struct diff *diff, apr_pool_t *pool, struct error *error)
{
    struct catalog_entry from, to;
    struct pair root = {"", &from, &to};
    unsigned int differences;
    bool has_from, has_to;

    if (!catalog_lookup(revision_tree_catalog(diff->from), "", &from, &has_from, error) ||
        !catalog_lookup(revision_tree_catalog(diff->to), "", &to, &has_to, error))
        return false;
    if (!has_from || !has_to)
        return error_set(error, ERROR_BAD_FORMAT, "a root catalog has no root");
    differences = compare_rows(&from, &to);
    return (differences == 0 || visit(diff, &root, differences, error)) &&
           compare_directories(diff, &root, pool, error);
}

bool revision_diff(struct store *store, const struct revision_diff_options *options,
                   apr_pool_t *pool, struct error *error)
{
    struct diff diff = {.options = options};
    apr_pool_t *own;
    bool ok;

    if (hash_equals(options->from, options->to))
        return true;
    apr_pool_create(&own, pool);
    ok = revision_tree_open(&diff.from, store, options->from, options->max_catalog_bytes,
                            own, error) &&
         revision_tree_open(&diff.to, store, options->to, options->max_catalog_bytes, own,
                            error) &&
         compare_roots(&diff, own, error);
    apr_pool_destroy(own);
    return ok;
}
