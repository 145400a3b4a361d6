/* SPDX-License-Identifier: Apache-2.0 */
/* What httpd says is missing: taken from its folder and read as if a stranger had written
 * it. */
#include "snapshotd/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/missing_report.h"

/* Everybody may put something in, only its owner, we, may take something out. Which user
 * httpd runs as need not be known for that. */
#define FOLDER_MODE 01733

static const char *spool_path(const struct daemon *daemon, const char *name,
                              apr_pool_t *pool)
{
    return apr_pstrcat(pool, settings_text(daemon->server, SETTING_SERVER_SPOOL_DIR), "/",
                       name, NULL);
}

/* One that is there, with whatever mode, is an administrator's. */
void daemon_make_missing_folder(struct daemon *daemon)
{
    const char *path = spool_path(daemon, MISSING_REPORT_FOLDER, daemon->scan_pool);

    if (mkdir(path, 0700) == 0)
        chmod(path, FOLDER_MODE);
}

/* At most MISSING_REPORT_FILE_SIZE bytes of a regular file, nothing of anything else. */
static struct text read_some(const char *path, apr_pool_t *pool)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char *bytes = apr_palloc(pool, MISSING_REPORT_FILE_SIZE);
    struct text content = {bytes, 0};
    struct stat status;
    ssize_t count = 1;

    if (fd < 0)
        return content;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        count = 0;
    while (count > 0 && content.length < MISSING_REPORT_FILE_SIZE) {
        count =
            read(fd, bytes + content.length, MISSING_REPORT_FILE_SIZE - content.length);
        content.length += count > 0 ? (size_t)count : 0;
    }
    close(fd);
    return content;
}

/* Never what is below a folder: that may be anything, and without end. */
static bool remove_one(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT || rmdir(path) == 0;
}

/* A folder in the place of the file; *gone: it was an empty one. */
static bool is_folder(bool *gone, const char *path)
{
    struct stat status;

    if (lstat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return false;
    *gone = rmdir(path) == 0;
    return true;
}

/* Out of the reach of who writes it before it is read. */
static struct text take(struct daemon *daemon, apr_pool_t *pool)
{
    const char *from =
        spool_path(daemon, MISSING_REPORT_FOLDER "/" MISSING_REPORT_FILE, pool);
    const char *to = spool_path(daemon, "missing-reports", pool);
    struct text content = {"", 0};
    bool gone;

    if (is_folder(&gone, from)) {
        if (!gone)
            daemon_report_once(
                daemon, LOG_LEVEL_WARNING,
                apr_psprintf(pool,
                             "%s is a folder: remove it, else nobody hears what "
                             "clients miss",
                             from));
        return content;
    }
    remove_one(to);
    if (rename(from, to) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            daemon_report_once(
                daemon, LOG_LEVEL_WARNING,
                apr_psprintf(pool, "cannot take %s: %s", from, strerror(errno)));
        return content;
    }
    content = read_some(to, pool);
    remove_one(to);
    return content;
}

static struct scrub_entry *entry_named(const struct daemon *daemon, struct text name)
{
    for (int i = 0; i < daemon->scrubs->nelts; i++) {
        struct scrub_entry *entry =
            APR_ARRAY_IDX(daemon->scrubs, i, struct scrub_entry *);

        if (entry->is_served && text_equals(name, entry->local_name))
            return entry;
    }
    return NULL;
}

void daemon_take_missing(struct daemon *daemon)
{
    struct text rest, line, name;
    struct object object;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    rest = take(daemon, pool);
    while (text_next_line(&rest, &line)) {
        struct scrub_entry *entry;

        if (missing_report_parse(&name, &object, line) &&
            (entry = entry_named(daemon, name)) != NULL)
            scrub_entry_report(entry, &object);
    }
    apr_pool_destroy(pool);
}
