/* SPDX-License-Identifier: Apache-2.0 */
/* Activity messages that somebody sends: verified, then stored. */
#include "snapshotd/events_server.h"

#include <sys/random.h>
#include <event2/buffer.h>

#include "libreplica/base/clock.h"
#include "libreplica/base/log.h"
#include "libreplica/base/siphash.h"
#include "libreplica/format/activity.h"

/* Messages of one address: so many at once, then so many a second. */
#define BURST      50
#define PER_SECOND 10
#define RATES      1024
/* More than this are under way: whoever asks now is told to come again. */
#define LOAD_MAX 64

/* Addresses share one by chance: nobody can fill memory with them. */
struct request_rates {
    struct siphash_key key;
    struct request_rate {
        double left;
        apr_time_t at;
    } rates[RATES];
};

static struct request_rate *rate_of(struct events_server *server, const char *address)
{
    struct request_rates *all = server->rates;

    if (all == NULL) {
        all = server->rates = apr_pcalloc(server->pool, sizeof(*all));
        if (getrandom(&all->key, sizeof(all->key), 0) < 0)
            all->key.words[0] = (uint64_t)clock_now();
    }
    return &all->rates[siphash_of(&all->key, text_of(address)).words[0] % RATES];
}

bool events_rate_allows(struct events_server *server, struct evhttp_request *request)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    apr_time_t now = clock_now();
    struct request_rate *rate;
    char *address = NULL;
    ev_uint16_t port;

    evhttp_connection_get_peer(connection, &address, &port);
    if (address == NULL)
        return false;
    rate = rate_of(server, address);
    rate->left +=
        rate->at == 0 ? BURST : (double)(now - rate->at) * PER_SECOND / APR_USEC_PER_SEC;
    if (rate->left > BURST)
        rate->left = BURST;
    rate->at = now;
    if (rate->left < 1)
        return false;
    rate->left--;
    return true;
}

/* The client has gone: nobody waits for the answer, the message counts all the same. */
static void on_close(struct evhttp_connection *connection, void *data)
{
    struct task *task = data;
    struct evhttp_request *request = task->baton;

    task->baton = NULL;
    events_release(request);
}

static void answer(struct evhttp_request *request, const struct task *task)
{
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
    if (task->ok)
        events_reply(request, HTTP_OK, "{\"status\":\"ok\"}");
    else
        events_reply_error(request,
                           task->error.code == ERROR_IO ||
                                   task->error.code == ERROR_NO_SPACE ||
                                   task->error.code == ERROR_PERMISSION
                               ? HTTP_INTERNAL
                               : HTTP_BADREQUEST,
                           task->error.message);
}

static void on_done(struct task *task)
{
    static const char *const fates[] = {
        [EVENT_STORED] = "stored", [EVENT_KNOWN] = "known", [EVENT_OLDER] = "older"};

    if (task->ok)
        log_write(LOG_LEVEL_INFO, "message repository=%s revision=%lld fate=%s",
                  task->topic, (long long)task->revision, fates[task->fate]);
    else
        log_write(LOG_LEVEL_WARNING, "message refused: %s", task->error.message);
    if (task->baton != NULL)
        answer(task->baton, task);
    task_free(task);
}

void events_publish(struct events_server *server, struct evhttp_request *request)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t length = evbuffer_get_length(body);
    struct task *task;
    char *bytes;

    if (!events_rate_allows(server, request) || worker_load(server->worker) > LOAD_MAX) {
        events_reply_error(request, 429, "too_many_messages");
        return;
    }
    task = task_create(TASK_PUBLISH, on_done, request);
    bytes = apr_palloc(task->pool, length + 1);
    evbuffer_remove(body, bytes, length);
    task->message = (struct text){bytes, length};
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_close, task);
    worker_submit(server->worker, task);
}
