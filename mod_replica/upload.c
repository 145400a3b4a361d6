/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads. Memory does not depend on the size: a buffer here, and what upload_writer
 * needs. */
#include "mod_replica/upload.h"

#include <string.h>
#include <unistd.h>
#include <apr_buckets.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "libreplica/format/compress.h"
#include "libreplica/format/multipart.h"
#include "libreplica/format/upload_path.h"
#include "libreplica/store/upload_writer.h"

#define BUFFER_SIZE   (256 * 1024)
#define DEFAULT_TTL   7200
#define FORM_OVERHEAD (64 * 1024) /* what a form may have besides the file */

struct upload_state {
    request_rec *r;
    struct upload_door door;
    struct upload_writer *writer; /* NULL: the file has not begun */
    int64_t limit;
    const char *repository;
    const char *path;
    bool unpacks;
    const char *content_type;
    struct multipart *form; /* NULL: the body is the file */
    bool in_file;
    bool has_ended; /* the form */
    size_t buffered;
    char *buffer;
};

/* A piece is complete: tell snapshotd, and get the next one's descriptor. */
static bool next_piece(void *baton, int *fd, const struct upload_piece *piece,
                       struct error *error)
{
    struct upload_state *state = baton;
    struct message_answer answer;
    char hash[HASH_TEXT_SIZE];

    state->door.message.piece_size = piece->size;
    state->door.message.stored_size = piece->stored;
    state->door.message.hash = hash_format(hash, &piece->hash);
    state->door.message.is_whole = piece->is_whole;
    return upload_door_ask(&answer, fd, &state->door, MESSAGE_UPLOAD_NEXT, NULL, NULL,
                           error) &&
           (*fd >= 0 || error_set(error, ERROR_IO, "snapshotd gave no file"));
}

static bool form_of(struct upload_form *form, const struct message_answer *answer,
                    struct error *error)
{
    *form = (struct upload_form){.is_raw = answer->algorithm == NULL,
                                 .compression = COMPRESSION_NONE};
    if (form->is_raw)
        return true;
    form->cuts_files = answer->cuts_files;
    form->minimum_chunk = answer->minimum_chunk;
    form->average_chunk = answer->average_chunk;
    form->maximum_chunk = answer->maximum_chunk;
    return (answer->compression != NULL && answer->compressor != NULL &&
            compressor_kind_parse(&form->compressor, answer->compressor) &&
            hash_algorithm_parse(&form->algorithm, answer->algorithm) &&
            compression_parse(&form->compression, answer->compression)) ||
           error_set(error, ERROR_IO, "snapshotd did not say how to store it");
}

/* Rights, name, limit and room are looked at here, before the first byte is asked for. */
static bool begin_file(struct upload_state *state, struct error *error)
{
    struct message_answer answer;
    struct upload_form form;
    int fd;

    state->door.message.path = state->path;
    if (!upload_path_check(text_of(state->path), error) ||
        !upload_door_ask(&answer, &fd, &state->door, MESSAGE_UPLOAD_BEGIN, NULL, NULL,
                         error))
        return false;
    if (fd < 0)
        return error_set(error, ERROR_IO, "snapshotd gave no file");
    state->door.message = (struct message_request){.upload = answer.upload};
    state->limit = answer.limit;
    if (!form_of(&form, &answer, error)) {
        close(fd);
        return false;
    }
    return upload_writer_create(&state->writer, &form, fd, next_piece, state,
                                state->r->pool, error);
}

static bool write_file(struct upload_state *state, struct text bytes, struct error *error)
{
    if (upload_writer_size(state->writer) + (int64_t)bytes.length > state->limit)
        return error_set(error, ERROR_TOO_LARGE,
                         "the file has more bytes than CVMFS_FILE_MBYTE_LIMIT allows");
    return upload_writer_write(state->writer, bytes.bytes, bytes.length, error);
}

static bool begin_part(struct upload_state *state, struct error *error)
{
    const struct multipart *form = state->form;
    const char *name;

    state->in_file = text_equals(form->name, "file");
    if (!state->in_file)
        return true;
    if (state->writer != NULL)
        return error_set(error, ERROR_USAGE, "the form has more than one file");
    if (!text_to_string(&name, form->file_name, state->r->pool) || *name == '\0')
        return error_set(error, ERROR_USAGE, "the form's file has no usable name");
    state->path = apr_pstrcat(state->r->pool, "/", name, NULL);
    if (form->type.length > 0)
        state->content_type =
            apr_pstrmemdup(state->r->pool, form->type.bytes, form->type.length);
    return begin_file(state, error);
}

static bool take_form(struct upload_state *state, struct text bytes, struct error *error)
{
    for (;;) {
        struct text data;

        switch (multipart_next(state->form, &data, &bytes)) {
        case MULTIPART_MORE:
            return true;
        case MULTIPART_PART:
            if (!begin_part(state, error))
                return false;
            break;
        case MULTIPART_DATA:
            if (state->in_file && !write_file(state, data, error))
                return false;
            break;
        case MULTIPART_PART_END:
            state->in_file = false;
            break;
        case MULTIPART_END:
            state->has_ended = true;
            return true;
        default:
            return error_set(error, ERROR_USAGE, "the body is no multipart/form-data");
        }
    }
}

static bool pour(struct upload_state *state, struct error *error)
{
    struct text bytes = {state->buffer, state->buffered};

    state->buffered = 0;
    return state->form != NULL ? take_form(state, bytes, error)
                               : write_file(state, bytes, error);
}

static bool take_bytes(struct upload_state *state, const char *bytes, size_t length,
                       struct error *error)
{
    while (length > 0) {
        size_t part = BUFFER_SIZE - state->buffered;

        if (part > length)
            part = length;
        memcpy(state->buffer + state->buffered, bytes, part);
        state->buffered += part;
        bytes += part;
        length -= part;
        if (state->buffered == BUFFER_SIZE && !pour(state, error))
            return false;
    }
    return true;
}

static bool cannot_read(apr_status_t status, struct error *error)
{
    if (APR_STATUS_IS_ENOSPC(status))
        return error_set(error, ERROR_TOO_LARGE,
                         "the body has more bytes than LimitRequestBody allows");
    return error_set(error, ERROR_USAGE, "the body of the request has not come whole");
}

/* *ended: that was all. */
static bool take_brigade(struct upload_state *state, bool *ended,
                         apr_bucket_brigade *brigade, struct error *error)
{
    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);
         bucket != APR_BRIGADE_SENTINEL(brigade); bucket = APR_BUCKET_NEXT(bucket)) {
        apr_status_t status;
        const char *bytes;
        apr_size_t length;

        if (APR_BUCKET_IS_EOS(bucket)) {
            *ended = true;
            return true;
        }
        if (APR_BUCKET_IS_METADATA(bucket))
            continue;
        status = apr_bucket_read(bucket, &bytes, &length, APR_BLOCK_READ);
        if (status != APR_SUCCESS)
            return cannot_read(status, error);
        if (!take_bytes(state, bytes, length, error))
            return false;
    }
    return true;
}

static bool take_body(struct upload_state *state, struct error *error)
{
    request_rec *r = state->r;
    apr_bucket_brigade *brigade =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);
    bool ended = false;

    state->buffer = apr_palloc(r->pool, BUFFER_SIZE);
    while (!ended) {
        apr_status_t status = ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES,
                                             APR_BLOCK_READ, BUFFER_SIZE);

        if (status != APR_SUCCESS)
            return cannot_read(status, error);
        if (!take_brigade(state, &ended, brigade, error))
            return false;
        apr_brigade_cleanup(brigade);
    }
    return pour(state, error) && (state->form == NULL || state->has_ended ||
                                  error_set(error, ERROR_USAGE, "the form has no end"));
}

/* Where what was sent can be seen. */
static const char *place_of(const struct upload_state *state)
{
    return apr_pstrcat(state->r->pool, "/repos/", state->repository,
                       state->unpacks ? "?path=" : "/", state->path + 1, NULL);
}

static bool finish(struct upload_state *state, struct message_answer *answer,
                   struct error *error)
{
    struct message_request *message = &state->door.message;
    struct upload_piece piece;
    char hash[HASH_TEXT_SIZE];

    if (!upload_writer_finish(state->writer, &piece, error))
        return false;
    message->piece_size = piece.size;
    message->stored_size = piece.stored;
    if (!hash_is_null(&piece.hash))
        message->hash = hash_format(hash, &piece.hash);
    message->is_whole = piece.is_whole;
    if (upload_door_ask(answer, NULL, &state->door, MESSAGE_UPLOAD_FINISH, NULL, NULL,
                        error))
        return true;
    upload_door_explain(error, place_of(state));
    return false;
}

static double seconds(apr_interval_time_t interval)
{
    return (double)interval / APR_USEC_PER_SEC;
}

static int reply_published(const struct upload_state *state,
                           const struct message_answer *answer, apr_time_t received)
{
    request_rec *r = state->r;
    json_t *type = state->content_type != NULL ? json_string(state->content_type) : NULL;
    json_t *expires =
        answer->expires_at > 0 ? json_real(seconds(answer->expires_at)) : json_null();

    return reply_object(
        r, json_pack("{s:s, s:o, s:o, s:f, s:f, s:I}", "filename", state->path + 1,
                     "content_type", type != NULL ? type : json_null(), "expires_at",
                     expires, "upload_time_s", seconds(received - r->request_time),
                     "publish_time_s", seconds(apr_time_now() - received), "revision",
                     (json_int_t)answer->revision));
}

/* The rest, once it is known that this may be uploaded. */
static int receive(struct upload_state *state)
{
    struct message_answer answer;
    struct error error;
    apr_time_t received;

    if (!take_body(state, &error)) {
        /* Nothing of it is kept. */
        daemon_disconnect(state->door.connection);
        return reply_failure(state->r, &error);
    }
    if (state->writer == NULL)
        return reply_detail(state->r, 422, "the form has no field 'file'");
    received = apr_time_now();
    if (!finish(state, &answer, &error))
        return reply_failure(state->r, &error);
    return reply_published(state, &answer, received);
}

/* False: *status is the answer. */
static bool take_parameters(struct message_request *message, int *status, request_rec *r)
{
    bool found;

    message->ttl_seconds = DEFAULT_TTL;
    return upload_door_flag(&message->overwrites, status, r, "overwrite") &&
           upload_door_flag(&message->unpacks, status, r, "unpack") &&
           upload_door_number(&message->ttl_seconds, &found, status, r, "ttl_s");
}

static int64_t announced_size(request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    int64_t size = 0;

    if (length == NULL || !text_parse_number(&size, text_of(length)))
        return 0;
    return size;
}

static bool open_door(struct upload_state *state, const struct replica_request *request,
                      const struct message_request *parameters, int64_t size,
                      struct error *error)
{
    struct message_request *message = &state->door.message;

    if (!upload_door_open(&state->door, state->r, request, state->path, error))
        return false;
    state->repository = message->repository;
    state->unpacks = parameters->unpacks;
    message->overwrites = parameters->overwrites;
    message->unpacks = parameters->unpacks;
    message->ttl_seconds = parameters->ttl_seconds;
    message->size = size;
    return true;
}

int upload_plain(request_rec *r, const struct replica_request *request, const char *path)
{
    struct upload_state state = {.r = r, .path = path};
    struct message_request parameters = {NULL};
    struct error error;
    int status;

    if (!take_parameters(&parameters, &status, r))
        return status;
    state.content_type = apr_table_get(r->headers_in, "Content-Type");
    if (!open_door(&state, request, &parameters, announced_size(r), &error) ||
        !begin_file(&state, &error))
        return reply_failure(r, &error);
    return receive(&state);
}

int upload_form(request_rec *r, const struct replica_request *request)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    int64_t size = announced_size(r) - FORM_OVERHEAD;
    struct message_request parameters = {NULL};
    struct upload_state state = {.r = r};
    struct message_answer answer;
    struct error error;
    int status;

    if (!take_parameters(&parameters, &status, r))
        return status;
    state.form = apr_palloc(r->pool, sizeof(*state.form));
    if (type == NULL || !multipart_start(state.form, text_of(type)))
        return reply_detail(r, 422, "the body is no multipart/form-data");
    if (!open_door(&state, request, &parameters, size > 0 ? size : 0, &error) ||
        !upload_door_ask(&answer, NULL, &state.door, MESSAGE_UPLOAD_CHECK, NULL, NULL,
                         &error))
        return reply_failure(r, &error);
    return receive(&state);
}
