/* SPDX-License-Identifier: Apache-2.0 */
/* Listing a directory: names in order, types, and hard links among them. */
#include "libreplica/publish/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_hash.h>
#include <apr_strings.h>

#define MARKER_NAME ".cvmfscatalog"

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

static bool read_names(apr_array_header_t *entries, DIR *stream, apr_pool_t *pool)
{
    const struct dirent *entry;

    errno = 0;
    while ((entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        *(struct listed *)apr_array_push(entries) =
            (struct listed){.name = apr_pstrdup(pool, entry->d_name), .links = 1};
        errno = 0;
    }
    return errno == 0;
}

static bool list_names(apr_array_header_t *entries, int fd, apr_pool_t *pool)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = own >= 0 ? fdopendir(own) : NULL;
    bool ok;

    if (stream == NULL)
        return false;
    ok = read_names(entries, stream, pool);
    closedir(stream);
    return ok;
}

/* Files that have other names: count those within this directory. */
static void count_links(struct listing *listing, apr_pool_t *pool)
{
    struct listed *all = (struct listed *)listing->entries->elts;
    apr_hash_t *by_inode = apr_hash_make(pool);

    for (int i = 0; i < listing->entries->nelts; i++) {
        struct stat *status = &all[i].status;
        struct listed *first;

        all[i].first = &all[i];
        if (!S_ISREG(status->st_mode) || status->st_nlink < 2)
            continue;
        first = apr_hash_get(by_inode, &status->st_ino, sizeof(status->st_ino));
        if (first == NULL) {
            apr_hash_set(by_inode, &status->st_ino, sizeof(status->st_ino), &all[i]);
        } else if (first->status.st_dev == status->st_dev) {
            all[i].first = first;
            first->links++;
        }
    }
}

bool listing_read(struct listing *listing, int fd, const char *path, apr_pool_t *pool,
                  struct error *error)
{
    struct listed *all;

    *listing = (struct listing){apr_array_make(pool, 32, sizeof(struct listed))};
    if (!list_names(listing->entries, fd, pool))
        return error_set_errno(error, errno, "cannot list %s/", path);
    all = (struct listed *)listing->entries->elts;
    if (listing->entries->nelts > 1)
        qsort(all, (size_t)listing->entries->nelts, sizeof(*all), compare_names);
    for (int i = 0; i < listing->entries->nelts; i++) {
        if (fstatat(fd, all[i].name, &all[i].status, AT_SYMLINK_NOFOLLOW) != 0)
            return error_set_errno(error, errno, "cannot look at %s/%s", path,
                                   all[i].name);
        listing->directories += S_ISDIR(all[i].status.st_mode);
        if (S_ISREG(all[i].status.st_mode) && strcmp(all[i].name, MARKER_NAME) == 0)
            listing->has_marker = true;
    }
    count_links(listing, pool);
    return true;
}

bool listing_has(const struct listing *listing, const char *name)
{
    struct listed sought = {.name = name};

    return listing->entries->nelts > 0 &&
           bsearch(&sought, listing->entries->elts, (size_t)listing->entries->nelts,
                   sizeof(sought), compare_names) != NULL;
}
