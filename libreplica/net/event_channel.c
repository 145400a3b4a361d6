/* SPDX-License-Identifier: Apache-2.0 */
/* One stream of a service that is followed. */
#include "libreplica/net/event_channel.h"

#include <stdio.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/clock.h"
#include "libreplica/base/log.h"

#define USER_AGENT      "replica/0.1 (cvmfs)"
#define CONNECT_SECONDS 10L
/* An extended stream has a comment every 15 s. */
#define SILENCE_MAX apr_time_from_sec(45)
/* A strict one may say nothing for months: probes of the kernel notice a dead line. */
#define KEEP_IDLE     60L
#define KEEP_INTERVAL 10L
/* Nobody has that much to tell: what one service sends costs only so much time. */
#define BYTES_PER_SECOND_MAX (1024 * 1024)
#define STATUS_OK            200

struct event_channel *event_channel_create(struct event_service *service,
                                           const char *names)
{
    struct event_channel *channel = apr_pcalloc(service->channels_pool, sizeof(*channel));

    channel->service = service;
    channel->names = names;
    channel->next = service->channels;
    service->channels = channel;
    apr_pool_create(&channel->pool, service->channels_pool);
    return channel;
}

static void note_connected(struct event_channel *channel)
{
    struct event_service *service = channel->service;

    if (channel->connected_since != 0)
        return;
    channel->connected_since = apr_time_now();
    log_write(LOG_LEVEL_INFO, "events source=%s stream=%s repositories=%s",
              service->source.url, service->is_strict ? "strict" : "extended",
              channel->names);
}

static bool take(void *baton, const struct stream_event *event, struct error *error)
{
    struct event_channel *channel = baton;
    struct event_service *service = channel->service;
    struct event_follower *follower = service->follower;

    channel->sequence = event->sequence;
    service->last_event = apr_time_now();
    service->events++;
    follower->consume(follower->baton, service->source.url, event);
    return true;
}

static bool is_event_stream(const struct event_channel *channel)
{
    const char *type = NULL;

    curl_easy_getinfo(channel->easy, CURLINFO_CONTENT_TYPE, &type);
    return type != NULL && strncmp(type, "text/event-stream", 17) == 0;
}

static long status_of(const struct event_channel *channel)
{
    long status = 0;

    curl_easy_getinfo(channel->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    struct event_channel *channel = data;
    struct text text = {bytes, size * count};

    channel->last_byte = clock_now();
    if (status_of(channel) != STATUS_OK)
        return text.length;
    if (!is_event_stream(channel)) {
        error_set(&channel->error, ERROR_BAD_FORMAT, "the answer is no event stream");
        return 0;
    }
    note_connected(channel);
    return event_stream_feed(channel->stream, text, &channel->error) ? text.length : 0;
}

/* The stock service sends not even a header before its first event: that the request is
 * out must do. */
static int on_progress(void *data, curl_off_t unused, curl_off_t unused2,
                       curl_off_t unused3, curl_off_t unused4)
{
    struct event_channel *channel = data;
    curl_off_t sent = 0;

    if (channel->service->is_strict && channel->connected_since == 0 &&
        curl_easy_getinfo(channel->easy, CURLINFO_PRETRANSFER_TIME_T, &sent) ==
            CURLE_OK &&
        sent > 0)
        note_connected(channel);
    return 0;
}

static void set_connection(CURL *easy, const struct event_source *source)
{
    curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A name server that does not answer must not hold up the end of the program. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEP_IDLE);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEP_INTERVAL);
    curl_easy_setopt(easy, CURLOPT_MAX_RECV_SPEED_LARGE,
                     (curl_off_t)BYTES_PER_SECOND_MAX);
    /* An empty proxy also keeps libcurl from looking at the environment. */
    curl_easy_setopt(easy, CURLOPT_PROXY, source->proxy);
    if (*source->ca_bundle != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, source->ca_bundle);
}

static void add_header(struct event_channel *channel, const char *line)
{
    struct curl_slist *longer = curl_slist_append(channel->headers, line);

    if (longer != NULL)
        channel->headers = longer;
}

static void set_request(struct event_channel *channel)
{
    const struct event_service *service = channel->service;
    const char *url =
        apr_pstrcat(channel->pool, service->source.url, "/notifications/subscribe", NULL);
    CURL *easy = channel->easy;

    if (service->is_strict) {
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
                         apr_pstrcat(channel->pool, "{\"version\":1,\"repository\":\"",
                                     channel->names, "\"}", NULL));
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "GET");
    } else {
        url = apr_pstrcat(channel->pool, url, "?repository=", channel->names, NULL);
        add_header(channel, "Accept: text/event-stream");
        add_header(channel, "Cache-Control: no-cache");
        if (channel->sequence > 0)
            add_header(channel,
                       apr_psprintf(channel->pool, "Last-Event-ID: %" APR_INT64_T_FMT,
                                    (apr_int64_t)channel->sequence));
    }
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, channel->headers);
}

void event_channel_begin(struct event_channel *channel, apr_time_t now)
{
    CURL *easy = curl_easy_init();

    channel->next_try = now + apr_time_from_sec(1);
    if (easy == NULL)
        return;
    channel->easy = easy;
    channel->began = channel->last_byte = now;
    channel->connected_since = 0;
    channel->message[0] = '\0';
    channel->error = (struct error){0};
    channel->stream = event_stream_create(take, channel, channel->pool);
    set_connection(easy, &channel->service->source);
    set_request(channel);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, channel);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, channel->message);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, channel);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, channel);
    if (curl_multi_add_handle(channel->service->follower->multi, easy) != CURLM_OK)
        event_channel_end(channel);
}

bool event_channel_is_dead(const struct event_channel *channel, apr_time_t now)
{
    return channel->easy != NULL && !channel->service->is_strict &&
           now - channel->last_byte > SILENCE_MAX;
}

void event_channel_end(struct event_channel *channel)
{
    if (channel->easy == NULL)
        return;
    curl_multi_remove_handle(channel->service->follower->multi, channel->easy);
    curl_easy_cleanup(channel->easy);
    curl_slist_free_all(channel->headers);
    channel->easy = NULL;
    channel->headers = NULL;
    channel->connected_since = 0;
    apr_pool_clear(channel->pool);
}

/* A stock service misses the body, with whatever status; those named here mean something
 * else. */
bool event_channel_is_unknown(const struct event_channel *channel, CURLcode code)
{
    static const long others[] = {401, 403, 404, 407, 408, 429, 502, 503, 504};
    long status = status_of(channel);

    if (status == STATUS_OK)
        return channel->error.code == ERROR_BAD_FORMAT ||
               (code == CURLE_OK && !is_event_stream(channel));
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (status == others[i])
            return false;
    return status >= 400;
}

static const char *why(const struct event_channel *channel, CURLcode code)
{
    if (channel->error.code != ERROR_NONE)
        return channel->error.message;
    if (code == CURLE_OK)
        return "the stream ended";
    return channel->message[0] != '\0' ? channel->message : curl_easy_strerror(code);
}

void event_channel_explain(const struct event_channel *channel, CURLcode code)
{
    char *problem = channel->service->problem;
    long status = status_of(channel);

    if (status != 0 && status != STATUS_OK)
        snprintf(problem, ERROR_MESSAGE_SIZE, "HTTP %ld", status);
    else
        apr_cpystrn(problem, why(channel, code), ERROR_MESSAGE_SIZE);
}
