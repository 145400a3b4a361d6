/* SPDX-License-Identifier: Apache-2.0 */
/* The log files that administrators read. */
#include "libreplica/operate/run_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "libreplica/base/date.h"

struct run_log {
    apr_pool_t *pool;
    const char *local_name;
    apr_array_header_t *lines; /* of const char *; NULL if streamed */
    int fd;                    /* if streamed */
    int problem;               /* an errno; 0: all was written */
};

static void add(struct run_log *log, const char *line)
{
    if (log->lines != NULL)
        APR_ARRAY_PUSH(log->lines, const char *) = line;
    else if (dprintf(log->fd, "%s\n", line) < 0)
        log->problem = errno;
}

static void add_dated(struct run_log *log, const char *word)
{
    char date[DATE_UTC_SIZE];

    date_format_utc(date, apr_time_now());
    add(log, apr_pstrcat(log->pool, word, " ", log->local_name, " at ", date, NULL));
}

static struct run_log *begin(const char *local_name, apr_array_header_t *lines, int fd,
                             apr_pool_t *pool)
{
    struct run_log *log = apr_pcalloc(pool, sizeof(*log));

    log->pool = pool;
    log->local_name = local_name;
    log->lines = lines;
    log->fd = fd;
    add(log, "");
    add_dated(log, "Starting");
    return log;
}

struct run_log *run_log_begin(const char *local_name, apr_pool_t *pool)
{
    return begin(local_name, apr_array_make(pool, 16, sizeof(const char *)), -1, pool);
}

struct run_log *run_log_stream(const char *local_name, int fd, apr_pool_t *pool)
{
    return begin(local_name, NULL, fd, pool);
}

void run_log_say(void *baton, const char *line)
{
    struct run_log *log = baton;

    add(log, log->lines != NULL ? apr_pstrdup(log->pool, line) : line);
}

void run_log_error(struct run_log *log, const char *verb, const struct error *error)
{
    add(log, apr_pstrdup(log->pool, error->message));
    add(log, apr_pstrcat(log->pool, "ERROR from cvmfs_server ", verb, "!", NULL));
}

int run_log_open(const char *path, struct error *error)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        error_set_errno(error, errno, "cannot write to the log %s", path);
    return fd;
}

bool run_log_end(struct run_log *log, int fd, struct error *error)
{
    const char *text;
    ssize_t written;
    size_t length;

    add_dated(log, "Finished");
    if (log->lines == NULL)
        return log->problem == 0 ||
               error_set_errno(error, log->problem, "cannot write the log of %s",
                               log->local_name);
    add(log, "");
    text = apr_array_pstrcat(log->pool, log->lines, '\n');
    length = strlen(text);
    written = write(fd, text, length);
    if (written != (ssize_t)length)
        return error_set_errno(error, written < 0 ? errno : ENOSPC,
                               "cannot write the log of %s", log->local_name);
    return true;
}
