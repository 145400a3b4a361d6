/* SPDX-License-Identifier: Apache-2.0 */
/* An external sort: runs of sorted records in a temporary file, merged when read. */
#include "libreplica/base/sorted_records.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

/* With more, one buffer for each would be small and the disk would seek. */
#define RUNS_MAX         64
#define RECORD_SIZE_MAX  256
#define RECORDS_MIN      (4 * RUNS_MAX)
#define WRITE_BUFFER_MAX ((size_t)64 * 1024)

/* A sorted part of the file, and while reading how far it was read. */
struct run {
    int64_t begin, end;   /* bytes in the file */
    int64_t next;         /* where to read on */
    unsigned char *block; /* its part of the buffer */
    size_t used, at;      /* bytes */
};

struct sorted_records {
    size_t record_size;
    size_t capacity; /* records in the buffer */
    const char *folder;
    unsigned char *buffer; /* being filled; or, with runs, their blocks */
    size_t used;           /* records */
    bool is_sorted;        /* what is in the buffer */
    int fd;                /* -1: no file yet */
    int64_t file_size;
    struct run runs[RUNS_MAX];
    int run_count;
    bool is_reading;
    size_t at;          /* in the buffer, without runs */
    int heap[RUNS_MAX]; /* runs that have records left, the least one first */
    int heap_size;
    unsigned char *head; /* the record that is read next, ... */
    bool has_head;       /* ... if it was taken out already */
    bool has_last;       /* head was given: equal ones are passed over */
};

static apr_status_t release(void *baton)
{
    struct sorted_records *records = baton;

    free(records->buffer);
    free(records->head);
    if (records->fd >= 0)
        close(records->fd);
    records->fd = -1;
    return APR_SUCCESS;
}

bool sorted_records_create(struct sorted_records **records, size_t record_size,
                           size_t memory_bytes, const char *folder, apr_pool_t *pool,
                           struct error *error)
{
    struct sorted_records *created = apr_pcalloc(pool, sizeof(*created));

    created->record_size = record_size;
    assert(record_size > 0 && record_size <= RECORD_SIZE_MAX);
    /* qsort takes as much again. */
    created->capacity = memory_bytes / 2 / record_size;
    if (created->capacity < RECORDS_MIN)
        created->capacity = RECORDS_MIN;
    created->folder = apr_pstrdup(pool, folder);
    created->fd = -1;
    created->buffer = malloc(created->capacity * record_size);
    created->head = malloc(record_size);
    apr_pool_cleanup_register(pool, created, release, apr_pool_cleanup_null);
    if (created->buffer == NULL || created->head == NULL)
        return error_set(error, ERROR_IO, "no memory to sort");
    *records = created;
    return true;
}

static unsigned char *record_at(const struct sorted_records *records, size_t index)
{
    return records->buffer + index * records->record_size;
}

static int compare(const void *a, const void *b, void *size)
{
    return memcmp(a, b, *(const size_t *)size);
}

/* Sort what is in the buffer and drop what is there twice. */
static void sort_buffer(struct sorted_records *records)
{
    size_t size = records->record_size, kept = 0;

    if (records->is_sorted)
        return;
    qsort_r(records->buffer, records->used, size, compare, &size);
    for (size_t i = 0; i < records->used; i++) {
        if (kept > 0 &&
            memcmp(record_at(records, kept - 1), record_at(records, i), size) == 0)
            continue;
        if (kept != i)
            memcpy(record_at(records, kept), record_at(records, i), size);
        kept++;
    }
    records->used = kept;
    records->is_sorted = true;
}

/* A file without a name: nothing is left behind, whatever happens. */
static bool make_file(int *fd, const struct sorted_records *records, struct error *error)
{
    char path[4096];

    *fd = open(records->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd >= 0)
        return true;
    /* Not every file system can. */
    apr_snprintf(path, sizeof(path), "%s/replica.sort.XXXXXX", records->folder);
    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd < 0)
        return error_set_errno(error, errno, "cannot create a file in %s",
                               records->folder);
    unlink(path);
    return true;
}

static bool write_at(const struct sorted_records *records, int fd, int64_t offset,
                     const unsigned char *bytes, size_t length, struct error *error)
{
    while (length > 0) {
        ssize_t count = pwrite(fd, bytes, length, offset);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return error_set_errno(error, count < 0 ? errno : ENOSPC,
                                   "cannot write a temporary file in %s",
                                   records->folder);
        bytes += count;
        offset += count;
        length -= (size_t)count;
    }
    return true;
}

static bool read_at(const struct sorted_records *records, unsigned char *bytes,
                    size_t length, int64_t offset, struct error *error)
{
    while (length > 0) {
        ssize_t count = pread(records->fd, bytes, length, offset);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return error_set_errno(error, count < 0 ? errno : EIO,
                                   "cannot read a temporary file in %s", records->folder);
        bytes += count;
        offset += count;
        length -= (size_t)count;
    }
    return true;
}

static const unsigned char *run_record(const struct run *run)
{
    return run->block + run->at;
}

/* Whether heap entry A comes before heap entry B. */
static bool is_before(const struct sorted_records *records, int a, int b)
{
    return memcmp(run_record(&records->runs[records->heap[a]]),
                  run_record(&records->runs[records->heap[b]]), records->record_size) < 0;
}

static void sift_down(struct sorted_records *records, int place)
{
    for (;;) {
        int least = place;

        for (int child = 2 * place + 1; child <= 2 * place + 2; child++)
            if (child < records->heap_size && is_before(records, child, least))
                least = child;
        if (least == place)
            return;
        int swapped = records->heap[place];

        records->heap[place] = records->heap[least];
        records->heap[least] = swapped;
        place = least;
    }
}

/* The next block of a run; used is 0 at its end. */
static bool fill_block(struct sorted_records *records, struct run *run,
                       struct error *error)
{
    size_t block = records->capacity / (size_t)records->run_count * records->record_size;

    run->at = 0;
    run->used =
        run->end - run->next < (int64_t)block ? (size_t)(run->end - run->next) : block;
    if (!read_at(records, run->block, run->used, run->next, error))
        return false;
    run->next += (int64_t)run->used;
    return true;
}

static bool start_merge(struct sorted_records *records, struct error *error)
{
    size_t part = records->capacity / (size_t)records->run_count;

    records->heap_size = 0;
    for (int i = 0; i < records->run_count; i++) {
        struct run *run = &records->runs[i];

        run->block = record_at(records, (size_t)i * part);
        run->next = run->begin;
        if (!fill_block(records, run, error))
            return false;
        records->heap[records->heap_size++] = i;
    }
    for (int place = records->heap_size / 2; place >= 0; place--)
        sift_down(records, place);
    return true;
}

/* The least record that is left in the runs, duplicates and all. */
static bool take_merged(struct sorted_records *records, unsigned char *record, bool *more,
                        struct error *error)
{
    struct run *run;

    *more = records->heap_size > 0;
    if (!*more)
        return true;
    run = &records->runs[records->heap[0]];
    memcpy(record, run_record(run), records->record_size);
    run->at += records->record_size;
    if (run->at == run->used && !fill_block(records, run, error))
        return false;
    if (run->used == 0)
        records->heap[0] = records->heap[--records->heap_size];
    sift_down(records, 0);
    return true;
}

/* Take the next different record into the head. */
static bool advance(struct sorted_records *records, bool *more, struct error *error)
{
    unsigned char record[RECORD_SIZE_MAX];
    size_t size = records->record_size;

    do {
        if (records->run_count == 0) {
            *more = records->at < records->used;
            if (*more)
                memcpy(record, record_at(records, records->at++), size);
        } else if (!take_merged(records, record, more, error)) {
            return false;
        }
    } while (*more && records->has_last && memcmp(record, records->head, size) == 0);
    records->has_last = *more;
    if (*more)
        memcpy(records->head, record, size);
    return true;
}

/* All runs as one in a file of its own; duplicates go. */
static bool merge_runs(struct sorted_records *records, int fd, int64_t *size,
                       unsigned char *out, size_t out_size, struct error *error)
{
    size_t used = 0;
    bool more;

    *size = 0;
    records->has_last = false;
    if (!start_merge(records, error))
        return false;
    for (;;) {
        if (!advance(records, &more, error))
            return false;
        if (!more || used + records->record_size > out_size) {
            if (!write_at(records, fd, *size, out, used, error))
                return false;
            *size += (int64_t)used;
            used = 0;
        }
        if (!more)
            return true;
        memcpy(out + used, records->head, records->record_size);
        used += records->record_size;
    }
}

static bool reduce_runs(struct sorted_records *records, struct error *error)
{
    unsigned char *out = malloc(WRITE_BUFFER_MAX);
    int64_t size;
    bool ok;
    int fd;

    if (out == NULL)
        return error_set(error, ERROR_IO, "no memory to sort");
    if (!make_file(&fd, records, error)) {
        free(out);
        return false;
    }
    ok = merge_runs(records, fd, &size, out, WRITE_BUFFER_MAX, error);
    free(out);
    if (!ok) {
        close(fd);
        return false;
    }
    close(records->fd);
    records->fd = fd;
    records->file_size = size;
    records->runs[0] = (struct run){.end = size};
    records->run_count = 1;
    return true;
}

/* What is in the buffer becomes a run. */
static bool spill(struct sorted_records *records, struct error *error)
{
    size_t length = records->used * records->record_size;
    int64_t begin = records->file_size;

    if (records->fd < 0 && !make_file(&records->fd, records, error))
        return false;
    if (!write_at(records, records->fd, begin, records->buffer, length, error))
        return false;
    records->file_size += (int64_t)length;
    records->runs[records->run_count++] =
        (struct run){.begin = begin, .end = records->file_size};
    records->used = 0;
    /* The buffer is free now, and merging needs it. */
    return records->run_count < RUNS_MAX || reduce_runs(records, error);
}

bool sorted_records_add(struct sorted_records *records, const void *record,
                        struct error *error)
{
    records->is_reading = false;
    if (records->used == records->capacity) {
        sort_buffer(records);
        /* Mostly duplicates: there is room again. */
        if (records->used > records->capacity / 2 && !spill(records, error))
            return false;
    }
    memcpy(record_at(records, records->used++), record, records->record_size);
    records->is_sorted = false;
    return true;
}

bool sorted_records_rewind(struct sorted_records *records, struct error *error)
{
    records->is_reading = true;
    records->has_head = records->has_last = false;
    records->at = 0;
    sort_buffer(records);
    if (records->run_count == 0)
        return true;
    return (records->used == 0 || spill(records, error)) && start_merge(records, error);
}

/* The record to be read next is in the head afterwards, if there is one. */
static bool look_ahead(struct sorted_records *records, struct error *error)
{
    bool more;

    assert(records->is_reading);
    if (records->has_head)
        return true;
    if (!advance(records, &more, error))
        return false;
    records->has_head = more;
    return true;
}

bool sorted_records_next(struct sorted_records *records, void *record, bool *more,
                         struct error *error)
{
    if (!look_ahead(records, error))
        return false;
    *more = records->has_head;
    if (*more)
        memcpy(record, records->head, records->record_size);
    records->has_head = false;
    return true;
}

bool sorted_records_find(struct sorted_records *records, const void *prefix,
                         size_t length, bool *found, struct error *error)
{
    int order = -1;

    *found = false;
    while (order < 0) {
        if (!look_ahead(records, error))
            return false;
        if (!records->has_head)
            return true;
        order = memcmp(records->head, prefix, length);
        records->has_head = order >= 0;
    }
    *found = order == 0;
    return true;
}

bool sorted_records_count(struct sorted_records *records, int64_t *count,
                          struct error *error)
{
    bool more = true;

    *count = 0;
    if (!sorted_records_rewind(records, error))
        return false;
    for (;;) {
        if (!advance(records, &more, error))
            return false;
        if (!more)
            break;
        ++*count;
    }
    return sorted_records_rewind(records, error);
}

void sorted_records_clear(struct sorted_records *records)
{
    if (records->fd >= 0)
        close(records->fd);
    records->fd = -1;
    records->file_size = 0;
    records->run_count = 0;
    records->used = 0;
    records->is_sorted = false;
    records->is_reading = false;
}
