/* SPDX-License-Identifier: Apache-2.0 */
/* The bound on snapshots at once. */
#include "libreplica/operate/snapshot_slot.h"

#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

int snapshot_slot_count(const struct settings *server)
{
    int64_t configured = settings_number(server, SETTING_MAX_PARALLEL_SNAPSHOTS);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (configured > 0)
        return (int)configured;
    return processors > 0 ? (int)processors : 1;
}

bool snapshot_slot_take(struct lock **lock, const struct settings *server,
                        apr_pool_t *pool, struct error *error)
{
    const char *directory = settings_text(server, SETTING_SLOT_DIR);
    int count = snapshot_slot_count(server);

    if (!file_make_directory(directory, 0755, pool, error))
        return false;
    for (int i = 0; i < count; i++) {
        const char *path = apr_psprintf(pool, "%s/%d.lock", directory, i);

        if (lock_try(lock, path, pool, error))
            return true;
        if (error->code != ERROR_BUSY)
            return false;
    }
    return error_set(error, ERROR_BUSY,
                     "Hit limit of %d parallel snapshots (CVMFS_MAX_PARALLEL_SNAPSHOTS)",
                     count);
}
