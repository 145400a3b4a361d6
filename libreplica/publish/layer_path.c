/* SPDX-License-Identifier: Apache-2.0 */
/* Following links in an image that is being unpacked. */
#include "libreplica/publish/layer_path.h"

#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>

#define LINKS_MAX 40

/* The link at PATH; an empty text if there is none. */
static bool read_link(const char **target, struct changes *changes, const char *path,
                      apr_pool_t *pool, struct error *error)
{
    struct catalog_entry entry;
    bool found;

    *target = "";
    if (!changes_lookup(changes, &found, &entry, path, error))
        return false;
    if (found && S_ISLNK(entry.mode))
        *target = apr_pstrmemdup(pool, entry.symlink.bytes, entry.symlink.length);
    return true;
}

/* One level up, but not above the base. */
static const char *parent_of(const char *place, const char *base, apr_pool_t *pool)
{
    return strcmp(place, base) == 0
               ? place
               : apr_pstrmemdup(pool, place, (size_t)(strrchr(place, '/') - place));
}

bool layer_path_resolve(const char **resolved, struct changes *changes, const char *base,
                        const char *path, apr_pool_t *pool, struct error *error)
{
    const char *place = base, *rest = path + strlen(base), *target, *next;
    int links = 0;

    for (;;) {
        rest += strspn(rest, "/");
        next = strchr(rest, '/');
        if (next == NULL)
            break;
        target = apr_pstrmemdup(pool, rest, (size_t)(next - rest));
        rest = next;
        if (strcmp(target, ".") == 0)
            continue;
        if (strcmp(target, "..") == 0) {
            place = parent_of(place, base, pool);
            continue;
        }
        next = apr_pstrcat(pool, place, "/", target, NULL);
        if (!read_link(&target, changes, next, pool, error))
            return false;
        if (*target == '\0') {
            place = next;
            continue;
        }
        if (++links > LINKS_MAX)
            return error_set(error, ERROR_BAD_FORMAT,
                             "links in the image lead in a circle: %s",
                             text_for_people(text_of(path), 100, pool));
        if (*target == '/')
            place = base;
        rest = apr_pstrcat(pool, target, rest, NULL);
    }
    *resolved = *rest == '\0' ? place : apr_pstrcat(pool, place, "/", rest, NULL);
    return true;
}
