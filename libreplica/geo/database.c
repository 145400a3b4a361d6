/* SPDX-License-Identifier: Apache-2.0 */
/* Where an address is: one or several MMDB files, opened and checked. */
#include "libreplica/geo/database.h"

#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include "libreplica/geo/metadata.h"
#include "libreplica/geo/record.h"

/* The fullest records in use have a few hundred values. */
#define RECORD_STEPS_MAX 16384
/* Some seconds of looking for coordinates. */
#define CHECK_STEPS_MAX ((int64_t)1 << 30)
/* The library counts bytes in 32 bits. */
#define FILE_SIZE_MAX INT64_C(0xffffffff)
/* The end of the year 9999: later ones have no date in any format. */
#define EPOCH_MAX INT64_C(253402300799)

struct database_file {
    MMDB_s mmdb;
    struct record_section data;
};

struct geo_database {
    struct database_file *files;
    int count;
    const apr_array_header_t *paths;
    uint64_t version;
    int64_t build_epoch;
};

/* One step of FNV-1a over the bytes of NUMBER. */
static uint64_t mix(uint64_t hash, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        hash = (hash ^ (number >> 8 * i & 0xff)) * UINT64_C(0x100000001b3);
    return hash;
}

static const uint64_t no_files = UINT64_C(0xcbf29ce484222325);

static uint64_t mix_status(uint64_t hash, const struct stat *status)
{
    hash = mix(hash, status->st_dev);
    hash = mix(hash, status->st_ino);
    hash = mix(hash, (uint64_t)status->st_size);
    hash = mix(hash, (uint64_t)status->st_mtim.tv_sec);
    return mix(hash, (uint64_t)status->st_mtim.tv_nsec);
}

static uint64_t version_of(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

uint64_t geo_database_look(const apr_array_header_t *paths)
{
    uint64_t hash = no_files;
    struct stat status;

    for (int i = 0; i < paths->nelts; i++)
        if (stat(APR_ARRAY_IDX(paths, i, const char *), &status) == 0)
            hash = mix_status(hash, &status);
        else
            hash = mix(hash, (uint64_t)errno);
    return version_of(hash);
}

static apr_status_t close_file(void *baton)
{
    MMDB_close(baton);
    return APR_SUCCESS;
}

static bool check_end(int descriptor, int64_t size, apr_pool_t *pool, struct error *error)
{
    size_t length = (size_t)(size < METADATA_SIZE_MAX ? size : METADATA_SIZE_MAX);
    unsigned char *tail = apr_palloc(pool, length + 1);
    ssize_t got = pread(descriptor, tail, length, size - (int64_t)length);

    if (got < 0)
        return error_set_errno(error, errno, "cannot read");
    if ((size_t)got != length)
        return error_set(error, ERROR_IO, "the file shrank while it was read");
    return metadata_check(tail, length, size, error);
}

/* Through the descriptor that was checked, so that nobody puts another file there. */
static bool map_file(struct database_file *file, int descriptor, apr_pool_t *pool,
                     struct error *error)
{
    const char *path = apr_psprintf(pool, "/proc/self/fd/%d", descriptor);
    int status = MMDB_open(path, MMDB_MODE_MMAP, &file->mmdb);
    int number = errno;

    if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR)
        return error_set_errno(error, number, "cannot map it by way of %s", path);
    if (status == MMDB_OUT_OF_MEMORY_ERROR)
        return error_set(error, ERROR_IO, "%s", MMDB_strerror(status));
    if (status != MMDB_SUCCESS)
        return error_set(error, ERROR_BAD_FORMAT, "%s", MMDB_strerror(status));
    apr_pool_cleanup_register(pool, &file->mmdb, close_file, apr_pool_cleanup_null);
    file->data =
        (struct record_section){file->mmdb.data_section, file->mmdb.data_section_size};
    return true;
}

/* Whether a record of a node holds coordinates. Steps that the search took are taken off
 * *LEFT. */
static bool is_place(const struct database_file *file, int type,
                     const MMDB_entry_s *entry, int64_t *left)
{
    int steps = RECORD_STEPS_MAX;
    struct geo_point point;
    bool is_known = type == MMDB_RECORD_TYPE_DATA &&
                    record_find_point(&point, &file->data, entry->offset, &steps);

    *left -= RECORD_STEPS_MAX - steps;
    return is_known;
}

/* Nodes are taken as they lie in the file: a walk could go in circles. */
static bool has_places(const struct database_file *file)
{
    int64_t left = CHECK_STEPS_MAX;
    MMDB_search_node_s node;

    for (uint32_t i = 0; i < file->mmdb.metadata.node_count && left > 0; i++)
        if (MMDB_read_node(&file->mmdb, i, &node) == MMDB_SUCCESS &&
            (is_place(file, node.left_record_type, &node.left_record_entry, &left) ||
             is_place(file, node.right_record_type, &node.right_record_entry, &left)))
            return true;
    return false;
}

static bool check_content(const struct database_file *file, struct error *error)
{
    uint64_t epoch = file->mmdb.metadata.build_epoch;

    if (epoch == 0 || epoch > EPOCH_MAX)
        return error_set(error, ERROR_BAD_FORMAT, "its build epoch is no date");
    if (!has_places(file))
        return error_set(error, ERROR_BAD_FORMAT,
                         "no record of it has coordinates: a database of cities is "
                         "needed, this one is of type %.60s",
                         file->mmdb.metadata.database_type);
    return true;
}

static bool open_descriptor(struct database_file *file, struct stat *status,
                            int descriptor, apr_pool_t *pool, struct error *error)
{
    if (fstat(descriptor, status) != 0)
        return error_set_errno(error, errno, "cannot look at it");
    if (!S_ISREG(status->st_mode))
        return error_set(error, ERROR_BAD_FORMAT, "is no file");
    if (status->st_size > FILE_SIZE_MAX)
        return error_set(error, ERROR_BAD_FORMAT, "is larger than 4 GiB");
    return check_end(descriptor, status->st_size, pool, error) &&
           map_file(file, descriptor, pool, error) && check_content(file, error);
}

static bool open_file(struct geo_database *database, const char *path, apr_pool_t *pool,
                      struct error *error)
{
    struct database_file *file = &database->files[database->count];
    /* Not waiting for whoever should write into a pipe. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    int64_t epoch;
    bool good;

    if (descriptor < 0)
        return error_set_errno(error, errno, "%s", path);
    good = open_descriptor(file, &status, descriptor, pool, error);
    close(descriptor);
    if (!good)
        return error_prefix(error, "%s", path);
    epoch = (int64_t)file->mmdb.metadata.build_epoch;
    if (database->count == 0 || epoch < database->build_epoch)
        database->build_epoch = epoch;
    database->version = mix_status(database->version, &status);
    database->count++;
    return true;
}

bool geo_database_open(struct geo_database **database, const apr_array_header_t *paths,
                       apr_pool_t *pool, struct error *error)
{
    struct geo_database *opened = apr_pcalloc(pool, sizeof(*opened));
    apr_array_header_t *copies = apr_array_make(pool, paths->nelts, sizeof(char *));

    if (paths->nelts == 0)
        return error_set(error, ERROR_NOT_FOUND, "no geo database is named");
    opened->files = apr_pcalloc(pool, (apr_size_t)paths->nelts * sizeof(*opened->files));
    opened->paths = copies;
    opened->version = no_files;
    for (int i = 0; i < paths->nelts; i++) {
        const char *path = apr_pstrdup(pool, APR_ARRAY_IDX(paths, i, const char *));

        APR_ARRAY_PUSH(copies, const char *) = path;
        if (!open_file(opened, path, pool, error))
            return false;
    }
    opened->version = version_of(opened->version);
    *database = opened;
    return true;
}

static bool find_in_file(struct geo_point *point, const struct database_file *file,
                         const struct sockaddr *address)
{
    int steps = RECORD_STEPS_MAX, status = MMDB_SUCCESS;
    MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&file->mmdb, address, &status);

    return status == MMDB_SUCCESS && result.found_entry &&
           record_find_point(point, &file->data, result.entry.offset, &steps);
}

bool geo_database_find(struct geo_point *point, const struct geo_database *database,
                       const struct geo_address *address)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } socket_address = {.any.sa_family = (sa_family_t)address->family};

    if (address->family == AF_INET)
        memcpy(&socket_address.ipv4.sin_addr, address->bytes, 4);
    else if (address->family == AF_INET6)
        memcpy(&socket_address.ipv6.sin6_addr, address->bytes, 16);
    else
        return false;
    for (int i = 0; i < database->count; i++)
        if (find_in_file(point, &database->files[i], &socket_address.any))
            return true;
    return false;
}

uint64_t geo_database_version(const struct geo_database *database)
{
    return database->version;
}

int64_t geo_database_build_epoch(const struct geo_database *database)
{
    return database->build_epoch;
}

bool geo_database_is_outdated(const struct geo_database *database)
{
    return geo_database_look(database->paths) != database->version;
}
