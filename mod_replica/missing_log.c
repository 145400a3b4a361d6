/* SPDX-License-Identifier: Apache-2.0 */
/* Telling snapshotd of objects that clients ask for in vain. */
#include "mod_replica/missing_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "libreplica/base/siphash.h"
#include "libreplica/format/missing_report.h"

/* How long an object that was told of is not told of again, by this process. */
#define QUIET_SECONDS 60
/* After the file was found full, or not to be written: how long nobody tries again. */
#define REST_SECONDS 5
#define RECENT       1024

struct missing_log {
    const char *path;
    struct siphash_key key;
    int64_t rests_until; /* seconds; read and written atomically, as are those below */
    uint64_t recent[RECENT]; /* what was told of, mixed with when */
};

struct missing_log *missing_log_create(const struct settings *settings, apr_pool_t *pool)
{
    struct missing_log *log = apr_pcalloc(pool, sizeof(*log));

    log->path = apr_pstrcat(pool, settings_text(settings, SETTING_SERVER_SPOOL_DIR),
                            "/" MISSING_REPORT_FOLDER "/" MISSING_REPORT_FILE, NULL);
    apr_generate_random_bytes((unsigned char *)&log->key, sizeof(log->key));
    return log;
}

/* Two that fall on one place push each other out: then one is told of twice. */
static bool is_recent(struct missing_log *log, struct text line, int64_t now_seconds)
{
    struct siphash hash = siphash_of(&log->key, line);
    uint64_t *place = &log->recent[hash.words[0] % RECENT];
    uint64_t mark = hash.words[1] ^ (uint64_t)(now_seconds / QUIET_SECONDS);

    return __atomic_exchange_n(place, mark, __ATOMIC_RELAXED) == mark;
}

/* One write of less than a page to a file opened for appending: lines of many processes
 * do not mix. What lies there may be anything: a fifo is not waited for, a link not
 * followed, a second name of another file not written to. */
static bool append(const char *path, const char *line, size_t length)
{
    int fd = open(
        path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    struct stat status;
    bool ok;

    if (fd < 0)
        return false;
    ok = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1 &&
         status.st_size + (off_t)length <= MISSING_REPORT_FILE_SIZE &&
         write(fd, line, length) == (ssize_t)length;
    close(fd);
    return ok;
}

void missing_log_add(struct missing_log *log, struct text repository,
                     const struct object *object, apr_time_t now)
{
    char line[MISSING_REPORT_SIZE];
    size_t length = missing_report_format(line, repository, object);
    int64_t seconds = apr_time_sec(now);

    if (length == 0 || seconds < __atomic_load_n(&log->rests_until, __ATOMIC_RELAXED) ||
        is_recent(log, (struct text){line, length}, seconds))
        return;
    if (!append(log->path, line, length))
        __atomic_store_n(&log->rests_until, seconds + REST_SECONDS, __ATOMIC_RELAXED);
}
