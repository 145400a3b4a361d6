/* SPDX-License-Identifier: Apache-2.0 */
/* Filling, finishing and storing the catalogs of a new revision, children first. */
#include <sys/stat.h>
#include <apr_strings.h>

#include "libreplica/publish/catalogs_internal.h"
#include "libreplica/publish/entry.h"

struct catalogs *catalogs_create(struct publication *publication,
                                 const struct predecessors *predecessors,
                                 const struct catalog_marks *marks, int64_t revision,
                                 struct publish_result *result, apr_pool_t *pool)
{
    struct catalogs *catalogs = apr_pcalloc(pool, sizeof(*catalogs));

    catalogs->publication = publication;
    catalogs->predecessors = predecessors;
    catalogs->marks = *marks;
    catalogs->revision = revision;
    catalogs->result = result;
    catalogs->pool = pool;
    return catalogs;
}

static struct catalog_entry entry_of(const struct row *row, unsigned int more_flags)
{
    struct catalog_entry entry = {
        .hardlinks = S_ISDIR(row->mode) ? row->link_count : 1,
        .size = row->size,
        .mode = row->mode,
        .mtime_seconds = row->mtime_seconds,
        .flags = entry_flags(row->mode) | more_flags,
        .symlink = row->symlink,
        .uid = row->uid,
        .gid = row->gid,
        .xattr = row->xattr,
    };

    entry_place(&entry, row->path);
    return entry;
}

bool catalogs_begin(struct open_catalog **begun, struct catalogs *catalogs,
                    const char *path, struct error *error)
{
    struct open_catalog *parent = catalogs->innermost, *opened;
    apr_pool_t *pool;

    apr_pool_create(&pool, parent != NULL ? parent->pool : catalogs->pool);
    opened = apr_pcalloc(pool, sizeof(*opened));
    opened->pool = pool;
    opened->parent = parent;
    opened->mountpoint = apr_pstrdup(pool, path);
    opened->nested = apr_hash_make(pool);
    if (!store_scratch_path(&opened->file, catalogs->publication->store, pool, error) ||
        !catalog_editor_create(&opened->editor, opened->file, pool, error))
        return false;
    catalogs->innermost = *begun = opened;
    return true;
}

bool catalogs_open(struct catalogs *catalogs, const struct row *row, struct error *error)
{
    struct open_catalog *parent = catalogs->innermost, *opened;
    struct catalog_entry entry = entry_of(row, 0);

    if (parent != NULL) {
        entry.flags |= CATALOG_MOUNTPOINT;
        if (!catalog_editor_add(parent->editor, &entry, error))
            return false;
        entry.flags ^= CATALOG_MOUNTPOINT | CATALOG_NESTED_ROOT;
    }
    if (!catalogs_begin(&opened, catalogs, row->path, error))
        return false;
    opened->is_ruled = row->is_ruled;
    return catalog_editor_add(opened->editor, &entry, error);
}

/* All members of a group of hard links have the same composite number. */
static int64_t hardlinks_of(struct open_catalog *catalog, struct content *content)
{
    if (content->members == 1)
        return 1;
    if (content->group == 0)
        content->group = ++catalog->groups;
    return content->group << 32 | content->members;
}

static bool add_chunks(struct open_catalog *catalog, struct path_hash path,
                       const struct content *content, struct error *error)
{
    for (int i = 0; i < content->chunk_count; i++) {
        struct catalog_chunk chunk = {path, content->chunks[i].offset,
                                      content->chunks[i].size, content->chunks[i].hash};

        if (!catalog_editor_add_chunk(catalog->editor, &chunk, error))
            return false;
    }
    return true;
}

bool catalogs_add(struct catalogs *catalogs, const struct row *row, struct error *error)
{
    const struct publish_target *target = catalogs->publication->target;
    struct open_catalog *catalog = catalogs->innermost;
    struct catalog_entry entry = entry_of(row, 0);
    struct content *content = row->content;

    if (content == NULL)
        return catalog_editor_add(catalog->editor, &entry, error);
    entry_set_content(&entry, content, target);
    entry.hardlinks = hardlinks_of(catalog, content);
    return catalog_editor_add(catalog->editor, &entry, error) &&
           add_chunks(catalog, entry.path, content, error);
}

static bool open_predecessor(struct catalog **old, const char **file,
                             struct catalogs *catalogs, struct open_catalog *catalog,
                             const struct catalog_nested *predecessor,
                             struct error *error)
{
    struct object object = {predecessor->hash, OBJECT_CATALOG};

    return publication_inflate(file, catalogs->publication, &object, catalog->pool,
                               error) &&
           catalog_open(old, *file, catalog->pool, error);
}

/* Compare with the predecessor and take over from it what the new catalog continues. Of a
 * damaged one the revision is not known: the repository's is higher. */
static bool follow(struct catalog_properties *properties, bool *unchanged,
                   struct catalogs *catalogs, struct open_catalog *catalog,
                   const struct catalog_nested *predecessor, struct error *error)
{
    struct error reason;
    struct catalog *old;
    const char *file;

    properties->previous_revision = predecessor->hash;
    if (open_predecessor(&old, &file, catalogs, catalog, predecessor, &reason)) {
        properties->revision = catalog_properties(old)->revision + 1;
        catalog_close(old);
        return catalog_editor_matches(unchanged, catalog->editor, file, error);
    }
    properties->revision = catalogs->revision;
    if (!predecessor_is_damaged(&reason) && error != NULL)
        *error = reason;
    return predecessor_is_damaged(&reason);
}

static bool store(struct catalog_nested *stored, struct catalogs *catalogs,
                  struct open_catalog *catalog,
                  const struct catalog_properties *properties, struct error *error)
{
    struct object object = {.type = OBJECT_CATALOG};

    catalog_editor_count_below(catalog->editor, &catalog->below, NULL);
    if ((catalog->parent == NULL &&
         !catalog_editor_mark(catalog->editor, &catalogs->marks, error)) ||
        !catalog_editor_finish(catalog->editor, properties, error) ||
        !publication_store_file(&object, &stored->size, catalogs->publication,
                                catalog->file, catalog->pool, error))
        return false;
    stored->hash = object.hash;
    catalogs->result->catalogs_stored++;
    return true;
}

static void count(struct publish_result *result, const struct catalog_counters *counters)
{
    result->entries += catalog_counters_entries(counters);
    result->bytes += counters->value[CATALOG_COUNT_FILE_SIZE];
    result->catalogs++;
}

/* The root catalog is new in every revision. */
static void root_properties(struct catalog_properties *properties,
                            const struct catalogs *catalogs,
                            const struct catalog_nested *predecessor)
{
    properties->revision = catalogs->revision;
    if (predecessor == NULL)
        return;
    properties->ttl_seconds = catalogs->publication->target->ttl_seconds;
    properties->previous_revision = predecessor->hash;
}

/* Store the catalog, or find that its predecessor will do. */
static bool settle(struct catalog_nested *settled, struct catalogs *catalogs,
                   struct open_catalog *catalog, struct error *error)
{
    const struct catalog_nested *predecessor = NULL;
    struct catalog_properties properties = {
        .revision = 1,
        .last_modified_seconds = catalogs->publication->now_seconds,
        .root_prefix = catalog->mountpoint,
    };
    bool unchanged = false;

    if (catalogs->predecessors != NULL)
        predecessor = predecessors_find(catalogs->predecessors, catalog->mountpoint);
    if (catalog->parent == NULL) {
        root_properties(&properties, catalogs, predecessor);
    } else if (predecessor != NULL) {
        if (!follow(&properties, &unchanged, catalogs, catalog, predecessor, error))
            return false;
        if (unchanged)
            *settled = *predecessor;
    }
    if (unchanged)
        return true;
    return store(settled, catalogs, catalog, &properties, error);
}

void catalogs_count_nested(struct catalogs *catalogs, struct open_catalog *catalog,
                           const char *path, const struct catalog_counters *counters)
{
    catalog_counters_add(&catalog->below, counters);
    if (catalogs->publication->target->balances_catalogs)
        apr_hash_set(catalog->nested, apr_pstrdup(catalog->pool, path),
                     APR_HASH_KEY_STRING,
                     apr_pmemdup(catalog->pool, counters, sizeof(*counters)));
}

bool catalogs_finish(struct catalogs *catalogs, struct catalog_nested *root,
                     struct error *error)
{
    struct open_catalog *catalog = catalogs->innermost, *parent = catalog->parent;
    struct catalog_counters totals = *catalog_editor_counters(catalog->editor);
    struct catalog_nested settled;

    count(catalogs->result, &totals);
    catalog_counters_add(&totals, &catalog->below);
    if (!settle(&settled, catalogs, catalog, error))
        return error_prefix(error, "catalog of '%s'", catalog->mountpoint);
    settled.path = catalog->mountpoint;
    if (parent == NULL) {
        *root = settled;
        root->path = "";
    } else {
        if (!catalog_editor_add_nested(parent->editor, &settled, error))
            return false;
        catalogs_count_nested(catalogs, parent, catalog->mountpoint, &totals);
    }
    catalogs->innermost = parent;
    apr_pool_destroy(catalog->pool);
    return true;
}

bool catalogs_close(struct catalogs *catalogs, struct catalog_nested *root,
                    struct error *error)
{
    bool gone;

    return catalogs_balance(&gone, catalogs, error) &&
           (gone || catalogs_finish(catalogs, root, error));
}
