/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses by c-ares: requests hand names over, one thread asks for them. */
#include "libreplica/geo/resolver.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/thread.h"

#define TRY_MILLISECONDS  1500 /* doubled for the second try */
#define TRIES             2
#define NAME_MAX_LENGTH   253
#define IDLE_MILLISECONDS 1000
#define EVENTS_MAX        32
#define RESOLV_CONF       "/etc/resolv.conf"

struct lookup {
    struct lookup *next;
    struct resolver *resolver;
    size_t length;
    char name[NAME_MAX_LENGTH + 1];
};

struct resolver {
    const char *nameservers; /* as c-ares wants them, or NULL */
    bool search;
    resolver_done *done;
    void *baton;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;       /* of asked and count */
    struct lookup *asked;       /* not yet given to c-ares */
    int count;                  /* asked and not done */
    int wake_fd, epoll_fd;      /* eventfd in the epoll set */
    int under_way;              /* given to c-ares; the thread's own */
    ares_channel channel;       /* the thread's own */
    struct timespec configured; /* mtime of resolv.conf that the channel was made by */
    volatile int stop;
};

static pthread_once_t ares_once = PTHREAD_ONCE_INIT;
static int ares_ready;

static void ares_init_once(void)
{
    ares_ready = ares_library_init(ARES_LIB_INIT_ALL);
}

/* c-ares has opened or closes a socket. */
static void watch_socket(void *data, ares_socket_t fd, int readable, int writable)
{
    const struct resolver *resolver = data;
    struct epoll_event event = {
        .events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U), .data.fd = fd};

    if (!readable && !writable)
        epoll_ctl(resolver->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(resolver->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        epoll_ctl(resolver->epoll_fd, EPOLL_CTL_MOD, fd, &event);
}

static struct timespec resolv_conf_time(void)
{
    struct stat status = {0};

    if (stat(RESOLV_CONF, &status) != 0)
        return (struct timespec){0};
    return status.st_mtim;
}

static bool open_channel(struct resolver *resolver, struct error *error)
{
    char files[] = "fb", only_nameservers[] = "b";
    struct ares_options options = {
        .timeout = TRY_MILLISECONDS,
        .tries = TRIES,
        .lookups = resolver->nameservers == NULL ? files : only_nameservers,
        .sock_state_cb = watch_socket,
        .sock_state_cb_data = resolver};
    int mask =
        ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    int status;

    /* No domains of its own means that c-ares does not take the system's. */
    if (!resolver->search)
        mask |= ARES_OPT_DOMAINS;
    resolver->configured = resolv_conf_time();
    status = ares_init_options(&resolver->channel, &options, mask);
    if (status != ARES_SUCCESS)
        return error_set(error, ERROR_IO, "cannot set up name resolution: %s",
                         ares_strerror(status));
    if (resolver->nameservers == NULL)
        return true;
    status = ares_set_servers_ports_csv(resolver->channel, resolver->nameservers);
    if (status == ARES_SUCCESS)
        return true;
    ares_destroy(resolver->channel);
    resolver->channel = NULL;
    return error_set(error, ERROR_SETTING, "no list of nameservers: '%s': %s",
                     resolver->nameservers, ares_strerror(status));
}

/* Follow resolv.conf. A channel with questions under way keeps its servers until they are
 * answered; false: and gets no more. */
static bool reopen_channel_if_due(struct resolver *resolver)
{
    struct timespec now = resolv_conf_time();
    ares_channel old = resolver->channel;

    if (resolver->nameservers != NULL || (now.tv_sec == resolver->configured.tv_sec &&
                                          now.tv_nsec == resolver->configured.tv_nsec))
        return true;
    if (resolver->under_way > 0)
        return false;
    if (open_channel(resolver, NULL))
        ares_destroy(old);
    else
        resolver->channel = old;
    return true;
}

static void take_addresses(struct resolver_answer *answer,
                           const struct ares_addrinfo_node *node)
{
    for (; node != NULL; node = node->ai_next) {
        struct geo_address *place =
            node->ai_family == AF_INET ? &answer->ipv4 : &answer->ipv6;

        if (place->family != 0)
            continue;
        place->family = node->ai_family;
        if (node->ai_family == AF_INET)
            memcpy(place->bytes,
                   &((const struct sockaddr_in *)(const void *)node->ai_addr)->sin_addr,
                   4);
        else
            memcpy(place->bytes,
                   &((const struct sockaddr_in6 *)(const void *)node->ai_addr)->sin6_addr,
                   16);
    }
}

static bool is_definite(int status)
{
    return status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA ||
           status == ARES_EBADNAME;
}

static void end_lookup(void *data, int status, int timeouts, struct ares_addrinfo *found)
{
    struct lookup *lookup = data;
    struct resolver *resolver = lookup->resolver;
    struct resolver_answer answer = {.has_failed = !is_definite(status)};

    if (found != NULL)
        take_addresses(&answer, found->nodes);
    ares_freeaddrinfo(found);
    if (!resolver->stop)
        resolver->done(resolver->baton, (struct text){lookup->name, lookup->length},
                       &answer);
    free(lookup);
    resolver->under_way--;
    pthread_mutex_lock(&resolver->lock);
    resolver->count--;
    pthread_mutex_unlock(&resolver->lock);
}

static void start_asked(struct resolver *resolver)
{
    static const struct ares_addrinfo_hints hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
    struct lookup *lookup, *next;

    pthread_mutex_lock(&resolver->lock);
    lookup = resolver->asked;
    resolver->asked = NULL;
    pthread_mutex_unlock(&resolver->lock);
    for (; lookup != NULL; lookup = next) {
        next = lookup->next;
        resolver->under_way++;
        ares_getaddrinfo(resolver->channel, lookup->name, NULL, &hints, end_lookup,
                         lookup);
    }
}

static int pause_of(struct resolver *resolver)
{
    struct timeval most = {IDLE_MILLISECONDS / 1000, 0}, time;
    const struct timeval *pause = ares_timeout(resolver->channel, &most, &time);

    return (int)(pause->tv_sec * 1000 + (pause->tv_usec + 999) / 1000);
}

/* What woke the thread is of no interest: after any event it looks for questions. */
static void drain(const struct resolver *resolver)
{
    uint64_t count;

    if (read(resolver->wake_fd, &count, sizeof(count)) < 0)
        return;
}

static void handle_event(struct resolver *resolver, const struct epoll_event *event)
{
    const bool failed = (event->events & (EPOLLERR | EPOLLHUP)) != 0;

    if (event->data.fd == resolver->wake_fd) {
        drain(resolver);
        return;
    }
    ares_process_fd(resolver->channel,
                    failed || event->events & EPOLLIN ? event->data.fd : ARES_SOCKET_BAD,
                    event->events & EPOLLOUT ? event->data.fd : ARES_SOCKET_BAD);
}

static void *run(void *data)
{
    struct resolver *resolver = data;
    struct epoll_event events[EVENTS_MAX];

    while (!__atomic_load_n(&resolver->stop, __ATOMIC_ACQUIRE)) {
        int count =
            epoll_wait(resolver->epoll_fd, events, EVENTS_MAX, pause_of(resolver));

        for (int i = 0; i < count; i++)
            handle_event(resolver, &events[i]);
        /* Questions whose time is over. */
        ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        if (reopen_channel_if_due(resolver))
            start_asked(resolver);
    }
    return NULL;
}

static void wake(const struct resolver *resolver)
{
    uint64_t one = 1;

    /* Fails only when the count is at its limit, and then the thread is awake. */
    if (write(resolver->wake_fd, &one, sizeof(one)) < 0)
        return;
}

static apr_status_t destroy(void *data)
{
    struct resolver *resolver = data;
    struct lookup *lookup, *next;

    __atomic_store_n(&resolver->stop, 1, __ATOMIC_RELEASE);
    if (resolver->has_thread) {
        wake(resolver);
        pthread_join(resolver->thread, NULL);
    }
    if (resolver->channel != NULL)
        ares_destroy(resolver->channel);
    for (lookup = resolver->asked; lookup != NULL; lookup = next) {
        next = lookup->next;
        free(lookup);
    }
    close(resolver->wake_fd);
    close(resolver->epoll_fd);
    pthread_mutex_destroy(&resolver->lock);
    return APR_SUCCESS;
}

static bool open_descriptors(struct resolver *resolver, struct error *error)
{
    struct epoll_event event = {.events = EPOLLIN};

    resolver->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    resolver->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    event.data.fd = resolver->wake_fd;
    return epoll_ctl(resolver->epoll_fd, EPOLL_CTL_ADD, resolver->wake_fd, &event) == 0 ||
           error_set_errno(error, errno, "cannot set up name resolution");
}

/* Blanks become the commas that c-ares wants. */
static const char *comma_list(const char *nameservers, apr_pool_t *pool)
{
    char *rest = apr_pstrdup(pool, nameservers), *state, *word;
    const char *list = "";

    for (word = apr_strtok(rest, " \t,", &state); word != NULL;
         word = apr_strtok(NULL, " \t,", &state))
        list = apr_pstrcat(pool, list, *list != '\0' ? "," : "", word, NULL);
    return list;
}

static bool init_library(struct error *error)
{
    pthread_once(&ares_once, ares_init_once);
    return ares_ready == ARES_SUCCESS ||
           error_set(error, ERROR_IO, "cannot set up name resolution: %s",
                     ares_strerror(ares_ready));
}

bool resolver_check_nameservers(const char *nameservers, apr_pool_t *pool,
                                struct error *error)
{
    struct resolver resolver = {.nameservers = comma_list(nameservers, pool)};

    if (!init_library(error) || !open_channel(&resolver, error))
        return false;
    ares_destroy(resolver.channel);
    return true;
}

bool resolver_create(struct resolver **created, const char *nameservers, bool search,
                     resolver_done *done, void *baton, apr_pool_t *pool,
                     struct error *error)
{
    struct resolver *resolver = apr_pcalloc(pool, sizeof(*resolver));

    if (!init_library(error))
        return false;
    if (nameservers != NULL)
        resolver->nameservers = comma_list(nameservers, pool);
    resolver->search = search;
    resolver->done = done;
    resolver->baton = baton;
    pthread_mutex_init(&resolver->lock, NULL);
    apr_pool_cleanup_register(pool, resolver, destroy, apr_pool_cleanup_null);
    *created = resolver;
    return open_descriptors(resolver, error) && open_channel(resolver, error) &&
           (resolver->has_thread = thread_start(&resolver->thread, run, resolver, error));
}

bool resolver_ask(struct resolver *resolver, struct text name)
{
    struct lookup *lookup = NULL;

    if (name.length <= NAME_MAX_LENGTH)
        lookup = calloc(1, sizeof(*lookup));
    if (lookup == NULL)
        return false;
    lookup->resolver = resolver;
    lookup->length = name.length;
    memcpy(lookup->name, name.bytes, name.length);
    pthread_mutex_lock(&resolver->lock);
    if (resolver->count >= RESOLVER_LOOKUPS_MAX) {
        pthread_mutex_unlock(&resolver->lock);
        free(lookup);
        return false;
    }
    resolver->count++;
    lookup->next = resolver->asked;
    resolver->asked = lookup;
    pthread_mutex_unlock(&resolver->lock);
    wake(resolver);
    return true;
}
