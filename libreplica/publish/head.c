/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a repository: everything that hangs on the manifest, and the manifest. */
#include "libreplica/publish/head.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libreplica/format/inflate.h"
#include "libreplica/format/signed_text.h"
#include "libreplica/publish/root_log.h"
#include "libreplica/publish/tags.h"

#define CERTIFICATE_SIZE_MAX (1024 * 1024)

static bool read_object(struct text *content, struct publication *publication,
                        const struct object *object, apr_pool_t *pool,
                        struct error *error)
{
    char *bytes = apr_palloc(pool, CERTIFICATE_SIZE_MAX);
    size_t length = 0;
    ssize_t count;
    int fd;

    if (!store_open_object(&fd, publication->store, object, error))
        return false;
    do {
        count = read(fd, bytes + length, CERTIFICATE_SIZE_MAX - length);
        if (count > 0)
            length += (size_t)count;
    } while (count > 0 || (count < 0 && errno == EINTR));
    close(fd);
    return inflate_text(content, (struct text){bytes, length}, CERTIFICATE_SIZE_MAX, pool,
                        error);
}

static bool check_signature(const struct manifest *manifest,
                            struct publication *publication, apr_pool_t *pool,
                            struct error *error)
{
    struct object object = {manifest->certificate, OBJECT_CERTIFICATE};
    struct certificate *certificate;
    struct text pem;

    return read_object(&pem, publication, &object, pool, error) &&
           certificate_parse(&certificate, pem, pool, error) &&
           signature_verify_digest_info(certificate_key(certificate),
                                        manifest->signed_text, manifest->signature,
                                        error);
}

bool head_read(struct manifest **manifest, struct publication *publication,
               apr_pool_t *pool, struct error *error)
{
    const char *fqrn = publication->target->fqrn;
    struct manifest *read;
    struct text text;

    if (!store_read(&text, publication->store, MANIFEST_NAME, MANIFEST_SIZE_MAX, pool,
                    error) ||
        !manifest_parse(&read, text, pool, error) ||
        !check_signature(read, publication, pool, error))
        return error_prefix(error, "present manifest of %s", fqrn);
    if (strcmp(read->fqrn, fqrn) != 0)
        return error_set(error, ERROR_NAME_MISMATCH,
                         "the manifest in %s is of %s, not of %s",
                         publication->target->storage, read->fqrn, fqrn);
    *manifest = read;
    return true;
}

static bool store_certificate(struct publication *publication, struct manifest *next,
                              apr_pool_t *pool, struct error *error)
{
    struct object object = {.type = OBJECT_CERTIFICATE};

    if (!publication_store_text(&object, publication,
                                publication->keyring.certificate_pem, pool, error))
        return false;
    next->certificate = object.hash;
    return true;
}

/* Clients that may not look into data/ start here. */
static bool link_alternatives(struct publication *publication,
                              const struct manifest *next, struct error *error)
{
    const struct object objects[] = {
        {next->certificate, OBJECT_CERTIFICATE},
        {next->catalog, OBJECT_CATALOG},
        {next->history, OBJECT_HISTORY},
        {next->metainfo, OBJECT_METAINFO},
    };

    for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++)
        if (!hash_is_null(&objects[i].hash) &&
            !store_link_alternative(publication->store, &objects[i], error))
            return false;
    return true;
}

static bool write_manifest(struct publication *publication, const struct manifest *next,
                           apr_pool_t *pool, struct error *error)
{
    struct signed_text parts;

    parts.body = manifest_format_body(next, pool);
    parts.hash_text = signed_text_hash(parts.body, next->catalog.algorithm, pool);
    return signature_sign_digest_info(&parts.signature, publication->keyring.signing,
                                      parts.hash_text, pool, error) &&
           store_replace(publication->store, MANIFEST_NAME,
                         signed_text_join(&parts, pool), error);
}

bool head_replace(struct publication *publication, struct manifest *next,
                  apr_pool_t *pool, struct error *error)
{
    const struct publish_target *target = publication->target;

    next->fqrn = target->fqrn;
    next->garbage_collectable = target->is_garbage_collectable;
    next->published_seconds = publication->now_seconds;
    return store_certificate(publication, next, pool, error) &&
           store_barrier(publication->store, error) &&
           root_log_extend(publication, next, pool, error) &&
           (!next->has_alternative_paths ||
            link_alternatives(publication, next, error)) &&
           write_manifest(publication, next, pool, error);
}

bool head_publish(struct publication *publication, struct manifest *next,
                  apr_pool_t *pool, struct error *error)
{
    next->ttl_seconds = publication->target->ttl_seconds;
    return tags_move(publication, next, pool, error) &&
           head_replace(publication, next, pool, error);
}

bool head_allow_replicas(struct store *store, struct error *error)
{
    return store_replace(store, MASTER_REPLICA_NAME,
                         text_of("This repository may be replicated.\n"), error);
}
