/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer: its libcurl handle, its bytes, and what the end of a try means. */
#include "libreplica/net/fetch_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <apr_strings.h>

#define STALL_BYTES_PER_SECOND 1024L
#define RECEIVE_BUFFER_SIZE    65536L
#define REDIRECTS_MAX          4L
/* A cut transfer of at least this much goes on instead of starting over. */
#define RESUME_LEAST (64 * 1024)
/* A try that gained this much is no sign that the line is dead. */
#define PROGRESS_LEAST  (1024 * 1024)
#define RETRY_AFTER_MAX 30
#define USER_AGENT      "replica/0.1 (cvmfs)"

/* The first bytes of an answer: is it the body that was asked for, and from where? */
static bool judge_answer(struct transfer *transfer)
{
    curl_off_t length = -1;
    long status = 0;

    transfer->answer_seen = true;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    transfer->body_ignored = status != 200 && !(status == 206 && transfer->resume_at > 0);
    if (transfer->body_ignored)
        return true;
    if (status == 200 && transfer->held > 0) {
        transfer->held = 0;
        transfer->resume_at = 0;
        if (!transfer->request.sink->rewind(transfer->request.baton, &transfer->error))
            return false;
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length > transfer->request.size_limit - transfer->held)
        return error_set(&transfer->error, ERROR_TOO_LARGE,
                         "%s/%s: %lld bytes announced, at most %lld allowed",
                         transfer->request.base_url, transfer->path,
                         (long long)(length + transfer->held),
                         (long long)transfer->request.size_limit);
    return true;
}

static bool take_bytes(struct transfer *transfer, const void *bytes, size_t length)
{
    const struct fetch_request *request = &transfer->request;

    if (!transfer->answer_seen && !judge_answer(transfer))
        return false;
    if (transfer->body_ignored)
        return true;
    if ((int64_t)length > request->size_limit - transfer->held)
        return error_set(&transfer->error, ERROR_TOO_LARGE, "%s/%s: more than %lld bytes",
                         request->base_url, transfer->path,
                         (long long)request->size_limit);
    if (!request->sink->write(request->baton, bytes, length, &transfer->error))
        return false;
    transfer->held += (int64_t)length;
    return true;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *baton)
{
    struct transfer *transfer = baton;
    struct fetcher *fetcher = transfer->fetcher;
    size_t length = size * count;

    if (fetcher->options.bandwidth > 0) {
        if (fetcher->budget <= 0) {
            transfer->is_paused = true;
            fetcher->any_paused = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        fetcher->budget -= (int64_t)length;
    }
    fetcher->counters.bytes += (int64_t)length;
    if (!take_bytes(transfer, bytes, length)) {
        transfer->sink_failed = true;
        return length + 1;
    }
    return length;
}

/* The value of header NAME in LINE, trimmed; false if LINE is another header. */
static bool header_value(struct text *value, struct text line, const char *name)
{
    size_t length = strlen(name);

    if (line.length <= length || strncasecmp(line.bytes, name, length) != 0 ||
        line.bytes[length] != ':')
        return false;
    line.bytes += length + 1;
    line.length -= length + 1;
    while (line.length > 0 && (*line.bytes == ' ' || *line.bytes == '\t')) {
        line.bytes++;
        line.length--;
    }
    while (line.length > 0 && strchr("\r\n \t", line.bytes[line.length - 1]) != NULL)
        line.length--;
    *value = line;
    return true;
}

/* A 206 that does not start where we asked is not taken: *start is where it starts. */
static bool range_start(int64_t *start, struct text value)
{
    struct text digits = {value.bytes, 0};

    if (!text_starts(value, "bytes "))
        return false;
    digits.bytes += strlen("bytes ");
    while (digits.bytes + digits.length < value.bytes + value.length &&
           digits.bytes[digits.length] != '-')
        digits.length++;
    return text_parse_number(start, digits);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *baton)
{
    struct transfer *transfer = baton;
    struct text line = {bytes, size * count}, value;
    int64_t number;

    if (text_starts(line, "HTTP/")) {
        transfer->retry_after = 0;
        if (transfer->resume_at == 0)
            transfer->validator[0] = '\0';
    } else if (header_value(&value, line, "ETag")) {
        if (!text_starts(value, "W/") && value.length < sizeof(transfer->validator))
            apr_cpystrn(transfer->validator, value.bytes, value.length + 1);
    } else if (header_value(&value, line, "Last-Modified")) {
        if (transfer->validator[0] == '\0' && value.length < sizeof(transfer->validator))
            apr_cpystrn(transfer->validator, value.bytes, value.length + 1);
    } else if (header_value(&value, line, "Retry-After")) {
        if (text_parse_number(&number, value))
            transfer->retry_after =
                apr_time_from_sec(number < RETRY_AFTER_MAX ? number : RETRY_AFTER_MAX);
    } else if (header_value(&value, line, "Content-Range") && transfer->resume_at > 0) {
        if (!range_start(&number, value) || number != transfer->resume_at) {
            /* Not the part we asked for: let the next try ask for all. */
            transfer->start_over = true;
            return 0;
        }
    }
    return line.length;
}

static void set_fixed_options(CURL *easy, struct transfer *transfer)
{
    const struct fetcher_options *options = &transfer->fetcher->options;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_message);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_SIZE);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)options->timeout_seconds);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_PER_SECOND);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)options->timeout_seconds);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, options->follow_redirects ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS,
                     (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    /* An empty proxy also keeps libcurl from looking at the environment. */
    curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy != NULL ? options->proxy : "");
    if (options->ca_bundle != NULL && *options->ca_bundle != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_bundle);
}

bool transfer_init(struct transfer *transfer, struct fetcher *fetcher,
                   struct error *error)
{
    transfer->fetcher = fetcher;
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL)
        return error_set(error, ERROR_IO, "cannot set a libcurl handle up");
    set_fixed_options(transfer->easy, transfer);
    return true;
}

void transfer_release(struct transfer *transfer)
{
    if (transfer->easy != NULL) {
        curl_multi_remove_handle(transfer->fetcher->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    transfer->easy = NULL;
    transfer->headers = NULL;
}

static void add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);

    if (longer != NULL)
        transfer->headers = longer;
}

void transfer_start(struct transfer *transfer)
{
    const struct fetch_request *request = &transfer->request;
    char url[TRANSFER_URL_SIZE], line[TRANSFER_VALIDATOR_SIZE + 32];
    CURL *easy = transfer->easy;

    transfer->answer_seen = false;
    transfer->body_ignored = false;
    transfer->sink_failed = false;
    transfer->is_paused = false;
    transfer->retry_after = 0;
    transfer->curl_message[0] = '\0';
    transfer->resume_at =
        transfer->start_over || transfer->held < RESUME_LEAST ? 0 : transfer->held;
    transfer->start_over = false;
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    snprintf(url, sizeof(url), "%s/%s", request->base_url, transfer->path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOBODY, request->head_only ? 1L : 0L);
    if (!request->head_only)
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (request->no_cache || transfer->corruptions > 0) {
        add_header(transfer, "Cache-Control: no-cache");
        add_header(transfer, "Pragma: no-cache");
    }
    if (transfer->resume_at > 0) {
        snprintf(line, sizeof(line), "Range: bytes=%lld-",
                 (long long)transfer->resume_at);
        add_header(transfer, line);
        transfer->fetcher->counters.resumed++;
        if (transfer->validator[0] != '\0') {
            snprintf(line, sizeof(line), "If-Range: %s", transfer->validator);
            add_header(transfer, line);
        }
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static bool is_final_curl_error(CURLcode result)
{
    switch (result) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_OUT_OF_MEMORY:
        return true;
    default:
        return false;
    }
}

static bool is_passing_status(long status)
{
    return status == 408 || status == 425 || status == 429 || status == 500 ||
           (status >= 502 && status <= 504);
}

/* A passing failure: keep what a large transfer has, give up after the retries. */
static enum transfer_verdict retry_or_fail(struct transfer *transfer)
{
    if (transfer->answer_seen && transfer->held - transfer->resume_at >= PROGRESS_LEAST)
        transfer->failures = 0;
    transfer->failures++;
    return transfer->failures > transfer->fetcher->options.retries ? VERDICT_FAILED
                                                                   : VERDICT_RETRY;
}

static enum transfer_verdict judge_transport(struct transfer *transfer, CURLcode result)
{
    const char *reason = transfer->curl_message[0] != '\0' ? transfer->curl_message
                                                           : curl_easy_strerror(result);

    error_set(&transfer->error,
              is_final_curl_error(result) ? ERROR_REFUSED : ERROR_UNREACHABLE,
              "%s/%s: %s", transfer->request.base_url, transfer->path, reason);
    if (transfer->error.code == ERROR_REFUSED)
        return VERDICT_FAILED;
    return retry_or_fail(transfer);
}

static enum transfer_verdict judge_status(struct transfer *transfer, long status)
{
    enum error_code code =
        status == 404 || status == 410 ? ERROR_NOT_FOUND : ERROR_REFUSED;

    if (is_passing_status(status))
        code = ERROR_UNREACHABLE;
    /* The range is gone: the object is not what we began with. */
    if (status == 416 && transfer->resume_at > 0) {
        transfer->start_over = true;
        code = ERROR_UNREACHABLE;
    }
    error_set(&transfer->error, code, "%s/%s: HTTP status %ld",
              transfer->request.base_url, transfer->path, status);
    return code == ERROR_UNREACHABLE ? retry_or_fail(transfer) : VERDICT_FAILED;
}

static enum transfer_verdict judge_content(struct transfer *transfer)
{
    const struct fetch_request *request = &transfer->request;

    if (request->sink->complete(request->baton, &transfer->error))
        return VERDICT_DONE;
    if (transfer->error.code != ERROR_BAD_HASH)
        return VERDICT_FAILED;
    transfer->fetcher->counters.corrupt++;
    error_prefix(&transfer->error, "%s/%s", request->base_url, transfer->path);
    /* The next try asks caches in between to stand aside. */
    if (transfer->corruptions++ > 0)
        return VERDICT_FAILED;
    /* Now, not with the next answer: the bytes that were wrong may have been none. */
    transfer->held = 0;
    return request->sink->rewind(request->baton, &transfer->error) ? VERDICT_RETRY
                                                                   : VERDICT_FAILED;
}

enum transfer_verdict transfer_judge(struct transfer *transfer, CURLcode result)
{
    long status = 0;

    if (transfer->sink_failed)
        return VERDICT_FAILED;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK)
        return judge_transport(transfer, result);
    if (!(status == 200 || (status == 206 && transfer->resume_at > 0)))
        return judge_status(transfer, status);
    /* An empty body never reached on_body. */
    if (!transfer->answer_seen && !judge_answer(transfer))
        return VERDICT_FAILED;
    return judge_content(transfer);
}
