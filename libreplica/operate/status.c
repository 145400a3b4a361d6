/* SPDX-License-Identifier: Apache-2.0 */
/* A replica's status file. */
#include "libreplica/operate/status.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <jansson.h>

#define STATUS_NAME     ".cvmfs_status.json"
#define STATUS_SIZE_MAX (256 * 1024)

/* The object in the file, or an empty one. The caller owns the reference. */
static json_t *load(struct store *store, apr_pool_t *pool)
{
    struct text content;
    json_t *root = NULL;

    if (store_read(&content, store, STATUS_NAME, STATUS_SIZE_MAX, pool, NULL))
        root = json_loadb(content.bytes, content.length, 0, NULL);
    if (root != NULL && json_is_object(root))
        return root;
    json_decref(root);
    return json_object();
}

bool status_update(struct store *store, const struct status_change *changes, size_t count,
                   apr_pool_t *pool, struct error *error)
{
    json_t *root = load(store, pool);
    char *text;
    bool ok;

    for (size_t i = 0; i < count; i++)
        if (changes[i].value != NULL)
            json_object_set_new(root, changes[i].key, json_string(changes[i].value));
        else
            json_object_del(root, changes[i].key);
    text = json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(root);
    if (text == NULL)
        return error_set(error, ERROR_BAD_FORMAT, "cannot write %s", STATUS_NAME);
    ok = store_replace(store, STATUS_NAME, text_of(apr_pstrcat(pool, text, "\n", NULL)),
                       error);
    free(text);
    return ok;
}

const char *status_read(struct store *store, const char *key, apr_pool_t *pool)
{
    json_t *root = load(store, pool);
    const char *value = json_string_value(json_object_get(root, key));

    if (value != NULL)
        value = apr_pstrdup(pool, value);
    json_decref(root);
    return value;
}
