/* SPDX-License-Identifier: Apache-2.0 */
/* The reflog as garbage collection needs it: checked, rebuilt, shortened. */
#include "libreplica/operate/gc_reflog.h"

#include "libreplica/format/history.h"
#include "libreplica/operate/gc_journal.h"
#include "libreplica/store/file.h"
#include "libreplica/store/reflog_file.h"
#include "libreplica/store/stored_catalog.h"

#define CHECKSUM_SIZE_MAX 256

static bool matches(struct text content, const char *checksum_file, apr_pool_t *pool)
{
    struct hash expected, actual;
    struct text text;

    if (!file_read(&text, checksum_file, CHECKSUM_SIZE_MAX, pool, NULL))
        return false;
    while (text.length > 0 && text.bytes[text.length - 1] <= ' ')
        text.length--;
    if (!hash_parse(&expected, text))
        return false;
    hash_bytes(&actual, expected.algorithm, content.bytes, content.length);
    return hash_equals(&actual, &expected);
}

/* A copy at *path. CHECKSUM_FILE NULL: whatever it is. */
static bool copy(const char **path, bool *found, struct store *store,
                 const char *checksum_file, apr_pool_t *pool, struct error *error)
{
    struct text content;
    apr_pool_t *own;
    bool ok;

    if (!store_scratch_path(path, store, pool, error))
        return false;
    apr_pool_create(&own, pool);
    *found = store_read(&content, store, REFLOG_NAME, REFLOG_SIZE_MAX, own, error);
    if (!*found)
        ok = error->code == ERROR_NOT_FOUND;
    else if (checksum_file != NULL && !matches(content, checksum_file, own))
        ok = error_set(error, ERROR_BAD_HASH,
                       "the reflog of %s does not match its checksum in %s: nothing is "
                       "deleted. 'check -r' mends that, or remove the reflog to have it "
                       "rebuilt",
                       store_root(store), checksum_file);
    else
        ok = file_write(*path, content, 0600, error);
    apr_pool_destroy(own);
    return ok;
}

bool gc_reflog_open(struct reflog **reflog, bool *found, struct store *store,
                    const char *fqrn, const char *checksum_file, apr_pool_t *pool,
                    struct error *error)
{
    const char *path;

    if (!copy(&path, found, store, checksum_file, pool, error))
        return false;
    return !*found || reflog_open(reflog, path, fqrn, false, pool, error);
}

struct rebuild {
    struct store *store;
    struct reflog *reflog;
    int64_t max_catalog_bytes;
    int64_t now_seconds;
};

static bool enter(struct rebuild *rebuild, const struct hash *hash, enum object_type type,
                  struct error *error)
{
    struct object object = {*hash, type};

    return hash_is_null(hash) ||
           reflog_add(rebuild->reflog, &object, rebuild->now_seconds, false, error);
}

/* A root catalog and its predecessors, until one is not here or is known. */
static bool enter_chain(struct rebuild *rebuild, const struct hash *root,
                        apr_pool_t *pool, struct error *error)
{
    struct object object = {*root, OBJECT_CATALOG};
    bool ok = true, found = true, known = false;

    while (ok && !hash_is_null(&object.hash)) {
        struct catalog *catalog;
        apr_pool_t *own;

        apr_pool_create(&own, pool);
        ok = reflog_contains(rebuild->reflog, &object, &known, error) &&
             (known || stored_catalog_open(&catalog, &found, rebuild->store, &object.hash,
                                           rebuild->max_catalog_bytes, own, error));
        if (ok && !known && found) {
            ok = enter(rebuild, &object.hash, OBJECT_CATALOG, error);
            object.hash = catalog_properties(catalog)->previous_revision;
        } else {
            object.hash = (struct hash){HASH_UNSET};
        }
        apr_pool_destroy(own);
    }
    return ok;
}

/* A tag database with its tags; *previous is the one before it, null if there is none. */
static bool enter_tags(struct hash *previous, struct rebuild *rebuild,
                       const struct hash *hash, apr_pool_t *pool, struct error *error)
{
    struct object object = {*hash, OBJECT_HISTORY};
    apr_array_header_t *tags;
    const char *path, *fqrn;
    bool found, ok;

    *previous = (struct hash){HASH_UNSET};
    if (!stored_object_inflate(&path, &found, rebuild->store, &object,
                               rebuild->max_catalog_bytes, pool, error))
        return false;
    if (!found)
        return true;
    ok = history_read(&fqrn, previous, &tags, path, pool, error) &&
         enter(rebuild, hash, OBJECT_HISTORY, error);
    for (int i = 0; ok && i < tags->nelts; i++)
        ok = enter_chain(rebuild, &APR_ARRAY_IDX(tags, i, struct tag).catalog, pool,
                         error);
    return ok;
}

static bool enter_all(struct rebuild *rebuild, const struct manifest *manifest,
                      apr_pool_t *pool, struct error *error)
{
    struct hash history = manifest->history, previous;
    apr_pool_t *own;
    bool ok;

    ok = enter(rebuild, &manifest->certificate, OBJECT_CERTIFICATE, error) &&
         enter(rebuild, &manifest->metainfo, OBJECT_METAINFO, error) &&
         enter_chain(rebuild, &manifest->catalog, pool, error);
    while (ok && !hash_is_null(&history)) {
        apr_pool_create(&own, pool);
        ok = enter_tags(&previous, rebuild, &history, own, error);
        history = previous;
        apr_pool_destroy(own);
    }
    return ok;
}

bool gc_reflog_rebuild(struct store *store, const struct manifest *manifest,
                       int64_t max_catalog_bytes, const char *checksum_file,
                       apr_pool_t *pool, struct error *error)
{
    struct rebuild rebuild = {store, NULL, max_catalog_bytes,
                              apr_time_sec(apr_time_now())};
    struct hash checksum;
    const char *path;

    if (!store_scratch_path(&path, store, pool, error) ||
        !reflog_open(&rebuild.reflog, path, manifest->fqrn, true, pool, error))
        return false;
    if (!enter_all(&rebuild, manifest, pool, error)) {
        reflog_close(rebuild.reflog, NULL);
        return error_prefix(error, "rebuilding the reflog");
    }
    return reflog_close(rebuild.reflog, error) &&
           reflog_file_publish(&checksum, store, path, manifest->catalog.algorithm,
                               checksum_file, pool, error);
}

static bool forget(void *baton, enum gc_section section, unsigned int depth,
                   const struct object *object, struct error *error)
{
    struct reflog *reflog = baton;

    if (object == NULL || section == GC_SECTION_DATA ||
        (section == GC_SECTION_CATALOGS && depth > 0))
        return true;
    return reflog_remove(reflog, object, error);
}

static bool shorten(struct reflog *reflog, struct store *store, apr_pool_t *pool,
                    struct error *error)
{
    struct gc_journal journal;
    bool found;

    if (!gc_journal_read(&journal, &found, store, forget, reflog, pool, error) ||
        !reflog_compact(reflog, error)) {
        reflog_close(reflog, NULL);
        return false;
    }
    return reflog_close(reflog, error);
}

bool gc_reflog_forget(struct store *store, const char *checksum_file, apr_pool_t *pool,
                      struct error *error)
{
    struct manifest *manifest;
    struct reflog *reflog;
    struct hash checksum;
    struct text text;
    const char *path;
    bool found;

    if (!copy(&path, &found, store, NULL, pool, error))
        return false;
    if (!found)
        return true;
    if (!store_read(&text, store, MANIFEST_NAME, MANIFEST_SIZE_MAX, pool, error) ||
        !manifest_parse(&manifest, text, pool, error))
        return false;
    /* One that is damaged is written anew by the next snapshot. */
    if (!reflog_open(&reflog, path, manifest->fqrn, false, pool, error))
        return error->code == ERROR_BAD_FORMAT || error->code == ERROR_NAME_MISMATCH;
    return shorten(reflog, store, pool, error) &&
           reflog_file_publish(&checksum, store, path, manifest->catalog.algorithm,
                               checksum_file, pool, error);
}
