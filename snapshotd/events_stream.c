/* SPDX-License-Identifier: Apache-2.0 */
/* Topics and who follows them: the newest message of each topic, to everybody who does
 * not have it, once it verifies and as soon as his connection takes it.
 *
 * So nobody has a queue: who is slow gets the newest message later, and memory does not
 * grow with what he missed. */
#include "snapshotd/events_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <apr_ring.h>
#include <apr_strings.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http_struct.h>

#include "libreplica/base/log.h"

/* How long a message that verified is sent without asking again, and when one that did
 * not is tried anew. */
#define TRUST apr_time_from_sec(60)
#define AGAIN apr_time_from_sec(15)
/* A message goes out in one write, whatever its size. */
#define WRITE_MAX (1024 * 1024)
/* What the kernel keeps for one who does not read. */
#define SEND_BUFFER (64 * 1024)
/* Nobody has to say anything after his request. */
#define SAID_MAX 4096
/* A peer that is gone is found by these, in seconds. */
#define KEEP_IDLE          60
#define KEEP_INTERVAL      10
#define KEEP_COUNT         6
#define SEND_TIMEOUT       120
#define RETRY_MILLISECONDS 3000

struct subscription {
    APR_RING_ENTRY(subscription) link; /* of the topic */
    struct subscriber *subscriber;
    struct topic *topic;
    int64_t sent; /* this sequence and all below */
};
APR_RING_HEAD(subscription_ring, subscription);

struct topic {
    const char *name;
    struct events_server *server;
    struct subscription_ring subscriptions;
    int64_t sequence; /* of the message; 0: there is none */
    char *message;    /* of malloc */
    size_t length;
    apr_time_t good_until; /* it verified; 0: not yet, or no longer */
    apr_time_t check_next; /* not before */
    bool is_checking;
};

struct subscriber {
    struct events_server *server;
    struct evhttp_request *request;
    struct bufferevent *stream;
    bool is_extended;
    int count;
    struct subscription subscriptions[];
};

/* Names come from strangers: topics exist for what the log holds or somebody follows. */
static struct topic *topic_of(struct events_server *server, const char *name)
{
    struct topic *topic = apr_hash_get(server->topics, name, APR_HASH_KEY_STRING);

    if (topic != NULL)
        return topic;
    topic = calloc(1, sizeof(*topic));
    if (topic == NULL)
        return NULL;
    topic->name = strdup(name);
    topic->server = server;
    APR_RING_INIT(&topic->subscriptions, subscription, link);
    apr_hash_set(server->topics, topic->name, APR_HASH_KEY_STRING, topic);
    return topic;
}

static void topic_release(struct topic *topic)
{
    if (topic->sequence != 0 ||
        !APR_RING_EMPTY(&topic->subscriptions, subscription, link))
        return;
    apr_hash_set(topic->server->topics, topic->name, APR_HASH_KEY_STRING, NULL);
    free((char *)topic->name);
    free(topic);
}

static void deliver_all(struct topic *topic);
static void on_drained(struct evhttp_connection *connection, void *data);

static bool set_message(struct topic *topic, const struct event_record *event)
{
    char *message = malloc(event->payload.length + 1);

    if (message == NULL)
        return false;
    memcpy(message, event->payload.bytes, event->payload.length);
    free(topic->message);
    topic->message = message;
    topic->length = event->payload.length;
    topic->sequence = event->sequence;
    return true;
}

/* What was checked is what the log has now: the same revision may have been signed anew.
 */
static void on_checked(struct task *task)
{
    struct topic *topic = task->baton;
    apr_time_t now = apr_time_now();

    topic->is_checking = false;
    if (!task->ok) {
        topic->check_next = now + AGAIN;
        log_write(LOG_LEVEL_WARNING, "message withheld repository=%s: %s", topic->name,
                  task->error.message);
    } else if (task->event->sequence >= topic->sequence &&
               set_message(topic, task->event)) {
        topic->good_until = now + TRUST < task->expires ? now + TRUST : task->expires;
    }
    task_free(task);
    deliver_all(topic);
}

static void check(struct topic *topic)
{
    struct task *task;

    if (topic->is_checking || apr_time_now() < topic->check_next)
        return;
    topic->is_checking = true;
    task = task_create(TASK_CHECK, on_checked, topic);
    task->topic = apr_pstrdup(task->pool, topic->name);
    worker_submit(topic->server->worker, task);
}

static struct evbuffer *format(const struct subscription *subscription)
{
    const struct topic *topic = subscription->topic;
    struct evbuffer *buffer = evbuffer_new();

    if (subscription->subscriber->is_extended)
        evbuffer_add_printf(buffer, "id: %lld\nevent: activity\n",
                            (long long)topic->sequence);
    evbuffer_add_printf(buffer, "data: %.*s\n\n", (int)topic->length, topic->message);
    return buffer;
}

static void send_piece(struct subscriber *subscriber, struct evbuffer *piece)
{
    evhttp_send_reply_chunk_with_cb(subscriber->request, piece, on_drained, subscriber);
    evbuffer_free(piece);
}

static bool is_busy(const struct subscriber *subscriber)
{
    return evbuffer_get_length(bufferevent_get_output(subscriber->stream)) > 0;
}

static void deliver(struct subscription *subscription)
{
    struct topic *topic = subscription->topic;

    if (topic->sequence <= subscription->sent)
        return;
    if (apr_time_now() >= topic->good_until) {
        check(topic);
        return;
    }
    if (is_busy(subscription->subscriber))
        return;
    subscription->sent = topic->sequence;
    send_piece(subscription->subscriber, format(subscription));
}

static void deliver_all(struct topic *topic)
{
    struct subscription *subscription;

    APR_RING_FOREACH(subscription, &topic->subscriptions, subscription, link)
    deliver(subscription);
}

/* What he wrote last is on its way: is there more? */
static void on_drained(struct evhttp_connection *connection, void *data)
{
    struct subscriber *subscriber = data;

    for (int i = 0; i < subscriber->count; i++)
        deliver(&subscriber->subscriptions[i]);
}

static void on_close(struct evhttp_connection *connection, void *data)
{
    struct subscriber *subscriber = data;

    for (int i = 0; i < subscriber->count; i++) {
        struct subscription *subscription = &subscriber->subscriptions[i];

        APR_RING_REMOVE(subscription, link);
        topic_release(subscription->topic);
    }
    subscriber->server->subscribers--;
    events_release(subscriber->request);
    free(subscriber);
}

/* A message that is written at once travels at once; a peer without a sign of life goes.
 */
static void prepare_socket(struct bufferevent *stream)
{
    const struct {
        int level, option, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_SNDBUF, SEND_BUFFER},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, SEND_TIMEOUT * 1000},
    };
    int fd = bufferevent_getfd(stream);

    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
        setsockopt(fd, options[i].level, options[i].option, &options[i].value,
                   sizeof(int));
}

static void add_headers(const struct subscriber *subscriber, struct evkeyvalq *headers)
{
    evhttp_add_header(headers, "Content-Type", "text/event-stream");
    evhttp_add_header(headers, "Cache-Control", "no-cache");
    /* nginx keeps what is answered until it is worth passing on, unless it is told. */
    evhttp_add_header(headers, "X-Accel-Buffering", "no");
    if (subscriber->is_extended &&
        settings_boolean(subscriber->server->settings, SETTING_CORS))
        evhttp_add_header(headers, "Access-Control-Allow-Origin", "*");
}

static void start(struct subscriber *subscriber)
{
    struct evhttp_request *request = subscriber->request;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct bufferevent *stream = subscriber->stream;

    prepare_socket(stream);
    bufferevent_set_timeouts(stream, NULL, NULL);
    bufferevent_set_max_single_write(stream, WRITE_MAX);
    bufferevent_setwatermark(stream, EV_READ, 0, SAID_MAX);
    add_headers(subscriber, headers);
    evhttp_send_reply_start(request, HTTP_OK, "OK");
}

void events_stream(struct events_server *server, struct evhttp_request *request,
                   const char *const *names, int count, int64_t since, bool is_extended)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    struct subscriber *subscriber = calloc(
        1, sizeof(*subscriber) + (size_t)count * sizeof(*subscriber->subscriptions));

    if (subscriber == NULL) {
        evhttp_connection_free(connection);
        return;
    }
    /* A number that is not ours yet is another service's. */
    if (since > server->last_sequence)
        since = 0;
    subscriber->server = server;
    subscriber->request = request;
    subscriber->stream = evhttp_connection_get_bufferevent(connection);
    subscriber->is_extended = is_extended;
    server->subscribers++;
    evhttp_connection_set_closecb(connection, on_close, subscriber);
    for (int i = 0; i < count; i++) {
        struct subscription *subscription = &subscriber->subscriptions[subscriber->count];

        subscription->topic = topic_of(server, names[i]);
        if (subscription->topic == NULL)
            continue;
        subscription->subscriber = subscriber;
        subscription->sent = since;
        APR_RING_INSERT_TAIL(&subscription->topic->subscriptions, subscription,
                             subscription, link);
        subscriber->count++;
    }
    start(subscriber);
    if (is_extended) {
        struct evbuffer *hint = evbuffer_new();

        evbuffer_add_printf(hint, "retry: %d\n\n", RETRY_MILLISECONDS);
        send_piece(subscriber, hint);
    } else {
        on_drained(connection, subscriber);
    }
}

static void take_event(struct events_server *server, const struct event_record *event)
{
    struct topic *topic;

    server->last_sequence = event->sequence;
    if (event->kind != EVENT_ACTIVITY ||
        memchr(event->payload.bytes, '\n', event->payload.length) != NULL)
        return;
    topic = topic_of(server, event->topic);
    if (topic == NULL || event->sequence <= topic->sequence || !set_message(topic, event))
        return;
    topic->good_until = topic->check_next = 0;
    deliver_all(topic);
}

static void on_read(struct task *task)
{
    struct events_server *server = task->baton;
    bool is_more = task->ok && task->events->nelts > 0;

    server->is_reading = false;
    if (!task->ok)
        log_write(LOG_LEVEL_ERROR, "%s", task->error.message);
    else
        for (int i = 0; i < task->events->nelts; i++)
            take_event(server, &APR_ARRAY_IDX(task->events, i, struct event_record));
    task_free(task);
    if (is_more || server->reads_again)
        events_read_log(server);
}

void events_read_log(struct events_server *server)
{
    struct task *task;

    server->reads_again = server->is_reading;
    if (server->is_reading)
        return;
    server->is_reading = true;
    task = task_create(TASK_READ, on_read, server);
    task->since = server->last_sequence;
    worker_submit(server->worker, task);
}

/* A stream with the comment of one topic needs no others. */
static void keep_alive(const struct topic *topic)
{
    struct subscription *subscription;

    APR_RING_FOREACH(subscription, &topic->subscriptions, subscription, link)
    {
        struct subscriber *subscriber = subscription->subscriber;
        struct evbuffer *comment;

        if (!subscriber->is_extended || is_busy(subscriber) ||
            subscription != subscriber->subscriptions)
            continue;
        comment = evbuffer_new();
        evbuffer_add_printf(comment, ": \n\n");
        send_piece(subscriber, comment);
    }
}

void events_distrust(struct events_server *server)
{
    for (apr_hash_index_t *at = apr_hash_first(NULL, server->topics); at != NULL;
         at = apr_hash_next(at)) {
        struct topic *topic = apr_hash_this_val(at);

        topic->good_until = topic->check_next = 0;
        deliver_all(topic);
    }
}

void events_keep_alive(struct events_server *server)
{
    for (apr_hash_index_t *at = apr_hash_first(NULL, server->topics); at != NULL;
         at = apr_hash_next(at)) {
        struct topic *topic = apr_hash_this_val(at);

        deliver_all(topic);
        keep_alive(topic);
    }
}
