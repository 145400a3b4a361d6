/* SPDX-License-Identifier: Apache-2.0 */
/* The database in what was downloaded. */
#include "libreplica/operate/geo_archive.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include "libreplica/base/text.h"

#define DATABASE_MAX  (INT64_C(2) << 30)
#define INFLATED_MAX  (INT64_C(8) << 30)
#define BUFFER_SIZE   (256 * 1024)
#define PEEK_SIZE     512
#define REASON_LENGTH 120

/* gzip is taken off by zlib, which compares the checksum at the end; libarchive, which
 * does not, gets what is inside. */
struct source {
    gzFile stream;
    unsigned char *buffer;
    int64_t inflated;
    struct error error; /* code ERROR_NONE while all is well */
};

/* Bytes into source->buffer; 0 at the end, -1 after a failure. */
static int source_fill(struct source *source)
{
    int count = gzread(source->stream, source->buffer, BUFFER_SIZE), reason;
    const char *message = gzerror(source->stream, &reason);

    if (count < 0 || (count == 0 && reason != Z_OK && reason != Z_STREAM_END)) {
        error_set(&source->error, ERROR_BAD_FORMAT, "the file is damaged or cut off: %s",
                  message);
        return -1;
    }
    source->inflated += count;
    if (source->inflated > INFLATED_MAX) {
        error_set(&source->error, ERROR_TOO_LARGE,
                  "the archive inflates to more than %lld bytes",
                  (long long)INFLATED_MAX);
        return -1;
    }
    return count;
}

static la_ssize_t on_read(struct archive *archive, void *baton, const void **bytes)
{
    struct source *source = baton;
    int count = source_fill(source);

    *bytes = source->buffer;
    if (count < 0)
        archive_set_error(archive, EIO, "%s", source->error.message);
    return count;
}

static bool archive_failed(struct archive *archive, const struct source *source,
                           struct error *error)
{
    const char *reason = archive_error_string(archive);

    if (source->error.code != ERROR_NONE) {
        if (error != NULL)
            *error = source->error;
        return false;
    }
    return error_set(error, ERROR_BAD_FORMAT, "not a valid archive or database: %s",
                     reason != NULL ? reason : "unknown form");
}

static bool write_at(int fd, const char *bytes, size_t length, int64_t offset,
                     struct error *error)
{
    while (length > 0) {
        ssize_t count = pwrite(fd, bytes, length, offset);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set_errno(error, errno, "cannot write the unpacked database");
        bytes += count;
        length -= (size_t)count;
        offset += count;
    }
    return true;
}

static bool extract(struct archive *archive, const struct source *source, int to,
                    struct error *error)
{
    const void *bytes;
    size_t length;
    la_int64_t offset;

    if (ftruncate(to, 0) != 0)
        return error_set_errno(error, errno, "cannot write the unpacked database");
    for (;;) {
        int result = archive_read_data_block(archive, &bytes, &length, &offset);

        if (result == ARCHIVE_EOF)
            return true;
        if (result != ARCHIVE_OK)
            return archive_failed(archive, source, error);
        if (offset > DATABASE_MAX || (int64_t)length > DATABASE_MAX - offset)
            return error_set(error, ERROR_TOO_LARGE,
                             "the database has more than %lld bytes",
                             (long long)DATABASE_MAX);
        if (!write_at(to, bytes, length, offset, error))
            return false;
    }
}

/* What has been found so far. */
struct search {
    const char *name;
    int candidates; /* files that end in ".mmdb" */
    bool has_name;  /* one of them is called NAME */
};

/* Whether ENTRY is better than what was extracted before. */
static bool wants(struct search *search, struct archive *archive,
                  struct archive_entry *entry)
{
    const char *path = archive_entry_pathname(entry), *base;
    size_t length;

    if (archive_format(archive) == ARCHIVE_FORMAT_RAW) {
        search->candidates++;
        return true;
    }
    if (path == NULL || archive_entry_filetype(entry) != AE_IFREG || search->has_name)
        return false;
    base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    search->has_name = strcmp(base, search->name) == 0;
    length = strlen(base);
    if (length <= 5 || strcmp(base + length - 5, ".mmdb") != 0)
        return search->has_name;
    return ++search->candidates == 1 || search->has_name;
}

static bool check_found(const struct search *search, struct error *error)
{
    if (search->has_name || search->candidates == 1)
        return true;
    if (search->candidates == 0)
        return error_set(error, ERROR_BAD_FORMAT, "the archive has no .mmdb file");
    return error_set(error, ERROR_BAD_FORMAT,
                     "the archive has %d .mmdb files, and none is called %s",
                     search->candidates, search->name);
}

static bool extract_best(struct archive *archive, struct source *source, int to,
                         const char *name, struct error *error)
{
    struct search search = {.name = name};
    struct archive_entry *entry;
    int result, count;

    while ((result = archive_read_next_header(archive, &entry)) == ARCHIVE_OK)
        if (wants(&search, archive, entry) && !extract(archive, source, to, error))
            return false;
    if (result != ARCHIVE_EOF)
        return archive_failed(archive, source, error);
    /* Archives may end before the file does: the checksum is at its very end. */
    while ((count = source_fill(source)) > 0)
        ;
    if (count < 0)
        return archive_failed(archive, source, error);
    return check_found(&search, error);
}

static bool unpack(struct source *source, int to, const char *name, struct error *error)
{
    struct archive *archive = archive_read_new();
    bool ok;

    if (archive == NULL)
        return error_set(error, ERROR_IO, "no memory for unpacking");
    archive_read_support_format_tar(archive);
    archive_read_support_format_zip_streamable(archive);
    archive_read_support_format_raw(archive);
    ok = archive_read_open(archive, source, NULL, on_read, NULL) == ARCHIVE_OK
             ? extract_best(archive, source, to, name, error)
             : archive_failed(archive, source, error);
    archive_read_free(archive);
    return ok;
}

static bool is_text(const char *bytes, ssize_t length)
{
    for (ssize_t i = 0; i < length; i++)
        if ((unsigned char)bytes[i] < ' ' && strchr("\t\n\r\f", bytes[i]) == NULL)
            return false;
    return length > 0;
}

/* Servers say in words, with status 200, what is wrong. */
bool geo_archive_refuse_text(int from, apr_pool_t *pool, struct error *error)
{
    char bytes[PEEK_SIZE];
    ssize_t length = pread(from, bytes, sizeof(bytes), 0);
    struct text line = {bytes, 0};

    if (length < 0)
        return error_set_errno(error, errno, "cannot read what was downloaded");
    if (length == 0)
        return error_set(error, ERROR_BAD_FORMAT, "the answer is empty");
    if (memchr(bytes, '\0', (size_t)length) != NULL || !is_text(bytes, length))
        return true;
    while (length > 0 && strchr(" \t\n\r\f", *line.bytes) != NULL) {
        line.bytes++;
        length--;
    }
    while (line.length < (size_t)length && line.bytes[line.length] != '\n' &&
           line.bytes[line.length] != '\r')
        line.length++;
    return error_set(error, ERROR_BAD_FORMAT, "%s",
                     text_for_people(line, REASON_LENGTH, pool));
}

bool geo_archive_unpack(int from, int to, const char *name, apr_pool_t *pool,
                        struct error *error)
{
    struct source source = {.error.code = ERROR_NONE};
    int copy;
    bool ok;

    if (!geo_archive_refuse_text(from, pool, error))
        return false;
    copy = lseek(from, 0, SEEK_SET) == 0 ? dup(from) : -1;
    if (copy < 0)
        return error_set_errno(error, errno, "cannot read what was downloaded");
    source.stream = gzdopen(copy, "rb");
    if (source.stream == NULL) {
        close(copy);
        return error_set(error, ERROR_IO, "no memory for unpacking");
    }
    source.buffer = apr_palloc(pool, BUFFER_SIZE);
    ok = unpack(&source, to, name, error);
    gzclose(source.stream);
    return ok;
}
