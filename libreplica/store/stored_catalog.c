/* SPDX-License-Identifier: Apache-2.0 */
/* Reading databases that are objects of the store. */
#include "libreplica/store/stored_catalog.h"

#include <unistd.h>

#include "libreplica/store/file.h"

bool stored_object_inflate(const char **path, bool *found, struct store *store,
                           const struct object *object, int64_t limit, apr_pool_t *pool,
                           struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    int64_t size;
    bool ok;
    int fd;

    *found = store_open_object(&fd, store, object, error);
    if (!*found)
        return error->code == ERROR_NOT_FOUND;
    ok = store_scratch_path(path, store, pool, error) &&
         file_inflate(&size, *path, fd, limit, error);
    close(fd);
    if (!ok && error->code == ERROR_NOT_FOUND)
        error->code = ERROR_IO;
    return ok || error_prefix(error, "object %s", object_name(name, object));
}

bool stored_catalog_open(struct catalog **catalog, bool *found, struct store *store,
                         const struct hash *hash, int64_t limit, apr_pool_t *pool,
                         struct error *error)
{
    struct object object = {*hash, OBJECT_CATALOG};
    char name[OBJECT_NAME_SIZE];
    const char *path;

    if (!stored_object_inflate(&path, found, store, &object, limit, pool, error))
        return false;
    if (!*found || catalog_open(catalog, path, pool, error))
        return true;
    if (error->code == ERROR_NOT_FOUND)
        error->code = ERROR_IO;
    return error_prefix(error, "object %s", object_name(name, &object));
}
