/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a repository's folder as a client would. */
#include "tests/interop/repository_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include "libreplica/format/history.h"
#include "libreplica/format/inflate.h"
#include "libreplica/format/signature.h"
#include "libreplica/format/whitelist.h"

#define CERTIFICATE_LIMIT (1024 * 1024)
#define DATABASE_LIMIT    (256 * 1024 * 1024)

static bool read_file(struct text *text, const char *path, apr_pool_t *pool,
                      struct error *error)
{
    apr_file_t *file;
    apr_finfo_t info;
    char *bytes;

    if (apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool) !=
        APR_SUCCESS)
        return error_set_errno(error, errno, "cannot open %s", path);
    if (apr_file_info_get(&info, APR_FINFO_SIZE, file) != APR_SUCCESS)
        return error_set_errno(error, errno, "cannot look at %s", path);
    bytes = apr_palloc(pool, (apr_size_t)info.size + 1);
    if (apr_file_read_full(file, bytes, (apr_size_t)info.size, NULL) != APR_SUCCESS &&
        info.size > 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    apr_file_close(file);
    *text = (struct text){bytes, (size_t)info.size};
    return true;
}

/* The stored bytes of an object, whose hash is checked. */
static bool read_object(struct text *stored, struct repository_reader *reader,
                        const struct object *object, apr_pool_t *pool,
                        struct error *error)
{
    char path[OBJECT_PATH_SIZE];
    struct hash computed;

    if (!read_file(
            stored,
            apr_pstrcat(pool, reader->folder, "/", object_path(path, object), NULL), pool,
            error))
        return false;
    hash_bytes(&computed, object->hash.algorithm, stored->bytes, stored->length);
    if (!hash_equals(&computed, &object->hash))
        return error_set(error, ERROR_BAD_HASH, "object %s has another hash", path);
    return true;
}

static bool read_whitelist(struct whitelist **whitelist, struct repository_reader *reader,
                           apr_time_t now, apr_pool_t *pool, struct error *error)
{
    struct text key_pem, text;
    struct key *key;

    return read_file(&key_pem, reader->key_path, pool, error) &&
           key_parse_public(&key, key_pem, pool, error) &&
           read_file(&text, reader->whitelist, pool, error) &&
           whitelist_parse(whitelist, text, pool, error) &&
           signature_verify_recovered(key, (*whitelist)->signed_text,
                                      (*whitelist)->signature, error) &&
           whitelist_check(*whitelist, reader->fqrn, now, error);
}

static bool check_manifest(struct repository_reader *reader,
                           const struct whitelist *whitelist, apr_pool_t *pool,
                           struct error *error)
{
    struct object object = {reader->manifest->certificate, OBJECT_CERTIFICATE};
    struct certificate *certificate;
    struct text stored, pem;

    if (strcmp(reader->manifest->fqrn, reader->fqrn) != 0)
        return error_set(error, ERROR_NAME_MISMATCH, "the manifest is for %s",
                         reader->manifest->fqrn);
    return read_object(&stored, reader, &object, pool, error) &&
           inflate_text(&pem, stored, CERTIFICATE_LIMIT, pool, error) &&
           certificate_parse(&certificate, pem, pool, error) &&
           signature_verify_digest_info(certificate_key(certificate),
                                        reader->manifest->signed_text,
                                        reader->manifest->signature, error) &&
           whitelist_check_certificate(whitelist, certificate_der(certificate), error);
}

bool repository_reader_verify(struct repository_reader *reader, apr_time_t now,
                              apr_pool_t *pool, struct error *error)
{
    struct whitelist *whitelist;
    struct text text;

    return read_whitelist(&whitelist, reader, now, pool, error) &&
           read_file(&text, apr_pstrcat(pool, reader->folder, "/" MANIFEST_NAME, NULL),
                     pool, error) &&
           manifest_parse(&reader->manifest, text, pool, error) &&
           check_manifest(reader, whitelist, pool, error);
}

bool repository_reader_unpack(const char **path, struct repository_reader *reader,
                              const struct object *object, int64_t size, apr_pool_t *pool,
                              struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    struct text stored, plain;
    FILE *file;

    *path = apr_pstrcat(pool, reader->scratch, "/", object_name(name, object), NULL);
    if (!read_object(&stored, reader, object, pool, error) ||
        !inflate_text(&plain, stored, size > 0 ? size : DATABASE_LIMIT, pool, error))
        return false;
    if (size > 0 && plain.length != (size_t)size)
        return error_set(error, ERROR_BAD_FORMAT, "%s has not the size stated", name);
    file = fopen(*path, "w");
    if (file == NULL || fwrite(plain.bytes, 1, plain.length, file) != plain.length ||
        fclose(file) != 0)
        return error_set_errno(error, errno, "cannot write %s", *path);
    return true;
}

static bool find_tag(struct hash *catalog, int64_t *catalog_size,
                     struct repository_reader *reader, int64_t revision, apr_pool_t *pool,
                     struct error *error)
{
    struct object object = {reader->manifest->history, OBJECT_HISTORY};
    apr_array_header_t *tags;
    struct hash previous;
    const char *path, *fqrn;

    if (!repository_reader_unpack(&path, reader, &object, 0, pool, error) ||
        !history_read(&fqrn, &previous, &tags, path, pool, error))
        return false;
    for (int i = 0; i < tags->nelts; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(tags, i, struct tag);

        if (tag->revision != revision)
            continue;
        *catalog = tag->catalog;
        *catalog_size = tag->catalog_size;
        return true;
    }
    return error_set(error, ERROR_NOT_FOUND, "no tag has revision %" PRId64, revision);
}

/* Back from the head by previous_revision. */
static bool follow_chain(struct hash *found, struct repository_reader *reader,
                         int64_t revision, apr_pool_t *pool, struct error *error)
{
    struct object object = {reader->manifest->catalog, OBJECT_CATALOG};
    struct catalog *catalog;
    const char *path;

    for (;;) {
        if (!repository_reader_unpack(&path, reader, &object, 0, pool, error) ||
            !catalog_open(&catalog, path, pool, error))
            return false;
        if (catalog_properties(catalog)->revision == revision)
            break;
        object.hash = catalog_properties(catalog)->previous_revision;
        catalog_close(catalog);
        if (hash_is_null(&object.hash))
            return error_set(error, ERROR_NOT_FOUND,
                             "there is no revision %" PRId64 " before the head",
                             revision);
    }
    catalog_close(catalog);
    *found = object.hash;
    return true;
}

bool repository_reader_find_revision(struct hash *catalog, int64_t *catalog_size,
                                     struct repository_reader *reader, int64_t revision,
                                     apr_pool_t *pool, struct error *error)
{
    if (revision == 0 || revision == reader->manifest->revision) {
        *catalog = reader->manifest->catalog;
        *catalog_size = reader->manifest->catalog_size;
        return true;
    }
    if (find_tag(catalog, catalog_size, reader, revision, pool, error))
        return true;
    *catalog_size = 0;
    return error->code == ERROR_NOT_FOUND &&
           follow_chain(catalog, reader, revision, pool, error);
}

bool repository_reader_digest(EVP_MD_CTX *digest, struct repository_reader *reader,
                              const struct object *object, enum compression compression,
                              int64_t size, apr_pool_t *pool, struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    struct text plain;

    if (!read_object(&plain, reader, object, pool, error))
        return false;
    if (compression == COMPRESSION_ZLIB &&
        !inflate_text(&plain, plain, size, pool, error))
        return error_prefix(error, "object %s", object_name(name, object));
    if (plain.length != (size_t)size)
        return error_set(error, ERROR_BAD_FORMAT, "object %s has not the size stated",
                         object_name(name, object));
    EVP_DigestUpdate(digest, plain.bytes, plain.length);
    return true;
}
