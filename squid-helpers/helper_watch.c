/* SPDX-License-Identifier: Apache-2.0 */
/* Watches a helper's worker. */
#include "squid-helpers/helper_watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libreplica/base/clock.h"

#define TICK_MILLISECONDS      100
#define IDLE_TICK_MILLISECONDS 250
#define HANG_LOOKS             8
#define HANG_LIMIT             APR_USEC_PER_SEC
/* Reading rules takes a while on a busy machine. */
#define START_LIMIT     (10 * APR_USEC_PER_SEC)
#define START_DELAY     (50 * 1000)
#define START_DELAY_MAX (10 * APR_USEC_PER_SEC)
/* Shorter than that, queries wait in the pipe for the next worker. */
#define STAND_IN_MINIMUM (500 * 1000)

struct watch {
    struct helper *helper;
    pid_t worker;
    apr_time_t started;
    uint64_t answered_before; /* when it was started */
    int failures;             /* workers in a row that were of no use */
    sigset_t while_waiting;
};

/* What a worker that gets on changes. */
struct progress {
    uint64_t answered, written;
    uint32_t end;
    apr_time_t since; /* when there was first work without progress; 0: there is none */
    int looks;        /* since then: few, if the whole machine stood still */
};

static void on_child(int number)
{
    (void)number;
}

static void be_worker(struct watch *watch, pid_t parent)
{
    sigprocmask(SIG_SETMASK, &watch->while_waiting, NULL);
    signal(SIGCHLD, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    helper_work(watch->helper);
    watch->helper->memory->has_ended = true;
    _exit(0);
}

static bool start_worker(struct watch *watch)
{
    pid_t parent = getpid();
    struct helper_memory *memory = watch->helper->memory;

    memory->is_ready = false;
    /* How much the last one wrote is settled. */
    memory->complained = 0;
    memory->exchange.places[memory->exchange.current].written = 0;
    watch->answered_before = helper_exchange_place(&memory->exchange)->answered;
    watch->started = clock_now();
    watch->worker = fork();
    if (watch->worker == 0)
        be_worker(watch, parent);
    return watch->worker > 0;
}

static bool is_ready(int descriptor, short events)
{
    struct pollfd entry = {.fd = descriptor, .events = events};

    return poll(&entry, 1, 0) > 0;
}

/* Whether the worker has something to do and could do it. */
static bool has_work(const struct helper_exchange *exchange)
{
    if (helper_exchange_output(exchange).length > 0)
        return is_ready(STDOUT_FILENO, POLLOUT);
    return helper_exchange_has_line(exchange) || helper_exchange_has_unnoted(exchange) ||
           is_ready(STDIN_FILENO, POLLIN);
}

/* Look at the worker. Returns whether there is work; *stands_still: for too long. */
static bool look(struct watch *watch, struct progress *last, bool *stands_still)
{
    const struct helper_memory *memory = watch->helper->memory;
    const struct helper_place *place = helper_exchange_place(&memory->exchange);
    apr_time_t now = clock_now();
    struct progress progress = {place->answered, place->written, place->end, 0, 0};

    if (!has_work(&memory->exchange)) {
        *last = progress;
        return false;
    }
    if (last->since != 0 && last->answered == progress.answered &&
        last->written == progress.written && last->end == progress.end)
        progress = (struct progress){place->answered, place->written, place->end,
                                     last->since, last->looks + 1};
    else
        progress.since = now;
    *last = progress;
    *stands_still = progress.looks >= HANG_LOOKS &&
                    now - progress.since >= (memory->is_ready ? HANG_LIMIT : START_LIMIT);
    return true;
}

/* Whether the worker is a corpse, which is left for whoever asks what it did. */
static bool is_dead(const struct watch *watch)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)watch->worker, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid != 0;
}

/* Until the worker is dead. With nothing to do, look less often: input that the worker
 * takes at once and then stands still over wakes nobody else. */
static void watch_worker(struct watch *watch)
{
    static const struct timespec tick = {.tv_nsec = TICK_MILLISECONDS * 1000000};
    static const struct timespec idle_tick = {.tv_nsec =
                                                  IDLE_TICK_MILLISECONDS * 1000000};
    struct progress progress = {0};
    bool is_busy = true;

    while (!is_dead(watch)) {
        bool stands_still = false;

        ppoll(NULL, 0, is_busy ? &tick : &idle_tick, &watch->while_waiting);
        is_busy = look(watch, &progress, &stands_still);
        if (stands_still) {
            helper_complain(watch->helper, "the worker, process %d, stands still: killed",
                            (int)watch->worker);
            kill(watch->worker, SIGKILL);
            waitid(P_PID, (id_t)watch->worker, &(siginfo_t){0}, WEXITED | WNOWAIT);
        }
    }
}

/* What the dead worker wrote in all, by the kernel's account; false: not known. */
static bool bytes_written(uint64_t *bytes, pid_t worker)
{
    char path[64], line[128];
    bool found = false;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/io", (int)worker);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        int64_t number;
        struct text rest = {line + strlen("wchar: "), strcspn(line, "\n")};

        found = strncmp(line, "wchar: ", strlen("wchar: ")) == 0;
        rest.length -= found ? strlen("wchar: ") : 0;
        found = found && text_parse_number(&number, rest);
        if (found)
            *bytes = (uint64_t)number;
    }
    fclose(file);
    return found;
}

/* How much of the output went out in a write that the worker did not live to note. */
static size_t unnoted_bytes(const struct watch *watch)
{
    const struct helper_memory *memory = watch->helper->memory;
    const struct helper_place *place = helper_exchange_place(&memory->exchange);
    uint64_t noted = place->written + memory->complained, bytes = 0;
    size_t length = helper_exchange_output(&memory->exchange).length;

    if (length == 0 || !bytes_written(&bytes, watch->worker) || bytes <= noted)
        return 0;
    /* More than there was: it wrote to somewhere else, too. */
    return bytes - noted <= length ? (size_t)(bytes - noted) : 0;
}

static void answer_broken(void *baton, const struct helper_request *request,
                          struct helper_reply *reply)
{
    (void)baton;
    helper_reply_broken(reply, request, "the helper's worker has failed");
}

/* Take over what the dead worker left: answer what it had read. */
static bool take_over(struct watch *watch)
{
    struct helper *helper = watch->helper;
    size_t unnoted = unnoted_bytes(watch);
    int status = 0;

    waitpid(watch->worker, &status, 0);
    if (helper->memory->has_ended)
        return true;
    if (WIFSIGNALED(status))
        helper_complain(helper, "the worker was ended by signal %d", WTERMSIG(status));
    else
        helper_complain(helper, "the worker ended with code %d", WEXITSTATUS(status));
    if (!helper_exchange_recover(&helper->memory->exchange, unnoted)) {
        helper_complain(helper, "its memory is damaged: Squid has to start another one");
        return false;
    }
    return helper_loop(helper, answer_broken, NULL, clock_now()) == HELPER_AT_DEADLINE ||
           (helper->memory->has_ended = true);
}

/* A worker that was of use is replaced at once, others after a while that grows. */
static apr_interval_time_t restart_delay(struct watch *watch)
{
    const struct helper_place *place =
        helper_exchange_place(&watch->helper->memory->exchange);
    apr_interval_time_t delay = START_DELAY;

    if (place->answered > watch->answered_before &&
        clock_now() - watch->started >= APR_USEC_PER_SEC)
        watch->failures = 0;
    if (watch->failures++ == 0)
        return 0;
    for (int i = 2; i < watch->failures && delay < START_DELAY_MAX; i++)
        delay *= 2;
    return delay < START_DELAY_MAX ? delay : START_DELAY_MAX;
}

static void wait_for_restart(struct watch *watch, apr_interval_time_t delay)
{
    struct helper *helper = watch->helper;

    if (delay == 0)
        return;
    if (delay < STAND_IN_MINIMUM)
        usleep((useconds_t)delay);
    else if (helper_loop(helper, answer_broken, NULL, clock_now() + delay) ==
             HELPER_AT_END)
        helper->memory->has_ended = true;
}

static struct helper_memory *share_memory(void)
{
    void *memory = mmap(NULL, sizeof(struct helper_memory), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory != MAP_FAILED ? memory : NULL;
}

static bool prepare(struct watch *watch)
{
    struct sigaction action = {.sa_handler = on_child};
    sigset_t blocked;

    watch->helper->memory = share_memory();
    if (watch->helper->memory == NULL)
        return false;
    helper_exchange_start(&watch->helper->memory->exchange, watch->helper->has_channels);
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGCHLD, &action, NULL);
    /* It wakes ppoll, and nothing else. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    return sigprocmask(SIG_BLOCK, &blocked, &watch->while_waiting) == 0;
}

int helper_run(struct helper *helper)
{
    struct watch watch = {.helper = helper};

    if (!prepare(&watch)) {
        fprintf(stderr, "%s: no memory to share: %s\n", helper->name, strerror(errno));
        return 1;
    }
    while (!helper->memory->has_ended) {
        if (start_worker(&watch)) {
            watch_worker(&watch);
            if (!take_over(&watch))
                return 1;
        } else {
            helper_complain(helper, "no worker: %s", strerror(errno));
        }
        if (!helper->memory->has_ended)
            wait_for_restart(&watch, restart_delay(&watch));
    }
    return 0;
}
