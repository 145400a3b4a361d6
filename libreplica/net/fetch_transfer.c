/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer: its libcurl handle, its bytes, and what the end of a try means. */
#include "libreplica/net/fetch_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <apr_strings.h>

#include "libreplica/base/clock.h"

#define STALL_BYTES_PER_SECOND 1024L
#define RECEIVE_BUFFER_SIZE    65536L
#define REDIRECTS_MAX          4L
/* A cut transfer of at least this much goes on instead of starting over. */
#define RESUME_LEAST (64 * 1024)
/* A try that gained this much is no sign that the line is dead. */
#define PROGRESS_LEAST  (1024 * 1024)
#define RETRY_AFTER_MAX 30
#define USER_AGENT      "replica/0.1 (cvmfs)"

static void format_url(char url[TRANSFER_URL_SIZE], const struct transfer *transfer)
{
    const struct fetch_request *request = &transfer->request;

    snprintf(url, TRANSFER_URL_SIZE, request->path != NULL ? "%s/%s" : "%s",
             transfer->server->base_url, request->path);
}

/* What messages call the transfer; BUFFER is for it. */
static const char *name_of(const struct transfer *transfer,
                           char buffer[TRANSFER_URL_SIZE])
{
    if (transfer->request.name != NULL)
        return transfer->request.name;
    format_url(buffer, transfer);
    return buffer;
}

/* The first bytes of an answer: is it the body that was asked for, and from where? */
static bool judge_answer(struct transfer *transfer)
{
    char name[TRANSFER_URL_SIZE];
    curl_off_t length = -1;
    long status = 0;

    transfer->answer_seen = true;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    transfer->body_ignored = status != 200 && !(status == 206 && transfer->resume_at > 0);
    if (transfer->body_ignored)
        return true;
    if (status == 200 && transfer->held > 0) {
        transfer->resume_at = 0;
        if (!transfer_rewind(transfer))
            return false;
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length > transfer->request.size_limit - transfer->held)
        return error_set(&transfer->error, ERROR_TOO_LARGE,
                         "%s: %lld bytes announced, at most %lld allowed",
                         name_of(transfer, name), (long long)(length + transfer->held),
                         (long long)transfer->request.size_limit);
    return true;
}

/* Error pages are not kept, but how they begin may say what is wrong. */
static void note_refusal(struct fetch_answer *answer, const char *bytes, size_t length)
{
    size_t used;

    if (answer == NULL)
        return;
    used = strlen(answer->refusal);
    for (size_t i = 0; i < length && used + 1 < sizeof(answer->refusal); i++)
        if (bytes[i] != '\0')
            answer->refusal[used++] = bytes[i];
    answer->refusal[used] = '\0';
}

static bool take_bytes(struct transfer *transfer, const void *bytes, size_t length)
{
    const struct fetch_request *request = &transfer->request;
    char name[TRANSFER_URL_SIZE];

    if (!transfer->answer_seen && !judge_answer(transfer))
        return false;
    if (transfer->body_ignored) {
        note_refusal(request->answer, bytes, length);
        return true;
    }
    if ((int64_t)length > request->size_limit - transfer->held)
        return error_set(&transfer->error, ERROR_TOO_LARGE, "%s: more than %lld bytes",
                         name_of(transfer, name), (long long)request->size_limit);
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
    transfer->server->facts.bytes += (int64_t)length;
    connection_limit_receive(&transfer->server->limit, (int64_t)length);
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

static void keep_value(char kept[FETCH_VALIDATOR_SIZE], struct text value)
{
    if (value.length < FETCH_VALIDATOR_SIZE)
        apr_cpystrn(kept, value.bytes, value.length + 1);
}

/* A redirect is an answer too: only what the last one says is kept. */
static void note_answer(struct fetch_answer *answer, struct text line)
{
    struct text value;

    if (text_starts(line, "HTTP/"))
        memset(answer, 0, sizeof(*answer));
    else if (header_value(&value, line, "ETag"))
        keep_value(answer->etag, value);
    else if (header_value(&value, line, "Last-Modified"))
        keep_value(answer->last_modified, value);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *baton)
{
    struct transfer *transfer = baton;
    struct text line = {bytes, size * count}, value;
    int64_t number;

    if (transfer->request.answer != NULL)
        note_answer(transfer->request.answer, line);
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
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    /* Over TLS an origin may offer HTTP/2: then one connection carries many transfers,
     * and it is worth waiting until it is known. */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    /* An empty proxy also keeps libcurl from looking at the environment. */
    if ((options->proxy != NULL && *options->proxy != '\0') ||
        !options->proxy_from_environment)
        curl_easy_setopt(easy, CURLOPT_PROXY,
                         options->proxy != NULL ? options->proxy : "");
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

static void set_redirect_protocols(CURL *easy, bool only_https)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                     only_https ? "https" : "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS,
                     (long)((only_https ? 0 : CURLPROTO_HTTP) | CURLPROTO_HTTPS));
#endif
}

static void add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);

    if (longer != NULL)
        transfer->headers = longer;
}

static void add_value(struct transfer *transfer, const char *header, const char *value)
{
    char line[TRANSFER_VALIDATOR_SIZE + 32];

    if (value == NULL || *value == '\0')
        return;
    snprintf(line, sizeof(line), "%s: %s", header, value);
    add_header(transfer, line);
}

static void set_headers(struct transfer *transfer)
{
    const struct fetch_request *request = &transfer->request;
    char range[64];

    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    if (request->no_cache || transfer->corruptions > 0) {
        add_header(transfer, "Cache-Control: no-cache");
        add_header(transfer, "Pragma: no-cache");
    }
    if (transfer->resume_at > 0) {
        snprintf(range, sizeof(range), "bytes=%lld-", (long long)transfer->resume_at);
        add_value(transfer, "Range", range);
        transfer->fetcher->counters.resumed++;
        add_value(transfer, "If-Range", transfer->validator);
    } else {
        add_value(transfer, "If-None-Match", request->if_none_match);
        add_value(transfer, "If-Modified-Since", request->if_modified_since);
    }
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

/* What is left of the time for all tries; 0 would mean for ever. */
static long milliseconds_left(const struct transfer *transfer)
{
    apr_time_t left;

    if (transfer->deadline == 0)
        return 0;
    left = apr_time_as_msec(transfer->deadline - clock_now());
    return left > 0 ? (long)left : 1;
}

void transfer_start(struct transfer *transfer)
{
    const struct fetch_request *request = &transfer->request;
    CURL *easy = transfer->easy;
    char url[TRANSFER_URL_SIZE];

    transfer->answer_seen = false;
    transfer->body_ignored = false;
    transfer->sink_failed = false;
    transfer->is_answer = false;
    transfer->is_paused = false;
    transfer->retry_after = 0;
    transfer->curl_message[0] = '\0';
    transfer->resume_at =
        transfer->start_over || transfer->held < RESUME_LEAST ? 0 : transfer->held;
    transfer->start_over = false;
    if (request->answer != NULL)
        memset(request->answer, 0, sizeof(*request->answer));
    format_url(url, transfer);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOBODY, request->head_only ? 1L : 0L);
    if (!request->head_only)
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT,
                     strncasecmp(url, "https:", 6) == 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_USERPWD, request->credentials);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds_left(transfer));
    set_redirect_protocols(easy, transfer->fetcher->options.keep_https &&
                                     strncasecmp(url, "https:", 6) == 0);
    set_headers(transfer);
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

bool transfer_rewind(struct transfer *transfer)
{
    transfer->held = 0;
    transfer->is_mixed = false;
    return transfer->request.sink->rewind(transfer->request.baton, &transfer->error);
}

/* A passing failure: keep what a large transfer has. With several servers a retry is a
 * round past all of them. Give up after the retries. */
enum transfer_verdict transfer_retry(struct transfer *transfer)
{
    if (transfer->answer_seen && transfer->held - transfer->resume_at >= PROGRESS_LEAST)
        transfer->failures = 0;
    if (transfer->request.is_single_try ||
        (transfer->deadline != 0 && clock_now() >= transfer->deadline))
        return VERDICT_FAILED;
    if (transfer->may_move && fetch_upstreams_have_another(transfer))
        return VERDICT_MOVE;
    transfer->asked = 0;
    transfer->failures++;
    if (transfer->failures <= transfer->fetcher->options.retries)
        return VERDICT_RETRY;
    return transfer->may_move && fetch_upstreams_have_untried(transfer) ? VERDICT_MOVE
                                                                        : VERDICT_FAILED;
}

static enum transfer_verdict judge_transport(struct transfer *transfer, CURLcode result)
{
    const char *reason = transfer->curl_message[0] != '\0' ? transfer->curl_message
                                                           : curl_easy_strerror(result);
    char name[TRANSFER_URL_SIZE];

    error_set(&transfer->error,
              is_final_curl_error(result) ? ERROR_REFUSED : ERROR_UNREACHABLE, "%s: %s",
              name_of(transfer, name), reason);
    if (transfer->error.code == ERROR_REFUSED)
        return VERDICT_FAILED;
    return transfer_retry(transfer);
}

static enum transfer_verdict judge_status(struct transfer *transfer, long status)
{
    enum error_code code =
        status == 404 || status == 410 ? ERROR_NOT_FOUND : ERROR_REFUSED;
    char name[TRANSFER_URL_SIZE];

    transfer->is_answer = true;
    if (is_passing_status(status))
        code = ERROR_UNREACHABLE;
    /* The range is gone: the object is not what we began with. */
    if (status == 416 && transfer->resume_at > 0) {
        transfer->start_over = true;
        code = ERROR_UNREACHABLE;
    }
    error_set(&transfer->error, code, "%s: HTTP status %ld", name_of(transfer, name),
              status);
    return code == ERROR_UNREACHABLE ? transfer_retry(transfer) : VERDICT_FAILED;
}

static enum transfer_verdict judge_content(struct transfer *transfer)
{
    const struct fetch_request *request = &transfer->request;
    char name[TRANSFER_URL_SIZE];

    if (request->sink->complete(request->baton, &transfer->error))
        return VERDICT_DONE;
    if (transfer->error.code != ERROR_BAD_HASH)
        return VERDICT_FAILED;
    /* Nobody knows which of the servers it was. */
    if (transfer->is_mixed && transfer->mixtures++ <= transfer->fetcher->options.retries)
        return transfer_rewind(transfer) ? VERDICT_RETRY : VERDICT_FAILED;
    transfer->fetcher->counters.corrupt++;
    error_prefix(&transfer->error, "%s", name_of(transfer, name));
    /* The next try asks caches in between to stand aside. */
    if (transfer->corruptions++ > 0)
        return VERDICT_FAILED;
    /* Now, not with the next answer: the bytes that were wrong may have been none. */
    return transfer_rewind(transfer) ? VERDICT_RETRY : VERDICT_FAILED;
}

/* 304 is an answer only to who asked for it. */
static bool is_not_modified(struct transfer *transfer, long status)
{
    const struct fetch_request *request = &transfer->request;

    if (status != 304 ||
        (request->if_none_match == NULL && request->if_modified_since == NULL))
        return false;
    if (request->answer != NULL)
        request->answer->is_not_modified = true;
    return true;
}

static enum transfer_verdict judge(struct transfer *transfer, CURLcode result)
{
    long status = 0;

    if (transfer->sink_failed)
        return VERDICT_FAILED;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK)
        return judge_transport(transfer, result);
    if (is_not_modified(transfer, status))
        return VERDICT_DONE;
    if (!(status == 200 || (status == 206 && transfer->resume_at > 0)))
        return judge_status(transfer, status);
    /* An empty body never reached on_body. */
    if (!transfer->answer_seen && !judge_answer(transfer))
        return VERDICT_FAILED;
    return judge_content(transfer);
}

enum transfer_verdict transfer_judge(struct transfer *transfer, CURLcode result)
{
    enum transfer_verdict verdict = judge(transfer, result);

    return verdict == VERDICT_FAILED && transfer->may_move
               ? fetch_upstreams_give_up(transfer)
               : verdict;
}
