/* SPDX-License-Identifier: Apache-2.0 */
/* Reading extended attributes. */
#include "libreplica/publish/attributes.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"
#include "libreplica/format/xattr_blob.h"

#define LIST_SIZE_MAX 65536

static bool read_value(struct xattr *attribute, int fd, const char *name,
                       apr_pool_t *pool)
{
    char *value = apr_palloc(pool, XATTR_BLOB_MAX);
    ssize_t length;

    if (strlen(name) > XATTR_BLOB_MAX)
        return false;
    length = fgetxattr(fd, name, value, XATTR_BLOB_MAX);
    if (length < 0)
        return false;
    attribute->name = text_of(name);
    attribute->value = (struct text){value, (size_t)length};
    return true;
}

bool attributes_read(struct text *blob, int fd, const char *path, apr_pool_t *pool,
                     struct error *error)
{
    apr_array_header_t *all = apr_array_make(pool, 4, sizeof(struct xattr));
    char list[1024], *names = list;
    ssize_t length = flistxattr(fd, list, sizeof(list));
    struct xattr attribute;

    if (length < 0 && errno == ERANGE) {
        names = apr_palloc(pool, LIST_SIZE_MAX);
        length = flistxattr(fd, names, LIST_SIZE_MAX);
    }
    if (length < 0 && errno != ENOTSUP)
        return error_set_errno(error, errno, "cannot read the attributes of %s", path);
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1) {
        const char *name = apr_pstrdup(pool, names + at);

        if (strncmp(name, "user.", 5) != 0)
            continue;
        if (all->nelts < XATTR_BLOB_MAX && read_value(&attribute, fd, name, pool))
            APR_ARRAY_PUSH(all, struct xattr) = attribute;
        else
            log_write(LOG_LEVEL_WARNING, "publish-attribute-ignored path=%s name=%s",
                      path, name);
    }
    return xattr_blob_write(blob, all, pool, error);
}
