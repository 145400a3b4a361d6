/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for news by inotify: writers need not know of their readers. */
#include "libreplica/events/event_watch.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

#define FOLDER_MODE 0775
#define BUFFER_SIZE 4096

static apr_status_t close_watch(void *fd)
{
    close((int)(intptr_t)fd);
    return APR_SUCCESS;
}

/* The folder, not the file: that may come later, or be made anew. */
bool event_watch_open(int *fd, const char *path, apr_pool_t *pool, struct error *error)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash == NULL || slash == path
                             ? "/"
                             : apr_pstrmemdup(pool, path, (size_t)(slash - path));

    if (!file_make_directory(folder, FOLDER_MODE, pool, error))
        return false;
    *fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (*fd < 0)
        return error_set_errno(error, errno, "cannot watch %s", folder);
    apr_pool_cleanup_register(pool, (void *)(intptr_t)*fd, close_watch,
                              apr_pool_cleanup_null);
    return inotify_add_watch(*fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO) >= 0 ||
           error_set_errno(error, errno, "cannot watch %s", folder);
}

static bool is_about(const char *bytes, size_t length, const char *name)
{
    bool found = false;

    for (size_t at = 0; at < length;) {
        const struct inotify_event *event = (const void *)(bytes + at);

        found = found || (event->mask & IN_Q_OVERFLOW) != 0 ||
                (event->len > 0 && strcmp(event->name, name) == 0);
        at += sizeof(*event) + event->len;
    }
    return found;
}

bool event_watch_take(int fd, const char *path)
{
    const char *slash = strrchr(path, '/');
    _Alignas(struct inotify_event) char buffer[BUFFER_SIZE];
    bool found = false;
    ssize_t count;

    while ((count = read(fd, buffer, sizeof(buffer))) > 0)
        found =
            is_about(buffer, (size_t)count, slash != NULL ? slash + 1 : path) || found;
    return found;
}
