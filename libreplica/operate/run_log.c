/* SPDX-License-Identifier: Apache-2.0 */
/* The log files that administrators read. */
#include "libreplica/operate/run_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "libreplica/base/date.h"

struct run_log {
    apr_pool_t *pool;
    const char *local_name;
    apr_array_header_t *lines; /* of const char * */
};

static void add(struct run_log *log, const char *line)
{
    APR_ARRAY_PUSH(log->lines, const char *) = line;
}

static void add_dated(struct run_log *log, const char *word)
{
    char date[DATE_UTC_SIZE];

    date_format_utc(date, apr_time_now());
    add(log, apr_pstrcat(log->pool, word, " ", log->local_name, " at ", date, NULL));
}

struct run_log *run_log_begin(const char *local_name, apr_pool_t *pool)
{
    struct run_log *log = apr_palloc(pool, sizeof(*log));

    log->pool = pool;
    log->local_name = local_name;
    log->lines = apr_array_make(pool, 16, sizeof(const char *));
    add(log, "");
    add_dated(log, "Starting");
    return log;
}

void run_log_say(void *baton, const char *line)
{
    struct run_log *log = baton;

    add(log, apr_pstrdup(log->pool, line));
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
    add(log, "");
    text = apr_array_pstrcat(log->pool, log->lines, '\n');
    length = strlen(text);
    written = write(fd, text, length);
    if (written != (ssize_t)length)
        return error_set_errno(error, written < 0 ? errno : ENOSPC,
                               "cannot write the log of %s", log->local_name);
    return true;
}
