/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program: as long as there is a file HOLD_FILE, and the same one,
 * whatever has to be safe on the disk waits before it is, and <HOLD_FILE>.reached says
 * so.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void hold(void)
{
    const char *path = getenv("HOLD_FILE");
    char reached[PATH_MAX];
    struct stat first, now;

    if (path == NULL || stat(path, &first) != 0)
        return;
    snprintf(reached, sizeof(reached), "%s.reached", path);
    close(open(reached, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    while (stat(path, &now) == 0 && now.st_ino == first.st_ino)
        usleep(10000);
}

int syncfs(int fd)
{
    hold();
    return (int)syscall(SYS_syncfs, fd);
}
