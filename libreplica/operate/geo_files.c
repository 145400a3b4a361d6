/* SPDX-License-Identifier: Apache-2.0 */
/* The files that an update of the geo database keeps in the database's directory. */
#include "libreplica/operate/geo_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include <openssl/sha.h>

#include "libreplica/store/file.h"

#define SOURCE_SIZE_MAX 4096
#define DAY_SIZE_MAX    64
#define ATTEMPT_NAME    ".last_attempt_day"

const char *geo_files_directory(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    return slash == path ? "/" : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

static const char *name_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

static apr_status_t close_directory(void *baton)
{
    close((int)(intptr_t)baton);
    return APR_SUCCESS;
}

bool geo_files_lock(const char *directory, apr_pool_t *pool, struct error *error)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return error_set_errno(error, errno, "cannot open the directory %s", directory);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(fd);
        return error_set(error, ERROR_BUSY,
                         "another update of the geo database in %s is under way",
                         directory);
    }
    apr_pool_cleanup_register(pool, (void *)(intptr_t)fd, close_directory,
                              apr_pool_cleanup_null);
    return true;
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

void geo_files_clean_up(const char *path, apr_pool_t *pool)
{
    const char *prefix = apr_pstrcat(pool, ".", name_of(path), ".", NULL);
    const char *source = apr_pstrcat(pool, prefix, "source", NULL);
    DIR *directory = opendir(geo_files_directory(path, pool));
    const struct dirent *entry;

    if (directory == NULL)
        return;
    while ((entry = readdir(directory)) != NULL)
        if ((starts(entry->d_name, prefix) && strcmp(entry->d_name, source) != 0) ||
            starts(entry->d_name, ATTEMPT_NAME "."))
            unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
}

static const char *beside(const char *path, const char *kind, apr_pool_t *pool)
{
    return apr_pstrcat(pool, geo_files_directory(path, pool), "/.", name_of(path), ".",
                       kind, NULL);
}

static apr_status_t close_file(void *baton)
{
    close((int)(intptr_t)baton);
    return APR_SUCCESS;
}

bool geo_files_create(int *fd, const char **name, const char *path, const char *kind,
                      apr_pool_t *pool, struct error *error)
{
    *name = beside(path, kind, pool);
    unlink(*name);
    *fd = open(*name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*fd < 0)
        return error_set_errno(error, errno, "cannot create %s", *name);
    apr_pool_cleanup_register(pool, (void *)(intptr_t)*fd, close_file,
                              apr_pool_cleanup_null);
    return true;
}

/* Only root can, and only for root it matters. */
static void give_to_directory_owner(int fd, const char *path, apr_pool_t *pool)
{
    struct stat directory;

    if (geteuid() == 0 && stat(geo_files_directory(path, pool), &directory) == 0 &&
        fchown(fd, directory.st_uid, directory.st_gid) != 0)
        return;
}

static bool sync_directory(const char *path, apr_pool_t *pool, struct error *error)
{
    const char *directory = geo_files_directory(path, pool);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (!ok)
        error_set_errno(error, errno, "cannot sync the directory %s", directory);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool geo_files_install(const char *path, const char *temporary, int fd, apr_pool_t *pool,
                       struct error *error)
{
    give_to_directory_owner(fd, path, pool);
    if (fchmod(fd, 0644) != 0 || fsync(fd) != 0)
        return error_set_errno(error, errno, "cannot sync %s", temporary);
    if (rename(temporary, path) != 0)
        return error_set_errno(error, errno, "cannot replace %s", path);
    return sync_directory(path, pool, error);
}

/* URLs may hold secrets. */
static const char *hash_of(const char *url, apr_pool_t *pool)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char *digits = apr_palloc(pool, 2 * sizeof(hash) + 1);

    SHA256((const unsigned char *)url, strlen(url), hash);
    text_format_hex(digits, hash, sizeof(hash));
    return digits;
}

/* Lines "url <hash>", "file <inode> <size>": what the validators are good for. */
static const char *source_head(const char *path, const char *url, apr_pool_t *pool)
{
    struct stat status;

    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return NULL;
    return apr_psprintf(pool, "url %s\nfile %" APR_UINT64_T_FMT " %" APR_INT64_T_FMT "\n",
                        hash_of(url, pool), (apr_uint64_t)status.st_ino,
                        (apr_int64_t)status.st_size);
}

static void take_value(char value[FETCH_VALIDATOR_SIZE], struct text line,
                       const char *key)
{
    size_t length = strlen(key);

    if (text_starts(line, key) && line.length - length < FETCH_VALIDATOR_SIZE)
        apr_cpystrn(value, line.bytes + length, line.length - length + 1);
}

bool geo_files_read_source(struct fetch_answer *answer, const char *path, const char *url,
                           apr_pool_t *pool)
{
    const char *head = source_head(path, url, pool);
    struct text text, line;

    memset(answer, 0, sizeof(*answer));
    if (head == NULL ||
        !file_read(&text, beside(path, "source", pool), SOURCE_SIZE_MAX, pool, NULL) ||
        !text_starts(text, head))
        return false;
    text.bytes += strlen(head);
    text.length -= strlen(head);
    while (text_next_line(&text, &line)) {
        take_value(answer->etag, line, "etag ");
        take_value(answer->last_modified, line, "modified ");
    }
    return *answer->etag != '\0' || *answer->last_modified != '\0';
}

void geo_files_note_source(const struct fetch_answer *answer, const char *path,
                           const char *url, apr_pool_t *pool)
{
    const char *head = source_head(path, url, pool), *name = beside(path, "source", pool);

    if (head == NULL || (*answer->etag == '\0' && *answer->last_modified == '\0')) {
        unlink(name);
        return;
    }
    file_replace(name,
                 text_of(apr_pstrcat(pool, head, "etag ", answer->etag, "\nmodified ",
                                     answer->last_modified, "\n", NULL)),
                 0644, pool, NULL);
}

static const char *format_day(const struct tm *local, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%03d\n", local->tm_yday + 1);
}

bool geo_files_tried_today(const char *directory, const struct tm *local,
                           apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, directory, "/" ATTEMPT_NAME, NULL);
    struct text day;

    return file_read(&day, path, DAY_SIZE_MAX, pool, NULL) &&
           text_equals(day, format_day(local, pool));
}

void geo_files_note_try(const char *directory, const struct tm *local, apr_pool_t *pool)
{
    file_replace(apr_pstrcat(pool, directory, "/" ATTEMPT_NAME, NULL),
                 text_of(format_day(local, pool)), 0644, pool, NULL);
}
