/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes as a blob: version, count, then lengths, name and value of each. */
#include "libreplica/format/xattr_blob.h"

#include <stdlib.h>
#include <string.h>

#define XATTR_BLOB_VERSION 1

static int compare_names(const void *left, const void *right)
{
    struct text a = ((const struct xattr *)left)->name;
    struct text b = ((const struct xattr *)right)->name;
    int order = memcmp(a.bytes, b.bytes, a.length < b.length ? a.length : b.length);

    if (order != 0)
        return order;
    return (a.length > b.length) - (a.length < b.length);
}

static bool check(size_t *size, const apr_array_header_t *attributes, struct error *error)
{
    const struct xattr *all = (const struct xattr *)attributes->elts;

    if (attributes->nelts > XATTR_BLOB_MAX)
        return error_set(error, ERROR_TOO_LARGE, "%d extended attributes, at most %d fit",
                         attributes->nelts, XATTR_BLOB_MAX);
    *size = 2;
    for (int i = 0; i < attributes->nelts; i++) {
        if (all[i].name.length > XATTR_BLOB_MAX || all[i].value.length > XATTR_BLOB_MAX)
            return error_set(error, ERROR_TOO_LARGE,
                             "an extended attribute's name or value is longer than %d",
                             XATTR_BLOB_MAX);
        if (all[i].name.length == 0 ||
            memchr(all[i].name.bytes, '\0', all[i].name.length) != NULL)
            return error_set(error, ERROR_BAD_FORMAT,
                             "an extended attribute has no usable name");
        if (i > 0 && compare_names(&all[i - 1], &all[i]) == 0)
            return error_set(error, ERROR_BAD_FORMAT,
                             "an extended attribute is given twice");
        *size += 2 + all[i].name.length + all[i].value.length;
    }
    return true;
}

bool xattr_blob_write(struct text *blob, apr_array_header_t *attributes, apr_pool_t *pool,
                      struct error *error)
{
    const struct xattr *all = (const struct xattr *)attributes->elts;
    unsigned char *bytes, *next;
    size_t size = 0;

    *blob = (struct text){"", 0};
    if (attributes->nelts == 0)
        return true;
    qsort(attributes->elts, (size_t)attributes->nelts, sizeof(*all), compare_names);
    if (!check(&size, attributes, error))
        return false;
    next = bytes = apr_palloc(pool, size);
    *next++ = XATTR_BLOB_VERSION;
    *next++ = (unsigned char)attributes->nelts;
    for (int i = 0; i < attributes->nelts; i++) {
        *next++ = (unsigned char)all[i].name.length;
        *next++ = (unsigned char)all[i].value.length;
        memcpy(next, all[i].name.bytes, all[i].name.length);
        next += all[i].name.length;
        memcpy(next, all[i].value.bytes, all[i].value.length);
        next += all[i].value.length;
    }
    *blob = (struct text){(const char *)bytes, size};
    return true;
}

/* Take one attribute off *REST. */
static bool take(struct xattr *attribute, struct text *rest)
{
    const unsigned char *bytes = (const unsigned char *)rest->bytes;
    size_t name, value;

    if (rest->length < 2)
        return false;
    name = bytes[0];
    value = bytes[1];
    if (name == 0 || rest->length - 2 < name + value)
        return false;
    attribute->name = (struct text){rest->bytes + 2, name};
    attribute->value = (struct text){rest->bytes + 2 + name, value};
    rest->bytes += 2 + name + value;
    rest->length -= 2 + name + value;
    return true;
}

bool xattr_blob_read(apr_array_header_t **attributes, struct text blob, apr_pool_t *pool,
                     struct error *error)
{
    apr_array_header_t *list;
    struct text rest;
    int count;

    if (blob.length < 2 || blob.bytes[0] != XATTR_BLOB_VERSION)
        return error_set(error, ERROR_BAD_FORMAT,
                         "extended attributes that are not of version 1");
    count = (unsigned char)blob.bytes[1];
    rest = (struct text){blob.bytes + 2, blob.length - 2};
    list = apr_array_make(pool, count, sizeof(struct xattr));
    for (int i = 0; i < count; i++)
        if (!take(apr_array_push(list), &rest))
            return error_set(error, ERROR_BAD_FORMAT,
                             "extended attribute %d of %d does not fit", i + 1, count);
    if (rest.length > 0)
        return error_set(error, ERROR_BAD_FORMAT,
                         "%zu bytes after the last extended attribute", rest.length);
    *attributes = list;
    return true;
}
