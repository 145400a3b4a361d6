/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads. */
#include "mod_replica/download.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <apr_buckets.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "libreplica/format/compress.h"
#include "libreplica/format/inflate.h"
#include "libreplica/format/object.h"
#include "libreplica/format/upload_path.h"
#include "libreplica/store/store_read.h"
#include "mod_replica/repository_cache.h"

APLOG_USE_MODULE(replica);

#define BLOCK_SIZE (64 * 1024)

struct download_state {
    request_rec *r;
    const char *storage;
    struct message_answer file;
    apr_array_header_t *chunks; /* struct message_chunk; one that is all of it, or more */
    enum object_type type;
    enum compression compression;
    int64_t first, last; /* bytes that are wanted */
    int64_t at;          /* where in the file what comes next belongs */
    apr_bucket_brigade *brigade;
};

static bool take_chunks(void *baton, const struct message_answer *answer,
                        struct error *error)
{
    struct download_state *state = baton;

    if (answer->chunks != NULL)
        apr_array_cat(state->chunks, answer->chunks);
    return true;
}

/* Ask snapshotd what the file is. */
static bool look(struct download_state *state, struct upload_door *door,
                 struct error *error)
{
    struct message_answer *file = &state->file;
    struct message_chunk whole = {.offset = 0};

    state->chunks = apr_array_make(state->r->pool, 1, sizeof(struct message_chunk));
    if (!upload_door_ask(file, NULL, door, MESSAGE_LOOK, take_chunks, state, error))
        return false;
    if (file->compression == NULL || file->hash == NULL ||
        !compression_parse(&state->compression, file->compression) ||
        !hash_parse(&whole.hash, text_of(file->hash)))
        return error_set(error, ERROR_IO, "snapshotd did not say what the file is");
    state->type = file->cuts_files ? OBJECT_CHUNK : OBJECT_FILE;
    if (file->cuts_files)
        return take_chunks(state, file, error);
    whole.size = file->size;
    APR_ARRAY_PUSH(state->chunks, struct message_chunk) = whole;
    return true;
}

/* Send those of the bytes that are wanted; they are the caller's. */
static bool send_bytes(void *baton, const unsigned char *bytes, size_t length,
                       struct error *error)
{
    struct download_state *state = baton;
    int64_t from = state->first > state->at ? state->first - state->at : 0;
    int64_t end = state->last + 1 - state->at;

    state->at += (int64_t)length;
    if (end > (int64_t)length)
        end = (int64_t)length;
    if (from >= end)
        return true;
    if (ap_fwrite(state->r->output_filters, state->brigade, (const char *)bytes + from,
                  (apr_size_t)(end - from)) != APR_SUCCESS ||
        state->r->connection->aborted)
        return error_set(error, ERROR_CANCELLED, "the client has gone");
    return true;
}

static bool send_plain(struct download_state *state, int fd, int64_t size,
                       struct error *error)
{
    unsigned char block[BLOCK_SIZE];
    int64_t skipped = state->first - state->at;
    ssize_t count = 1;

    if (skipped > 0 && skipped < size) {
        lseek(fd, skipped, SEEK_SET);
        state->at += skipped;
    }
    while (count > 0 && state->at <= state->last) {
        count = read(fd, block, sizeof(block));
        if (count > 0 && !send_bytes(state, block, (size_t)count, error))
            return false;
    }
    return count >= 0 || error_set_errno(error, errno, "cannot read an object");
}

static bool send_chunk(struct download_state *state, const struct message_chunk *chunk,
                       struct error *error)
{
    struct object object = {chunk->hash, state->type};
    struct store_read file;
    bool ok;

    if (chunk->offset > state->last || chunk->offset + chunk->size <= state->first)
        return true;
    if (!store_read_object(&file, state->storage, &object, error))
        return false;
    state->at = chunk->offset;
    ok = state->compression == COMPRESSION_NONE
             ? send_plain(state, file.fd, chunk->size, error)
             : inflate_to(send_bytes, state, file.fd, chunk->size, error);
    close(file.fd);
    return ok && (state->at > state->last || state->at == chunk->offset + chunk->size ||
                  error_set(error, ERROR_BAD_HASH, "an object has another size"));
}

/* The head has gone: what fails now can only be seen by the client in the length. */
static int send_body(struct download_state *state)
{
    request_rec *r = state->r;
    struct error error;

    state->brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    for (int i = 0; i < state->chunks->nelts; i++)
        if (!send_chunk(state, &APR_ARRAY_IDX(state->chunks, i, struct message_chunk),
                        &error)) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "%s", error.message);
            r->connection->aborted = 1;
            return OK;
        }
    APR_BRIGADE_INSERT_TAIL(state->brigade,
                            apr_bucket_eos_create(r->connection->bucket_alloc));
    ap_pass_brigade(r->output_filters, state->brigade);
    return OK;
}

/* If-Range: the part is only of use to a client that has the rest of this very file. */
static const char *range_of(request_rec *r)
{
    const char *condition = apr_table_get(r->headers_in, "If-Range");

    if (r->method_number != M_GET || r->header_only ||
        (condition != NULL &&
         strcmp(condition, apr_table_get(r->headers_out, "ETag")) != 0))
        return NULL;
    return apr_table_get(r->headers_in, "Range");
}

static void set_headers(struct download_state *state)
{
    request_rec *r = state->r;

    apr_table_setn(r->headers_out, "ETag",
                   apr_pstrcat(r->pool, "\"", state->file.hash, "\"", NULL));
    ap_update_mtime(r, apr_time_from_sec(state->file.mtime_seconds));
    ap_set_last_modified(r);
    ap_set_accept_ranges(r);
    /* Never anything that a browser would run. */
    ap_set_content_type(r, "application/octet-stream");
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->headers_out, "Cache-Control", "no-cache");
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
}

static int answer(struct download_state *state)
{
    request_rec *r = state->r;
    int64_t size = state->file.size;
    int status;

    set_headers(state);
    status = ap_meets_conditions(r);
    if (status != OK)
        return status;
    state->first = 0;
    state->last = size - 1;
    switch (byte_range_parse(&state->first, &state->last, range_of(r), size)) {
    case BYTE_RANGE_SOME:
        r->status = HTTP_PARTIAL_CONTENT;
        apr_table_setn(r->headers_out, "Content-Range",
                       apr_psprintf(r->pool,
                                    "bytes %" APR_INT64_T_FMT "-%" APR_INT64_T_FMT
                                    "/%" APR_INT64_T_FMT,
                                    state->first, state->last, size));
        break;
    case BYTE_RANGE_BEYOND:
        apr_table_setn(r->headers_out, "Content-Range",
                       apr_psprintf(r->pool, "bytes */%" APR_INT64_T_FMT, size));
        return reply_detail(r, HTTP_RANGE_NOT_SATISFIABLE, "the file is shorter");
    default:
        state->first = 0;
        state->last = size - 1;
        break;
    }
    /* It is done: httpd's filter need not look. */
    apr_table_unset(r->headers_in, "Range");
    ap_set_content_length(r, state->last - state->first + 1);
    if (size == 0)
        r->header_only = 0;
    if (r->header_only)
        state->chunks->nelts = 0;
    return send_body(state);
}

int download(request_rec *r, const struct replica_request *request, const char *path)
{
    struct download_state state = {.r = r};
    struct upload_door door;
    struct error error;

    if (!upload_path_check_read(text_of(path), &error) ||
        !upload_door_open(&door, r, request, path, &error) ||
        !look(&state, &door, &error))
        return reply_failure(r, &error);
    if (!repository_cache_find(&state.storage, request->config->repositories,
                               request->path.repository, r->request_time, r->pool))
        return reply_detail(r, HTTP_NOT_FOUND, "there is no such repository");
    return answer(&state);
}
