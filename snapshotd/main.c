/* SPDX-License-Identifier: Apache-2.0 */
/* snapshotd: keeps the configured replicas at their origins' revisions. */
#include "config.h"

#include <getopt.h>
#include <locale.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_allocator.h>
#include <apr_general.h>
#include <systemd/sd-daemon.h>

#include "libreplica/base/date.h"
#include "libreplica/base/log.h"
#include "libreplica/format/hash.h"
#include "snapshotd/daemon.h"
#include "snapshotd/events_server.h"

#define IDLE_MEMORY_BYTES (4 * 1024 * 1024)

/* systemd's journal adds the date and takes the level as a prefix. */
static void log_to_stderr(void *baton, enum log_level level, const char *line)
{
    static const char *const prefixes[] = {SD_ERR, SD_WARNING, SD_INFO, SD_DEBUG};
    const bool *in_journal = baton;
    char date[DATE_UTC_SIZE];

    if (*in_journal) {
        fprintf(stderr, "%s%s\n", prefixes[level], line);
        return;
    }
    date_format_iso(date, apr_time_now());
    fprintf(stderr, "%s %s %s\n", date, log_level_name(level), line);
}

static const char *user_name(void)
{
    const struct passwd *user = getpwuid(geteuid());

    return user != NULL ? user->pw_name : "unknown";
}

static int usage(FILE *stream)
{
    fprintf(stream,
            "Usage: snapshotd [--config DIR] [--debug] [--events] [--version]\n\n"
            "Snapshots the replicas below DIR/repositories.d (default /etc/cvmfs) that "
            "belong\n"
            "to the user it runs as. Stays in the foreground; HUP reloads, TERM stops.\n"
            "With --events it only serves the event stream, from the event log.\n");
    return stream == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"debug", no_argument, NULL, 'd'},
        {"events", no_argument, NULL, 'e'},       {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {0}};
    bool in_journal = getenv("JOURNAL_STREAM") != NULL;
    const char *environment = getenv("REPLICA_CONFDIR");
    struct daemon daemon = {.confdir = environment != NULL ? environment : "/etc/cvmfs"};
    enum log_level level = LOG_LEVEL_INFO;
    bool serves_events = false;
    struct error error;
    apr_pool_t *pool;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            daemon.confdir = optarg;
            break;
        case 'd':
            level = LOG_LEVEL_DEBUG;
            break;
        case 'e':
            serves_events = true;
            break;
        case 'h':
            return usage(stdout);
        case 'v':
            printf("replica %s\n", PACKAGE_VERSION);
            return 0;
        default:
            return usage(stderr);
        }
    }
    if (optind != argc)
        return usage(stderr);
    setlocale(LC_ALL, "C");
    /* What is stored is for httpd to read, however private the habits of the caller. */
    umask(umask(022) & 022);
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    /* One run that needed much must not cost that much memory for ever. */
    apr_allocator_max_free_set(apr_pool_allocator_get(pool), IDLE_MEMORY_BYTES);
    log_set_sink(log_to_stderr, &in_journal, level);
    if (serves_events)
        return events_run(daemon.confdir, pool);
    daemon.user = user_name();
    if (!hash_check_available(&error) || !daemon_init(&daemon, pool, &error)) {
        log_write(LOG_LEVEL_ERROR, "not started: %s", error.message);
        return 1;
    }
    return daemon_run(&daemon);
}
