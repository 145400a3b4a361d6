/* SPDX-License-Identifier: Apache-2.0 */
/* One object of a scrub: read at the caller's pace and compared with its name. */
#include "libreplica/operate/scrub_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "libreplica/format/hash.h"

#define READ_SIZE (128 * 1024)

/* Whether the page cache has the file's beginning. */
static bool is_cached(int fd)
{
    char byte;
    struct iovec place = {&byte, 1};

    return preadv2(fd, &place, 1, 0, RWF_NOWAIT) == 1;
}

static void pause_for(const struct scrub *scrub, int64_t bytes)
{
    if (scrub->options->pause != NULL && bytes > 0)
        scrub->options->pause(scrub->options->baton, bytes);
}

/* A sector that cannot be read is a broken object. */
static bool hash_file(bool *readable, struct hash *hash, struct scrub *scrub, int fd,
                      const struct object *object, struct error *error)
{
    unsigned char buffer[READ_SIZE];
    struct hasher *hasher;
    int64_t bytes = 0;
    apr_pool_t *pool;
    ssize_t count;
    bool stopped = false;

    apr_pool_create(&pool, scrub->pool);
    hasher = hasher_create(pool);
    hasher_start(hasher, object->hash.algorithm);
    while (!stopped && (count = read(fd, buffer, sizeof(buffer))) != 0) {
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            break;
        hasher_update(hasher, buffer, (size_t)count);
        bytes += count;
        pause_for(scrub, count);
        stopped = scrub_stopped(scrub, error);
    }
    hasher_finish(hasher, hash);
    apr_pool_destroy(pool);
    if (stopped)
        return false;
    pause_for(scrub, SCRUB_OBJECT_BYTES - bytes);
    scrub->state.total.bytes += bytes;
    *readable = count == 0;
    return true;
}

/* What nobody else had read does not stay in memory: it would push out what is served. */
static bool read_once(bool *intact, struct scrub *scrub, int fd,
                      const struct object *object, struct error *error)
{
    bool was_cached = is_cached(fd), readable;
    struct hash hash;

    if (!hash_file(&readable, &hash, scrub, fd, object, error))
        return false;
    *intact = readable && hash_equals(&hash, &object->hash);
    if (!was_cached || !*intact)
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return true;
}

bool scrub_read_object(bool *intact, bool *gone, struct scrub *scrub,
                       const struct object *object, struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    bool ok;
    int fd;

    *gone = !store_open_object(&fd, scrub->store, object, error);
    if (*gone)
        return error->code == ERROR_NOT_FOUND;
    ok = read_once(intact, scrub, fd, object, error);
    /* Once more from the disk: memory errs as well. */
    if (ok && !*intact && lseek(fd, 0, SEEK_SET) == 0) {
        ok = read_once(intact, scrub, fd, object, error);
        if (ok && *intact)
            scrub_say(scrub, "doubtful: object %s was read wrongly once, then rightly",
                      object_name(name, object));
    }
    close(fd);
    return ok;
}

bool scrub_object(struct scrub *scrub, const struct object *object, struct error *error)
{
    struct store_status status;
    bool intact, gone, found;

    if (!scrub_read_object(&intact, &gone, scrub, object, error))
        return false;
    if (gone)
        return true;
    scrub->state.total.objects++;
    if (intact)
        return true;
    /* Collected, or replaced by somebody's repair, while it was read. */
    if (!store_stat(scrub->store, object, &status, &found, error))
        return false;
    if (!found)
        return true;
    if (!scrub_read_object(&intact, &gone, scrub, object, error))
        return false;
    return gone || intact || scrub_find(scrub, object, false, error);
}
