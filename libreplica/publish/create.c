/* SPDX-License-Identifier: Apache-2.0 */
/* Making a repository. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/publish/catalogs.h"
#include "libreplica/publish/compressor_record.h"
#include "libreplica/publish/head.h"
#include "libreplica/publish/whitelists.h"
#include "libreplica/store/file.h"

#define INITIAL_FILE_NAME "new_repository"

/* To be filled in by the operator. */
static const char metainfo_skeleton[] =
    "{\n"
    "  \"administrator\": \"Your Name\",\n"
    "  \"email\": \"you@organisation.org\",\n"
    "  \"organisation\": \"Your Organisation\",\n"
    "  \"description\": \"Repository content\",\n"
    "  \"url\": \"Project website\",\n"
    "  \"recommended-stratum0\": \"stratum 0 url\",\n"
    "  \"recommended-stratum1s\": [\"stratum1 url\", \"stratum1 url\"],\n"
    "  \"custom\": {}\n"
    "}\n";

static const char *parent_of(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL || slash == path
               ? "/"
               : apr_pstrmemdup(pool, path, (size_t)(slash - path));
}

static bool make_folders(const struct publish_target *target, apr_pool_t *pool,
                         struct error *error)
{
    struct store_status status;
    struct store *store;
    bool found;

    if (!file_make_directory(parent_of(target->reflog_checksum, pool), 0777, pool,
                             error) ||
        !file_make_directory(parent_of(target->storage, pool), 0777, pool, error) ||
        !store_create(target->storage, pool, error) ||
        !store_open(&store, target->storage, target->temporary, pool, error) ||
        !store_stat_file(store, MANIFEST_NAME, &status, &found, error))
        return false;
    return !found ||
           error_set(error, ERROR_EXISTS, "there is a repository in %s", target->storage);
}

/* Nothing but the root directory. */
static bool store_empty_catalog(struct manifest *next, struct publication *publication,
                                const struct catalog_marks *marks, apr_pool_t *pool,
                                struct error *error)
{
    struct row row = {
        .path = "",
        .mode = S_IFDIR | 0755,
        .uid = geteuid(),
        .gid = getegid(),
        .size = 4096,
        .mtime_seconds = publication->now_seconds,
        .link_count = 2,
    };
    struct publish_result unused;
    struct catalogs *catalogs =
        catalogs_create(publication, NULL, marks, next->revision, &unused, pool);
    struct catalog_nested root;

    if (!catalogs_open(catalogs, &row, error) || !catalogs_close(catalogs, &root, error))
        return false;
    next->catalog = root.hash;
    next->catalog_size = root.size;
    return true;
}

static bool publish_empty(struct publication *publication,
                          const struct publish_beginning *beginning, apr_pool_t *pool,
                          struct error *error)
{
    struct object object = {.type = OBJECT_METAINFO};
    struct text text =
        text_of(beginning->metainfo != NULL ? beginning->metainfo : metainfo_skeleton);
    struct manifest next = {.revision = beginning->revision,
                            .ttl_seconds = MANIFEST_DEFAULT_TTL};

    if (!store_empty_catalog(&next, publication, &beginning->marks, pool, error) ||
        !publication_store_text(&object, publication, text, pool, error))
        return false;
    next.metainfo = object.hash;
    return head_replace(publication, &next, pool, error) &&
           (beginning->is_not_replicable ||
            head_allow_replicas(publication->store, error));
}

static bool write_initial_file(const char *folder, const char *fqrn, apr_pool_t *pool,
                               struct error *error)
{
    const char *path = apr_pstrcat(pool, folder, "/" INITIAL_FILE_NAME, NULL);
    const char *content = apr_psprintf(pool, "New CernVM-FS repository for %s\n", fqrn);

    if (!file_write(path, text_of(content), 0644, error))
        return false;
    return chmod(path, 0644) == 0 ||
           error_set_errno(error, errno, "cannot change the mode of %s", path);
}

/* The revision after it, from a folder made for it. */
static bool publish_initial(const struct publish_target *target,
                            struct publication *publication, apr_time_t now,
                            apr_pool_t *pool, struct error *error)
{
    struct publish_result result;
    const char *folder;
    bool ok;

    if (!store_scratch_path(&folder, publication->store, pool, error))
        return false;
    if (mkdir(folder, 0700) != 0 || chmod(folder, 0755) != 0)
        return error_set_errno(error, errno, "cannot create %s", folder);
    ok = write_initial_file(folder, target->fqrn, pool, error) &&
         publish_directory(&result, target, folder, now, NULL, pool, error);
    unlink(apr_pstrcat(pool, folder, "/" INITIAL_FILE_NAME, NULL));
    rmdir(folder);
    return ok;
}

bool publish_create_repository(const struct publish_target *target,
                               const struct publish_beginning *beginning, apr_time_t now,
                               apr_pool_t *pool, struct error *error)
{
    struct publication *publication;
    struct whitelist_terms terms = {.days = PUBLISH_WHITELIST_DAYS};
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, pool);
    ok = make_folders(target, own, error) &&
         compressor_record_write(target, own, error) &&
         publish_sign_whitelist(target, &terms, now, own, error) &&
         publication_open(&publication, target, now, NULL, own, error) &&
         publish_empty(publication, beginning, own, error) &&
         publish_initial(target, publication, now, own, error);
    apr_pool_destroy(own);
    return ok;
}
