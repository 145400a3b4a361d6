/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the files that configure clients. */
#include "libreplica/operate/client_origin.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/settings.h"
#include "libreplica/store/file.h"

#define FILE_SIZE_MAX (1024 * 1024)

enum { SERVER_URL, PUBLIC_KEY, KEYS_DIR, HTTP_PROXY, KEY_COUNT };

static const char *const keys[KEY_COUNT] = {
    [SERVER_URL] = "CVMFS_SERVER_URL",
    [PUBLIC_KEY] = "CVMFS_PUBLIC_KEY",
    [KEYS_DIR] = "CVMFS_KEYS_DIR",
    [HTTP_PROXY] = "CVMFS_HTTP_PROXY",
};

static bool read_file(const char *values[KEY_COUNT], const char *path, apr_pool_t *pool,
                      struct error *error)
{
    struct error reason;
    struct text content;

    if (!file_read(&content, path, FILE_SIZE_MAX, pool, &reason))
        return reason.code == ERROR_NOT_FOUND ||
               error_set(error, reason.code, "%s", reason.message);
    for (int i = 0; i < KEY_COUNT; i++) {
        const char *value = settings_find_value(content, keys[i], pool);

        if (value != NULL)
            values[i] = value;
    }
    return true;
}

/* The files that may be there, the stronger ones later; of default.d those that are. */
static bool list_files(apr_array_header_t *paths, const char *fqrn, const char *confdir,
                       apr_pool_t *pool, struct error *error)
{
    const char *dot = strchr(fqrn, '.'), *domain = dot != NULL ? dot + 1 : fqrn;
    const char *const names[][3] = {
        {"default.local", "", ""},       {"domain.d/", domain, ".conf"},
        {"domain.d/", domain, ".local"}, {"config.d/", fqrn, ".conf"},
        {"config.d/", fqrn, ".local"},   {"repositories.d/", fqrn, "/client.conf"},
    };
    struct error reason;

    APR_ARRAY_PUSH(paths, const char *) =
        apr_pstrcat(pool, confdir, "/default.conf", NULL);
    if (!file_list(paths, apr_pstrcat(pool, confdir, "/default.d", NULL), ".conf", pool,
                   &reason) &&
        reason.code != ERROR_NOT_FOUND)
        return error_set(error, reason.code, "%s", reason.message);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        APR_ARRAY_PUSH(paths, const char *) =
            apr_pstrcat(pool, confdir, "/", names[i][0], names[i][1], names[i][2], NULL);
    return true;
}

static bool read_files(const char *values[KEY_COUNT], const char *fqrn,
                       const char *confdir, apr_pool_t *pool, struct error *error)
{
    apr_array_header_t *paths = apr_array_make(pool, 8, sizeof(const char *));

    if (!list_files(paths, fqrn, confdir, pool, error))
        return false;
    for (int i = 0; i < paths->nelts; i++)
        if (!read_file(values, APR_ARRAY_IDX(paths, i, const char *), pool, error))
            return false;
    return true;
}

static const char *replace(const char *text, const char *word, const char *by,
                           apr_pool_t *pool)
{
    const char *found;

    while ((found = strstr(text, word)) != NULL)
        text = apr_pstrcat(pool, apr_pstrmemdup(pool, text, (size_t)(found - text)), by,
                           found + strlen(word), NULL);
    return text;
}

/* As the client does: the repository's name, and what comes before its domain. */
static const char *fill_in(const char *url, const char *fqrn, apr_pool_t *pool)
{
    const char *organisation = apr_pstrmemdup(pool, fqrn, strcspn(fqrn, "."));

    return replace(replace(url, "@fqrn@", fqrn, pool), "@org@", organisation, pool);
}

static apr_array_header_t *split_urls(const char *list, const char *fqrn,
                                      apr_pool_t *pool)
{
    apr_array_header_t *urls = apr_array_make(pool, 4, sizeof(const char *));
    char *rest = apr_pstrdup(pool, list), *url;

    while ((url = strsep(&rest, ";")) != NULL) {
        size_t length = strlen(url);

        while (length > 0 && url[length - 1] == '/')
            url[--length] = '\0';
        if (length > 0)
            APR_ARRAY_PUSH(urls, const char *) = fill_in(url, fqrn, pool);
    }
    return urls;
}

/* The first one; what a client finds by itself is not looked for. */
static const char *first_proxy(const char *list, apr_pool_t *pool)
{
    const char *proxy =
        list != NULL ? apr_pstrmemdup(pool, list, strcspn(list, "|;")) : "DIRECT";

    return strcmp(proxy, "DIRECT") == 0 || strcmp(proxy, "auto") == 0 ? "" : proxy;
}

bool client_origin_read(struct client_origin *origin, const char *fqrn,
                        const char *confdir, const char *url, const char *public_key,
                        apr_pool_t *pool, struct error *error)
{
    const char *values[KEY_COUNT] = {NULL};

    if (!read_files(values, fqrn, confdir, pool, error))
        return false;
    if (url == NULL)
        url = values[SERVER_URL];
    if (public_key == NULL)
        public_key = values[PUBLIC_KEY] != NULL ? values[PUBLIC_KEY] : values[KEYS_DIR];
    if (public_key == NULL)
        public_key = apr_pstrcat(pool, confdir, "/keys", NULL);
    *origin =
        (struct client_origin){.urls = split_urls(url != NULL ? url : "", fqrn, pool),
                               .public_key = public_key,
                               .proxy = first_proxy(values[HTTP_PROXY], pool)};
    return origin->urls->nelts > 0 ||
           error_set(
               error, ERROR_NOT_FOUND,
               "nothing in %s says where %s is: neither a server's configuration nor "
               "a client's (CVMFS_SERVER_URL)",
               confdir, fqrn);
}
