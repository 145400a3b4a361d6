/* SPDX-License-Identifier: Apache-2.0 */
/* Where each repository's tree is. */
#include "mod_replica/repository_cache.h"

#include <string.h>
#include <sys/stat.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <http_config.h>
#include <http_log.h>

#include "libreplica/store/repository.h"

APLOG_USE_MODULE(replica);

#define CHECK_INTERVAL apr_time_from_sec(5)
#define FILE_COUNT     3

/* What tells one version of a file from the next; all zero if there is no file. */
struct file_stamp {
    struct timespec modified;
    struct timespec changed;
    int64_t size;
    uint64_t inode;
};

struct stamp {
    struct file_stamp files[FILE_COUNT];
};

struct entry {
    apr_pool_t *pool; /* holds the entry itself */
    const char *name;
    const char *storage; /* "": none */
    struct stamp stamp;
    apr_time_t checked;
};

/* Entries are only touched under the mutex; whoever needs one leaves with copies. */
struct repository_cache {
    const char *confdir;
    const struct settings *settings;
    server_rec *server;
    apr_pool_t *pool;
    apr_thread_mutex_t *mutex;
    apr_hash_t *entries; /* name -> struct entry * */
};

/* The pools have allocators of their own: httpd's are not made for threads that create
 * and destroy pools at the same time. */
static apr_pool_t *create_own_pool(void)
{
    apr_pool_t *pool;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS)
        ap_abort_on_oom();
    return pool;
}

static apr_status_t destroy_cache(void *data)
{
    struct repository_cache *cache = data;

    for (apr_hash_index_t *at = apr_hash_first(cache->pool, cache->entries); at != NULL;
         at = apr_hash_next(at)) {
        struct entry *entry = apr_hash_this_val(at);

        apr_pool_destroy(entry->pool);
    }
    apr_pool_destroy(cache->pool);
    return APR_SUCCESS;
}

struct repository_cache *repository_cache_create(const char *confdir,
                                                 const struct settings *settings,
                                                 server_rec *server, apr_pool_t *pool)
{
    apr_pool_t *own = create_own_pool();
    struct repository_cache *cache = apr_pcalloc(own, sizeof(*cache));

    cache->confdir = confdir;
    cache->settings = settings;
    cache->server = server;
    cache->pool = own;
    cache->entries = apr_hash_make(own);
    if (apr_thread_mutex_create(&cache->mutex, APR_THREAD_MUTEX_DEFAULT, own) !=
        APR_SUCCESS)
        ap_abort_on_oom();
    apr_pool_cleanup_register(pool, cache, destroy_cache, apr_pool_cleanup_null);
    return cache;
}

/* False if the repository has no server.conf, that is, is not configured. */
static bool take_stamp(struct stamp *stamp, const char *confdir, const char *name)
{
    static const char *const files[FILE_COUNT] = {"server.conf", "replica.conf",
                                                  "client.conf"};

    memset(stamp, 0, sizeof(*stamp));
    for (int i = 0; i < FILE_COUNT; i++) {
        char path[APR_PATH_MAX];
        struct stat status;

        apr_snprintf(path, sizeof(path), "%s/repositories.d/%s/%s", confdir, name,
                     files[i]);
        if (stat(path, &status) == 0)
            stamp->files[i] = (struct file_stamp){status.st_mtim, status.st_ctim,
                                                  status.st_size, status.st_ino};
        else if (i == 0)
            return false;
    }
    return true;
}

/* The tree of a repository whose files are not all good. GOOD is where it was when they
 * were, or NULL. */
static const char *find_storage(const struct repository_cache *cache, const char *name,
                                const char *good, apr_pool_t *pool)
{
    const char *storage;

    if (repository_read_storage(&storage, cache->confdir, name, cache->settings, pool))
        return storage;
    if (good != NULL)
        return apr_pstrdup(pool, good);
    return apr_pstrcat(pool, settings_text(cache->settings, SETTING_STORAGE_DIR), "/",
                       name, NULL);
}

/* Read the files. The entry is new and belongs to nobody yet. */
static struct entry *read_entry(const struct repository_cache *cache, const char *name,
                                const char *good)
{
    apr_pool_t *pool = create_own_pool();
    struct entry *entry = apr_pcalloc(pool, sizeof(*entry));
    struct repository *repository;
    struct error error;

    entry->pool = pool;
    entry->name = apr_pstrdup(pool, name);
    if (repository_read(&repository, cache->confdir, name, cache->settings, pool,
                        &error)) {
        entry->storage = repository->storage;
        return entry;
    }
    entry->storage =
        error.code == ERROR_UNSUPPORTED ? "" : find_storage(cache, name, good, pool);
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, cache->server, "%s; %s%s", error.message,
                 *entry->storage != '\0' ? "serving what is in " : "not served",
                 entry->storage);
    return entry;
}

/* Put ENTRY (NULL: none) in the place of what is cached under NAME. */
static void replace_entry(struct repository_cache *cache, const char *name,
                          struct entry *entry)
{
    struct entry *old = apr_hash_get(cache->entries, name, APR_HASH_KEY_STRING);

    /* Out first: the table would keep the old key, which is in the old entry's pool. */
    apr_hash_set(cache->entries, name, APR_HASH_KEY_STRING, NULL);
    if (old != NULL)
        apr_pool_destroy(old->pool);
    if (entry != NULL)
        apr_hash_set(cache->entries, entry->name, APR_HASH_KEY_STRING, entry);
}

/* What a look at the cache gives: copies. */
struct cached {
    bool known;
    bool fresh;
    const char *storage;
    struct stamp stamp;
};

/* Whoever finds an old entry is the one to check it; the others go on with it. */
static struct cached look_up(struct repository_cache *cache, const char *name,
                             apr_time_t now, apr_pool_t *pool)
{
    struct cached cached = {false};
    struct entry *entry;

    apr_thread_mutex_lock(cache->mutex);
    entry = apr_hash_get(cache->entries, name, APR_HASH_KEY_STRING);
    if (entry != NULL) {
        cached.known = true;
        cached.fresh = now >= entry->checked && now - entry->checked < CHECK_INTERVAL;
        cached.storage = apr_pstrdup(pool, entry->storage);
        if (!cached.fresh) {
            cached.stamp = entry->stamp;
            entry->checked = now;
        }
    }
    apr_thread_mutex_unlock(cache->mutex);
    return cached;
}

/* Read the files and give a copy of what is cached now. */
static const char *refresh(struct repository_cache *cache, const char *name,
                           const struct cached *cached, const struct stamp *stamp,
                           apr_time_t now, apr_pool_t *pool)
{
    struct entry *entry = read_entry(cache, name, cached->known ? cached->storage : NULL);
    const char *storage = apr_pstrdup(pool, entry->storage);

    entry->stamp = *stamp;
    entry->checked = now;
    apr_thread_mutex_lock(cache->mutex);
    replace_entry(cache, name, entry);
    apr_thread_mutex_unlock(cache->mutex);
    return storage;
}

static void forget(struct repository_cache *cache, const char *name)
{
    apr_thread_mutex_lock(cache->mutex);
    replace_entry(cache, name, NULL);
    apr_thread_mutex_unlock(cache->mutex);
}

bool repository_cache_find(const char **storage, struct repository_cache *cache,
                           struct text name, apr_time_t now, apr_pool_t *pool)
{
    const char *key = apr_pstrmemdup(pool, name.bytes, name.length);
    struct cached cached = look_up(cache, key, now, pool);
    struct stamp stamp;

    if (!cached.fresh) {
        if (!take_stamp(&stamp, cache->confdir, key)) {
            /* Names that are not configured are never kept: anybody may ask for any. */
            if (cached.known)
                forget(cache, key);
            return false;
        }
        if (!cached.known || memcmp(&stamp, &cached.stamp, sizeof(stamp)) != 0)
            cached.storage = refresh(cache, key, &cached, &stamp, now, pool);
    }
    *storage = cached.storage;
    return *cached.storage != '\0';
}
