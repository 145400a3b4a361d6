/* SPDX-License-Identifier: Apache-2.0 */
/* Taking an archive apart that may be a container image. */
#include "libreplica/publish/unpack.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>
#include <archive_entry.h>

#include "libreplica/publish/image_layers.h"

static bool whole_of(struct archive_source *source, int fd, struct error *error)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at the archive");
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_USAGE, "the archive has to be a regular file");
    *source = (struct archive_source){
        .fd = fd, .is_part = true, .size = status.st_size, .may_be_compressed = true};
    return true;
}

static bool open_whole(struct archive **archive, int fd, apr_pool_t *pool,
                       struct error *error)
{
    struct archive_source source;

    return whole_of(&source, fd, error) &&
           archive_source_open(archive, &source, pool, error);
}

/* All that a first look at an archive keeps. */
struct first_look {
    struct image_files files;
    int64_t kept; /* bytes of texts */
    struct archive_budget budget;
    char *buffer; /* IMAGE_TEXT_SIZE_MAX */
};

/* Only what may be JSON, and not too much of it: most archives are no images. */
static bool keep_text(struct first_look *look, const char *name, struct archive *archive,
                      int64_t size, struct error *error)
{
    apr_pool_t *pool = look->files.pool;
    struct text *text;

    if (archive_read_data(archive, look->buffer, (size_t)size) != size)
        return archive_source_fail(archive, error);
    if (size == 0 || (*look->buffer != '{' && *look->buffer != '[') ||
        look->kept + size > IMAGE_TEXTS_SIZE_MAX)
        return true;
    look->kept += size;
    text = apr_palloc(pool, sizeof(*text));
    *text = (struct text){apr_pmemdup(pool, look->buffer, (size_t)size), (size_t)size};
    apr_hash_set(look->files.texts, apr_pstrdup(pool, name), APR_HASH_KEY_STRING, text);
    return true;
}

/* Where an image has what describes it. */
static bool may_describe(const char *name)
{
    const char *slash = strchr(name, '/');

    return slash == NULL || strncmp(name, "blobs/", 6) == 0;
}

/* A link in the archive, from its top; NULL: the entry is none. */
static const char *link_of(struct archive_entry *entry, const char *name,
                           apr_pool_t *pool)
{
    const char *link = archive_entry_hardlink(entry), *slash = strrchr(name, '/');

    if (link == NULL && archive_entry_filetype(entry) == AE_IFLNK &&
        archive_entry_symlink(entry) != NULL)
        link = apr_pstrcat(
            pool, slash ? apr_pstrmemdup(pool, name, (size_t)(slash - name)) : "", "/",
            archive_entry_symlink(entry), NULL);
    return link == NULL ? NULL : image_clean_name(link, pool);
}

static bool look_at(struct first_look *look, struct archive *archive,
                    struct archive_entry *entry, apr_pool_t *scratch, struct error *error)
{
    const char *name = archive_entry_pathname(entry), *link;
    int64_t size = archive_entry_size(entry);

    if (name == NULL)
        return archive_source_fail(archive, error);
    if (!archive_budget_take(&look->budget, size, error))
        return false;
    name = image_clean_name(name, scratch);
    link = link_of(entry, name, scratch);
    if (link != NULL && apr_hash_count(look->files.links) < IMAGE_LAYERS_MAX &&
        apr_hash_get(look->files.links, name, APR_HASH_KEY_STRING) == NULL)
        apr_hash_set(look->files.links, apr_pstrdup(look->files.pool, name),
                     APR_HASH_KEY_STRING, apr_pstrdup(look->files.pool, link));
    return link != NULL || archive_entry_filetype(entry) != AE_IFREG ||
           !may_describe(name) || size > IMAGE_TEXT_SIZE_MAX ||
           keep_text(look, name, archive, size, error);
}

/* Whether the archive is an image, and which. */
static bool read_image(struct image **image, int fd,
                       const struct archive_options *options, apr_pool_t *pool,
                       struct error *error)
{
    struct first_look look = {.files = {apr_hash_make(pool), apr_hash_make(pool), pool},
                              .buffer = apr_palloc(pool, IMAGE_TEXT_SIZE_MAX)};
    struct archive_entry *entry;
    struct archive *archive;
    apr_pool_t *scratch;
    int result;

    /* What is too much is not read to its end first. */
    if (options->budget != NULL)
        look.budget = *options->budget;
    if (!open_whole(&archive, fd, pool, error))
        return false;
    apr_pool_create(&scratch, pool);
    while ((result = archive_source_next(&entry, archive, error)) > 0) {
        apr_pool_clear(scratch);
        if (!look_at(&look, archive, entry, scratch, error))
            return false;
    }
    return result == 0 && image_read(image, &look.files, pool, error);
}

static bool put_layer(struct changes *changes, int64_t *entries,
                      const struct archive_source *source,
                      const struct archive_options *options, apr_time_t now,
                      apr_pool_t *pool, struct error *error)
{
    struct archive_options layer = *options;

    layer.kind = ARCHIVE_LAYER_WHITEOUTS;
    if (!archive_put(changes, NULL, source, &layer, now, pool, error))
        return false;
    layer.kind = ARCHIVE_LAYER_CONTENTS;
    return archive_put(changes, entries, source, &layer, now, pool, error);
}

static bool put_image(struct changes *changes, int64_t *entries, int fd,
                      const struct image *image, const struct archive_options *options,
                      apr_time_t now, apr_pool_t *pool, struct error *error)
{
    apr_array_header_t *layers;
    struct archive *archive;

    if (!open_whole(&archive, fd, pool, error) ||
        !image_layers_take(&layers, archive, image, changes,
                           options->budget != NULL ? options->budget->bytes_max : 0, pool,
                           error))
        return false;
    for (int i = 0; i < layers->nelts; i++)
        if (!put_layer(changes, entries, &APR_ARRAY_IDX(layers, i, struct archive_source),
                       options, now, pool, error))
            return error_prefix(error, "layer %d of the image", i + 1);
    return image_put_skeleton(changes, image, options, now, pool, error) &&
           changes_settle(changes, error);
}

bool unpack_put(struct changes *changes, int64_t *entries, int fd,
                const struct archive_options *options, apr_time_t now, apr_pool_t *pool,
                struct error *error)
{
    struct archive_source source;
    struct image *image;
    apr_pool_t *own;
    bool ok;

    if (!whole_of(&source, fd, error))
        return false;
    apr_pool_create(&own, pool);
    ok = read_image(&image, fd, options, own, error) &&
         (image == NULL
              ? archive_put(changes, entries, &source, options, now, own, error)
              : put_image(changes, entries, fd, image, options, now, own, error));
    apr_pool_destroy(own);
    return ok;
}
