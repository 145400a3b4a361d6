/* SPDX-License-Identifier: Apache-2.0 */
/* Answers. */
#include "mod_replica/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <apr_buckets.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

APLOG_USE_MODULE(replica);

/* Up to this size copying a file costs less than mapping it. */
#define COPY_LIMIT (64 * 1024)

const struct reply_form reply_meta = {"application/x-cvmfs", 61, "max-age=61", NULL};
const struct reply_form reply_json = {"application/json", 61, "max-age=61", NULL};
const struct reply_form reply_data = {"application/octet-stream", 259200,
                                      "max-age=259200", "no-store"};
const struct reply_form reply_key = {"application/x-pem-file", 61, "max-age=61", NULL};
const struct reply_form reply_robots = {"text/plain", 86400, "max-age=86400", NULL};

void reply_allow_any_origin(request_rec *r)
{
    apr_table_setn(r->headers_out, "Access-Control-Allow-Origin", "*");
}

void reply_set_caching(request_rec *r, const struct reply_form *form)
{
    char *expires = apr_palloc(r->pool, APR_RFC822_DATE_LEN);

    /* httpd takes its Date from the same clock reading. */
    apr_rfc822_date(expires, r->request_time + apr_time_from_sec(form->max_age_seconds));
    apr_table_setn(r->headers_out, "Cache-Control", form->cache_control);
    apr_table_setn(r->headers_out, "Expires", expires);
}

/* The names of objects are hashes of the bytes as stored: no filter may encode them. */
static void forbid_encoding(request_rec *r)
{
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
}

static int pass(request_rec *r, apr_bucket_brigade *brigade)
{
    apr_status_t status;

    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(brigade->bucket_alloc));
    status = ap_pass_brigade(r->output_filters, brigade);
    if (status == APR_SUCCESS || r->status != HTTP_OK || r->connection->aborted)
        return OK;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, status, r, "the answer could not be sent");
    return AP_FILTER_ERROR;
}

/* All SIZE bytes as one bucket; NULL if the file is shorter or cannot be read. */
static apr_bucket *copy_of_file(const struct store_read *file,
                                apr_bucket_alloc_t *allocator)
{
    size_t size = (size_t)file->size, used = 0;
    char *bytes = apr_bucket_alloc(size, allocator);

    while (used < size) {
        ssize_t count = read(file->fd, bytes + used, size - used);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            apr_bucket_free(bytes);
            return NULL;
        }
        used += (size_t)count;
    }
    return apr_bucket_heap_create(bytes, size, apr_bucket_free, allocator);
}

/* The file as buckets that map or send it as httpd's own handler would. */
static bool insert_file(apr_bucket_brigade *brigade, const struct store_read *file,
                        request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    apr_os_file_t descriptor = file->fd;
    apr_file_t *borrowed, *own;
    apr_bucket *bucket;

    /* A duplicate, because only a file that APR opened has a cleanup that follows it
     * when a filter sets the bucket aside. */
    if (apr_os_file_put(&borrowed, &descriptor,
                        APR_FOPEN_READ | APR_FOPEN_BINARY |
                            AP_SENDFILE_ENABLED(core->enable_sendfile),
                        r->pool) != APR_SUCCESS ||
        apr_file_dup(&own, borrowed, r->pool) != APR_SUCCESS)
        return false;
    /* APR's dup(2) forgets what the original had. */
    apr_os_file_get(&descriptor, own);
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    bucket = apr_brigade_insert_file(brigade, own, 0, file->size, r->pool);
    if (core->enable_mmap == ENABLE_MMAP_OFF)
        apr_bucket_file_enable_mmap(bucket, 0);
    return true;
}

static bool insert_body(apr_bucket_brigade *brigade, const struct store_read *file,
                        request_rec *r)
{
    apr_bucket *bucket;

    if (r->header_only || file->size == 0)
        return true;
    if (file->size > COPY_LIMIT)
        return insert_file(brigade, file, r);
    bucket = copy_of_file(file, brigade->bucket_alloc);
    if (bucket == NULL)
        return false;
    APR_BRIGADE_INSERT_TAIL(brigade, bucket);
    return true;
}

static void set_headers(request_rec *r, int64_t size, const struct reply_form *form)
{
    ap_set_content_type(r, form->content_type);
    ap_set_content_length(r, size);
    ap_set_accept_ranges(r);
    reply_set_caching(r, form);
    forbid_encoding(r);
    /* httpd takes a HEAD's length of 0 for a handler that gave up, and drops it; without
     * a body HEAD and GET are the same. */
    if (size == 0)
        r->header_only = 0;
    /* Ranges are defined for GET alone, and a HEAD without a body would be answered by
     * "not satisfiable". */
    if (r->header_only)
        apr_table_unset(r->headers_in, "Range");
}

int reply_file(request_rec *r, struct store_read *file, const struct reply_form *form)
{
    apr_bucket_brigade *brigade =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);
    struct error error;
    bool inserted = insert_body(brigade, file, r);

    close(file->fd);
    if (!inserted) {
        error_set(&error, ERROR_IO, "the file of %s could not be read to its end",
                  r->uri);
        return reply_error(r, &error, form);
    }
    set_headers(r, file->size, form);
    return pass(r, brigade);
}

/* Send the bytes of TEXT, which last as long as the request, with the headers that are
 * set. */
static int send_text(request_rec *r, struct text text, const char *content_type)
{
    apr_bucket_brigade *brigade =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);

    ap_set_content_type(r, content_type);
    ap_set_content_length(r, (apr_off_t)text.length);
    forbid_encoding(r);
    if (!r->header_only)
        APR_BRIGADE_INSERT_TAIL(brigade,
                                apr_bucket_pool_create(text.bytes, text.length, r->pool,
                                                       brigade->bucket_alloc));
    return pass(r, brigade);
}

int reply_text(request_rec *r, const char *text, const struct reply_form *form)
{
    set_headers(r, (int64_t)strlen(text), form);
    return send_text(r, text_of(text), form->content_type);
}

int reply_own_text(request_rec *r, int status, struct text text,
                   const char *cache_control)
{
    r->status = status;
    apr_table_setn(r->headers_out, "Cache-Control", cache_control);
    return send_text(r, text, "text/plain");
}

int reply_momentary(request_rec *r, const char *text, const char *content_type)
{
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    return send_text(r, text_of(text), content_type);
}

int reply_not_found(request_rec *r, const struct reply_form *form)
{
    r->status = HTTP_NOT_FOUND;
    if (form->missing_caching != NULL)
        apr_table_setn(r->headers_out, "Cache-Control", form->missing_caching);
    return send_text(r, text_of("not found\n"), "text/plain");
}

int reply_bad_method(request_rec *r, const char *allowed)
{
    r->status = HTTP_METHOD_NOT_ALLOWED;
    apr_table_setn(r->headers_out, "Allow", allowed);
    return send_text(r, text_of("method not allowed\n"), "text/plain");
}

int reply_error(request_rec *r, const struct error *error, const struct reply_form *form)
{
    if (error->code == ERROR_NOT_FOUND) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "%s", error->message);
        return reply_not_found(r, form);
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "%s", error->message);
    r->status = HTTP_INTERNAL_SERVER_ERROR;
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    return send_text(r, text_of("the file could not be read\n"), "text/plain");
}
