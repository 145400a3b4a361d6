/* SPDX-License-Identifier: Apache-2.0 */
/* /cvmfs-meta/: a repository's public key and certificate. */
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/signature.h"
#include "mod_replica/handlers/handlers.h"
#include "mod_replica/reply.h"
#include "mod_replica/repository_cache.h"

#define KEY_SIZE_MAX (64 * 1024)

static const char *keys_folder(const struct replica_config *config, apr_pool_t *pool)
{
    const char *set = settings_text(config->settings, SETTING_KEYS_DIR);

    return *set != '\0' ? set : apr_pstrcat(pool, config->confdir, "/keys", NULL);
}

/* All of FILE, which is closed. */
static bool read_all(struct text *pem, struct store_read *file, apr_pool_t *pool,
                     struct error *error)
{
    char *bytes = apr_palloc(pool, KEY_SIZE_MAX + 1);
    ssize_t count =
        file->size <= KEY_SIZE_MAX ? read(file->fd, bytes, KEY_SIZE_MAX) : KEY_SIZE_MAX;

    close(file->fd);
    if (count != file->size)
        return error_set(error, ERROR_IO, "cannot read it, or it is too large");
    bytes[count] = '\0';
    *pem = (struct text){bytes, (size_t)count};
    return true;
}

/* Whoever put a private key into the same file must not find it in the open. */
static bool check_pem(struct text pem, apr_pool_t *pool, struct error *error)
{
    static const char begin[] = "-----BEGIN ";
    const char *first = strstr(pem.bytes, begin);
    struct certificate *certificate;
    struct key *key;

    if (strlen(pem.bytes) != pem.length || first == NULL ||
        strstr(first + 1, begin) != NULL || strstr(pem.bytes, "PRIVATE") != NULL)
        return error_set(error, ERROR_BAD_FORMAT,
                         "it has to hold one PEM block and no private key");
    return key_parse_public(&key, pem, pool, NULL) ||
           certificate_parse(&certificate, pem, pool, error);
}

int handle_key_file(request_rec *r, const struct replica_request *request)
{
    const char *folder = keys_folder(request->config, r->pool), *storage;
    struct text name = request->path.file_name, pem = {"", 0};
    struct store_read file;
    struct error error;

    if (!repository_cache_find(&storage, request->config->repositories,
                               request->path.repository, r->request_time, r->pool))
        return reply_not_found(r, &reply_key);
    if (!store_read_named(&file, folder, name, &error))
        return reply_error(r, &error, &reply_key);
    if (!read_all(&pem, &file, r->pool, &error) || !check_pem(pem, r->pool, &error)) {
        error_prefix(&error, "%s/%.*s", folder, (int)name.length, name.bytes);
        return reply_error(r, &error, &reply_key);
    }
    return reply_text(r, pem.bytes, &reply_key);
}
