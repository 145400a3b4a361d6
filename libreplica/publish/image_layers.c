/* SPDX-License-Identifier: Apache-2.0 */
/* Layers wait in one file until their turn: they come in any order. */
#include "libreplica/publish/image_layers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <archive_entry.h>

#include "libreplica/publish/image_digest.h"
#include "libreplica/store/file.h"

#define BLOCK_SIZE (256 * 1024)

/* Layers, one after the other in a file that has no name. */
struct spool {
    apr_hash_t
        *wanted; /* clean name -> struct archive_source *; fd is -1 until it came */
    int64_t bytes_max;
    int fd;
    int64_t end;
    char *buffer;
};

static apr_status_t close_file(void *spool)
{
    close(((struct spool *)spool)->fd);
    return APR_SUCCESS;
}

static bool spool_open(struct spool *spool, const struct image *image,
                       struct changes *changes, apr_pool_t *pool, struct error *error)
{
    const char *path;

    spool->wanted = apr_hash_make(pool);
    spool->buffer = apr_palloc(pool, BLOCK_SIZE);
    for (int i = 0; i < image->layers->nelts; i++) {
        const struct image_layer *layer =
            &APR_ARRAY_IDX(image->layers, i, struct image_layer);
        struct archive_source *source = apr_pcalloc(pool, sizeof(*source));

        source->fd = -1;
        source->is_part = source->may_be_compressed = true;
        apr_hash_set(spool->wanted, layer->name, APR_HASH_KEY_STRING, source);
    }
    if (!changes_scratch_path(&path, changes, pool, error))
        return false;
    spool->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (spool->fd < 0)
        return error_set_errno(error, errno, "cannot create %s", path);
    unlink(path);
    apr_pool_cleanup_register(pool, spool, close_file, apr_pool_cleanup_null);
    return true;
}

static bool spool_layer(struct spool *spool, struct archive_source *source,
                        struct archive *archive, struct error *error)
{
    int64_t most = spool->bytes_max;
    la_ssize_t length;

    source->fd = spool->fd;
    source->offset = spool->end;
    while ((length = archive_read_data(archive, spool->buffer, BLOCK_SIZE)) > 0) {
        spool->end += length;
        if (most > 0 && spool->end > most)
            return error_set(error, ERROR_TOO_LARGE,
                             "the image's layers have more than %lld MiB",
                             (long long)(most >> 20));
        if (!file_write_all(spool->fd, spool->buffer, (size_t)length,
                            "a layer of the image", error))
            return false;
    }
    source->size = spool->end - source->offset;
    return length == 0 || archive_source_fail(archive, error);
}

static bool spool_layers(struct spool *spool, struct archive *archive, apr_pool_t *pool,
                         struct error *error)
{
    struct archive_entry *entry;
    apr_pool_t *scratch;
    int result;

    apr_pool_create(&scratch, pool);
    while ((result = archive_source_next(&entry, archive, error)) > 0) {
        const char *name = archive_entry_pathname(entry);
        struct archive_source *source = NULL;

        apr_pool_clear(scratch);
        if (name != NULL && archive_entry_filetype(entry) == AE_IFREG &&
            archive_entry_hardlink(entry) == NULL)
            source = apr_hash_get(spool->wanted, image_clean_name(name, scratch),
                                  APR_HASH_KEY_STRING);
        if (source != NULL && source->fd < 0 &&
            !spool_layer(spool, source, archive, error))
            return false;
    }
    return result == 0;
}

static bool check_layer(const struct spool *spool, const struct image_layer *layer,
                        const struct archive_source *source, apr_pool_t *pool,
                        struct error *error)
{
    struct image_digest *digest;
    int64_t at = source->offset, end = at + source->size;
    ssize_t length;

    if (source->fd < 0)
        return error_set(error, ERROR_NOT_FOUND,
                         "a layer of the image is not in the archive: %.120s",
                         layer->name);
    if (layer->digest == NULL)
        return true;
    if (!image_digest_begin(&digest, layer->digest, pool, error))
        return false;
    while (at < end) {
        size_t wanted = end - at < BLOCK_SIZE ? (size_t)(end - at) : BLOCK_SIZE;

        length = pread(spool->fd, spool->buffer, wanted, (off_t)at);
        if (length <= 0)
            return error_set_errno(error, errno, "cannot read a layer of the image");
        image_digest_add(digest, (struct text){spool->buffer, (size_t)length});
        at += length;
    }
    return image_digest_end(digest, error);
}

bool image_layers_take(apr_array_header_t **sources, struct archive *archive,
                       const struct image *image, struct changes *changes,
                       int64_t bytes_max, apr_pool_t *pool, struct error *error)
{
    struct spool *spool = apr_pcalloc(pool, sizeof(*spool));

    spool->bytes_max = bytes_max;
    if (!spool_open(spool, image, changes, pool, error) ||
        !spool_layers(spool, archive, pool, error))
        return false;
    *sources = apr_array_make(pool, image->layers->nelts, sizeof(struct archive_source));
    for (int i = 0; i < image->layers->nelts; i++) {
        const struct image_layer *layer =
            &APR_ARRAY_IDX(image->layers, i, struct image_layer);
        const struct archive_source *source =
            apr_hash_get(spool->wanted, layer->name, APR_HASH_KEY_STRING);

        if (!check_layer(spool, layer, source, pool, error))
            return false;
        APR_ARRAY_PUSH(*sources, struct archive_source) = *source;
    }
    return true;
}
