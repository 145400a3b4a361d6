/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that are read as a whole. */
#include "libreplica/replicate/small_object.h"

#include <errno.h>
#include <unistd.h>
#include <apr_strings.h>

static bool hash_fits(const struct object *object, struct text bytes)
{
    struct hash hash;

    hash_bytes(&hash, object->hash.algorithm, bytes.bytes, bytes.length);
    return hash_equals(&hash, &object->hash);
}

/* Whatever is wrong with the local copy, the origin has another. */
static bool read_local(struct text *bytes, struct store *store,
                       const struct object *object, apr_pool_t *pool)
{
    char *buffer = apr_palloc(pool, SMALL_OBJECT_MAX);
    size_t used = 0;
    ssize_t count;
    int fd;

    if (!store_open_object(&fd, store, object, NULL))
        return false;
    while (used < SMALL_OBJECT_MAX &&
           (count = read(fd, buffer + used, SMALL_OBJECT_MAX - used)) != 0) {
        if (count < 0 && errno != EINTR)
            break;
        used += count > 0 ? (size_t)count : 0;
    }
    close(fd);
    *bytes = (struct text){buffer, used};
    return hash_fits(object, *bytes);
}

bool small_object_get(struct text *bytes, const struct small_object_source *source,
                      const struct object *object, apr_pool_t *pool, struct error *error)
{
    char path[OBJECT_PATH_SIZE + 16], name[OBJECT_NAME_SIZE];
    struct fetch_request request = {
        .base_url = source->origin_url, .path = path, .size_limit = SMALL_OBJECT_MAX};

    if (source->store != NULL && read_local(bytes, source->store, object, pool))
        return true;
    if (source->fetcher == NULL)
        return error_set(error, ERROR_NOT_FOUND, "object %s is missing or damaged",
                         object_name(name, object));
    if (source->at_alternative_path)
        apr_snprintf(path, sizeof(path), ".cvmfsalt-%s", object_name(name, object));
    else
        object_path(path, object);
    return fetch_object_text(bytes, source->fetcher, &request, &object->hash, pool,
                             error);
}

bool small_object_put(struct store *store, const struct object *object, struct text bytes,
                      apr_pool_t *pool, struct error *error)
{
    struct store_file *file;
    struct hash hash;
    int64_t size;
    bool intact;

    if (!store_verify(store, object, &intact, error))
        return false;
    if (intact)
        return true;
    if (!store_begin(&file, store, object->hash.algorithm, pool, error))
        return false;
    if (store_write(file, bytes.bytes, bytes.length, error) &&
        store_finish(file, &hash, &size, error))
        return store_commit(file, object, error);
    store_abort(file);
    return false;
}
