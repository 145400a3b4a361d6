/* SPDX-License-Identifier: Apache-2.0 */
/* Changing the owner of what a walk comes to. */
#include "libreplica/operate/tree_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool tree_owner_may_change(const struct stat *status, unsigned int to)
{
    if (S_ISDIR(status->st_mode))
        return true;
    if (S_ISLNK(status->st_mode))
        return status->st_nlink == 1 && !walk_trusts(status) && to != 0 &&
               to != geteuid();
    return status->st_nlink == 1 && S_ISREG(status->st_mode) &&
           (status->st_mode & (S_ISUID | S_ISGID)) == 0;
}

/* The file is held by a descriptor, so that what was looked at is what is changed. */
bool tree_owner_change(void *baton, const struct walk_entry *entry, struct error *error)
{
    const struct tree_owner_change *change = baton;
    struct stat status;
    bool ok = true;
    int fd;

    if (change->stop != NULL && *change->stop)
        return error_set(error, ERROR_CANCELLED, "stopped half-way");
    if (entry->is_mount || entry->status.st_uid == change->to ||
        (change->from != TREE_OWNER_ANYBODY && entry->status.st_uid != change->from))
        return true;
    fd = openat(entry->parent, entry->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ||
               error_set_errno(error, errno, "cannot open %s", entry->path);
    if (fstat(fd, &status) == 0 && tree_owner_may_change(&status, change->to) &&
        (change->from == TREE_OWNER_ANYBODY || status.st_uid == change->from) &&
        fchownat(fd, "", (uid_t)change->to, (gid_t)-1, AT_EMPTY_PATH) != 0)
        ok = error_set_errno(error, errno, "cannot change the owner of %s", entry->path);
    close(fd);
    return ok;
}
