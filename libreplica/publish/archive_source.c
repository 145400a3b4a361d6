/* SPDX-License-Identifier: Apache-2.0 */
/* Feeding libarchive, which reads gzip itself but never compares the checksum. */
#include "libreplica/publish/archive_source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define INPUT_SIZE  (64 * 1024)
#define OUTPUT_SIZE (256 * 1024)
/* What inflateInit2 takes for a gzip stream with the largest window. */
#define GZIP_WINDOW (15 + 16)

struct feed {
    struct archive_source source;
    int64_t next; /* offset in a part */
    bool has_begun, is_gzip, is_at_end;
    bool is_in_member; /* of a gzip stream */
    z_stream stream;
    unsigned char input[INPUT_SIZE];
    unsigned char output[OUTPUT_SIZE];
};

bool archive_source_fail(struct archive *archive, struct error *error)
{
    const char *reason = archive_error_string(archive);

    return error_set(error, ERROR_BAD_FORMAT, "the archive is damaged or cut off: %.150s",
                     reason != NULL ? reason : "nothing more can be read");
}

/* Bytes of the source: 0 at its end, -1 with errno. */
static ssize_t read_raw(struct feed *feed, unsigned char *bytes, size_t length)
{
    const struct archive_source *source = &feed->source;
    int64_t left = source->offset + source->size - feed->next;
    ssize_t count;

    if (source->is_part && (int64_t)length > left)
        length = (size_t)left;
    do
        count = source->is_part ? pread(source->fd, bytes, length, (off_t)feed->next)
                                : read(source->fd, bytes, length);
    while (count < 0 && errno == EINTR);
    if (count > 0)
        feed->next += count;
    return count;
}

static la_ssize_t give_up(struct archive *archive, int code, const char *reason)
{
    archive_set_error(archive, code, "%s", reason);
    return ARCHIVE_FATAL;
}

/* False at the end of the source. */
static bool refill(struct feed *feed, la_ssize_t *problem, struct archive *archive)
{
    ssize_t count = read_raw(feed, feed->input, INPUT_SIZE);

    if (count < 0)
        *problem = give_up(archive, errno, strerror(errno));
    feed->stream.next_in = feed->input;
    feed->stream.avail_in = count > 0 ? (uInt)count : 0;
    return count > 0;
}

/* After a member another one may follow; anything else is padding. */
static bool begin_member(struct feed *feed, la_ssize_t *problem, struct archive *archive)
{
    if (feed->stream.avail_in == 0 && !refill(feed, problem, archive))
        return false;
    if (*feed->stream.next_in != 0x1f)
        return false;
    inflateReset(&feed->stream);
    feed->is_in_member = true;
    return true;
}

static la_ssize_t gunzip(struct feed *feed, struct archive *archive)
{
    z_stream *stream = &feed->stream;
    la_ssize_t problem = 0;

    stream->next_out = feed->output;
    stream->avail_out = OUTPUT_SIZE;
    while (stream->avail_out == OUTPUT_SIZE && !feed->is_at_end) {
        int result;

        if (!feed->is_in_member && !begin_member(feed, &problem, archive)) {
            feed->is_at_end = true;
            break;
        }
        if (stream->avail_in == 0 && !refill(feed, &problem, archive))
            return problem != 0 ? problem
                                : give_up(archive, EIO, "the gzip stream is cut off");
        result = inflate(stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return give_up(archive, EIO, "the gzip stream is damaged");
        feed->is_in_member = result != Z_STREAM_END;
    }
    return problem != 0 ? problem : (la_ssize_t)(OUTPUT_SIZE - stream->avail_out);
}

/* The first piece tells what the source is; it may be a short one of a pipe. */
static la_ssize_t begin(struct feed *feed, struct archive *archive, const void **buffer)
{
    la_ssize_t problem = 0;

    feed->has_begun = true;
    if (!refill(feed, &problem, archive))
        return problem;
    feed->is_gzip = feed->source.may_be_compressed && feed->stream.avail_in >= 2 &&
                    memcmp(feed->input, "\x1f\x8b", 2) == 0;
    *buffer = feed->input;
    return feed->stream.avail_in;
}

static la_ssize_t feed_piece(struct archive *archive, void *baton, const void **buffer)
{
    struct feed *feed = baton;
    la_ssize_t length;

    if (!feed->has_begun) {
        length = begin(feed, archive, buffer);
        if (length <= 0 || !feed->is_gzip)
            return length;
    }
    *buffer = feed->output;
    if (feed->is_gzip)
        return gunzip(feed, archive);
    length = read_raw(feed, feed->output, OUTPUT_SIZE);
    return length >= 0 ? length : give_up(archive, errno, strerror(errno));
}

/* A tar archive ends before its gzip stream does, and there the checksum is. */
static int feed_close(struct archive *archive, void *baton)
{
    struct feed *feed = baton;

    while (feed->is_gzip && !feed->is_at_end)
        if (gunzip(feed, archive) < 0)
            return ARCHIVE_FATAL;
    return ARCHIVE_OK;
}

/* Contents that nobody wants need not be read from a part of a file. */
static la_int64_t feed_skip(struct archive *archive, void *baton, la_int64_t request)
{
    struct feed *feed = baton;
    const struct archive_source *source = &feed->source;
    int64_t left = source->offset + source->size - feed->next;

    if (!source->is_part || feed->is_gzip || !feed->has_begun)
        return 0;
    if (request > left)
        request = left;
    feed->next += request;
    return request;
}

static apr_status_t free_archive(void *archive)
{
    archive_read_free(archive);
    return APR_SUCCESS;
}

static apr_status_t end_stream(void *stream)
{
    inflateEnd(stream);
    return APR_SUCCESS;
}

bool archive_source_open(struct archive **archive, const struct archive_source *source,
                         apr_pool_t *pool, struct error *error)
{
    struct archive *opened = archive_read_new();
    struct feed *feed = apr_pcalloc(pool, sizeof(*feed));

    if (opened == NULL || inflateInit2(&feed->stream, GZIP_WINDOW) != Z_OK) {
        archive_read_free(opened);
        return error_set(error, ERROR_IO, "no memory for reading an archive");
    }
    apr_pool_cleanup_register(pool, &feed->stream, end_stream, apr_pool_cleanup_null);
    apr_pool_cleanup_register(pool, opened, free_archive, apr_pool_cleanup_null);
    feed->source = *source;
    feed->next = source->offset;
    if (source->may_be_compressed) {
        archive_read_support_filter_bzip2(opened);
        archive_read_support_filter_xz(opened);
        archive_read_support_filter_zstd(opened);
    }
    if (archive_read_support_format_tar(opened) != ARCHIVE_OK ||
        archive_read_support_format_empty(opened) != ARCHIVE_OK ||
        archive_read_open2(opened, feed, NULL, feed_piece, feed_skip, feed_close) !=
            ARCHIVE_OK)
        return archive_source_fail(opened, error);
    *archive = opened;
    return true;
}

int archive_source_next(struct archive_entry **entry, struct archive *archive,
                        struct error *error)
{
    int result = archive_read_next_header(archive, entry);

    if (result == ARCHIVE_EOF && archive_read_close(archive) == ARCHIVE_OK)
        return 0;
    if (result == ARCHIVE_OK || result == ARCHIVE_WARN)
        return 1;
    archive_source_fail(archive, error);
    return -1;
}
