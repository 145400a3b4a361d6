/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program: as long as there is a file HOLD_FILE, whatever has to be safe
 * on the disk waits before it is, and <HOLD_FILE>.reached says so. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void hold(void)
{
    const char *path = getenv("HOLD_FILE");
    char reached[PATH_MAX];

    if (path == NULL || access(path, F_OK) != 0)
        return;
    snprintf(reached, sizeof(reached), "%s.reached", path);
    close(open(reached, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    while (access(path, F_OK) == 0)
        usleep(10000);
}

int syncfs(int fd)
{
    hold();
    return (int)syscall(SYS_syncfs, fd);
}
