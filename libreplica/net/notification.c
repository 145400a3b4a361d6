/* SPDX-License-Identifier: Apache-2.0 */
/* Posting and following notifications, with libcurl. */
#include "libreplica/net/notification.h"

#include <string.h>
#include <apr_strings.h>
#include <curl/curl.h>
#include <jansson.h>

#define USER_AGENT      "replica/0.1 (cvmfs)"
#define CONNECT_SECONDS 10L
#define POST_SECONDS    30L
#define REPLY_MAX       4096
/* A line that broke without a word is noticed by probes of the kernel. */
#define KEEP_ALIVE_SECONDS 60L

struct reply {
    char bytes[REPLY_MAX];
    size_t length;
};

static size_t take_reply(char *bytes, size_t size, size_t count, void *data)
{
    struct reply *reply = data;
    size_t length = size * count, room = REPLY_MAX - reply->length;

    memcpy(reply->bytes + reply->length, bytes, length < room ? length : room);
    reply->length += length < room ? length : room;
    return length;
}

static CURL *open_handle(const char *url, const char *path, struct text body,
                         apr_pool_t *pool)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_URL, apr_pstrcat(pool, url, path, NULL));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.bytes);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.length);
    return easy;
}

/* The service says "ok" or why not; what is no JSON is shown as it is. */
static bool judge(long status, const struct reply *reply, apr_pool_t *pool,
                  struct error *error)
{
    json_t *root = json_loadb(reply->bytes, reply->length, 0, NULL);
    const char *state = json_string_value(json_object_get(root, "status"));
    const char *reason = json_string_value(json_object_get(root, "reason"));
    bool ok = status == 200 && (state == NULL || strcmp(state, "ok") == 0);

    if (!ok)
        error_set(
            error, ERROR_REFUSED, "HTTP %ld: %s", status,
            reason != NULL
                ? reason
                : text_for_people((struct text){reply->bytes, reply->length}, 120, pool));
    json_decref(root);
    return ok;
}

bool notification_post(const char *url, struct text message, apr_pool_t *pool,
                       struct error *error)
{
    CURL *easy = open_handle(url, "/notifications/publish", message, pool);
    struct reply *reply = apr_pcalloc(pool, sizeof(*reply));
    long status = 0;
    CURLcode code;

    if (easy == NULL)
        return error_set(error, ERROR_IO, "cannot set up libcurl");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, POST_SECONDS);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_reply);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, reply);
    code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(easy);
    if (code != CURLE_OK)
        return error_set(error, ERROR_UNREACHABLE, "%s: %s", url,
                         curl_easy_strerror(code));
    return judge(status, reply, pool, error);
}

struct following {
    const struct notification_subscription *subscription;
    CURL *easy;
    struct event_stream *stream;
    struct error error; /* set by the consumer */
    bool has_failed;
};

static size_t take_events(char *bytes, size_t size, size_t count, void *data)
{
    struct following *following = data;
    struct text text = {bytes, size * count};
    long status = 0;

    curl_easy_getinfo(following->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return text.length;
    following->has_failed =
        !event_stream_feed(following->stream, text, &following->error);
    return following->has_failed ? 0 : text.length;
}

static int may_go_on(void *data, curl_off_t unused, curl_off_t unused2,
                     curl_off_t unused3, curl_off_t unused4)
{
    const struct following *following = data;
    const volatile int *stop = following->subscription->stop;

    return stop != NULL && *stop != 0;
}

static void perform(struct following *following, long *status, CURLcode *code)
{
    CURL *easy = following->easy;

    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "GET");
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEP_ALIVE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_events);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, following);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, may_go_on);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, following);
    *code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status);
    curl_easy_cleanup(easy);
}

bool notification_follow(const struct notification_subscription *subscription,
                         apr_pool_t *pool, struct error *error)
{
    struct following following = {.subscription = subscription};
    const char *body = apr_pstrcat(pool, "{\"version\":1,\"repository\":\"",
                                   subscription->repository, "\"}", NULL);
    CURLcode code = CURLE_OK;
    long status = 0;

    following.stream =
        event_stream_create(subscription->consume, subscription->baton, pool);
    following.easy =
        open_handle(subscription->url, "/notifications/subscribe", text_of(body), pool);
    if (following.easy == NULL)
        return error_set(error, ERROR_IO, "cannot set up libcurl");
    perform(&following, &status, &code);
    if (following.has_failed) {
        *error = following.error;
        return false;
    }
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return error_set(error, ERROR_CANCELLED, "stopped");
    if (status != 0 && status != 200)
        return error_set(error, ERROR_REFUSED, "%s: HTTP %ld", subscription->url, status);
    return error_set(error, ERROR_UNREACHABLE, "%s: %s", subscription->url,
                     code == CURLE_OK ? "the stream ended" : curl_easy_strerror(code));
}
