/* SPDX-License-Identifier: Apache-2.0 */
/* From a file's bytes to objects: whole, in chunks, or both. */
#include <fcntl.h>
#include <unistd.h>
#include "tests/unit/unit.h"
#include "libreplica/publish/content.h"
#include "libreplica/publish/workers.h"

struct fixture {
    struct publish_target target;
    struct store *store;
    const char *folder;
    apr_pool_t *pool;
};

static void set_up(struct fixture *fixture, void **state)
{
    struct error error;
    const char *storage;

    fixture->pool = unit_pool(state);
    fixture->folder = unit_folder(state);
    storage = apr_pstrcat(fixture->pool, fixture->folder, "/storage", NULL);
    publish_target_default(&fixture->target, "a.example.org", storage, "/spool", "/keys",
                           fixture->pool);
    fixture->target.minimum_chunk = 1000;
    fixture->target.average_chunk = 2000;
    fixture->target.maximum_chunk = 4000;
    assert_ok(store_create(storage, fixture->pool, &error), &error);
    assert_ok(store_open(&fixture->store, storage, NULL, fixture->pool, &error), &error);
}

/* A file of SIZE zeros, of which ANNOUNCED are expected. */
static struct content *zeros(const struct fixture *fixture, size_t size,
                             int64_t announced)
{
    const char *path = apr_pstrcat(fixture->pool, fixture->folder, "/file", NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    return content_create("/file", fd, announced, 1);
}

static struct content *make(const struct fixture *fixture, size_t size, int64_t announced)
{
    struct content_maker *maker =
        content_maker_create(&fixture->target, fixture->store, NULL, fixture->pool);
    struct content *content = zeros(fixture, size, announced);
    struct error error;

    assert_ok(content_make(maker, content, fixture->pool, &error), &error);
    assert_int_equal(content->size, size);
    assert_int_equal(content->fd, -1);
    return content;
}

static bool is_stored(const struct fixture *fixture, const struct hash *hash,
                      enum object_type type)
{
    struct object object = {*hash, type};
    struct error error;
    bool intact = false;

    assert_ok(store_verify(fixture->store, &object, &intact, &error), &error);
    return intact;
}

static void stores_small_files_whole(void **state)
{
    static const size_t sizes[] = {0, 1, 1000};
    struct fixture fixture;

    set_up(&fixture, state);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct content *content = make(&fixture, sizes[i], (int64_t)sizes[i]);

        assert_int_equal(content->chunk_count, 0);
        assert_true(is_stored(&fixture, &content->hash, OBJECT_FILE));
        content_release(content);
    }
}

static void cuts_large_files(void **state)
{
    struct fixture fixture;
    struct content *content;

    set_up(&fixture, state);
    content = make(&fixture, 10000, 10000);
    assert_true(hash_is_null(&content->hash));
    assert_int_equal(content->chunk_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(content->chunks[i].offset, 4000 * i);
        assert_int_equal(content->chunks[i].size, i < 2 ? 4000 : 2000);
        assert_true(is_stored(&fixture, &content->chunks[i].hash, OBJECT_CHUNK));
    }
    content_release(content);
}

static void stores_a_single_chunk_whole(void **state)
{
    struct fixture fixture;
    struct content *content;

    set_up(&fixture, state);
    for (int keeps = 0; keeps < 2; keeps++) {
        fixture.target.keeps_whole_files = keeps == 1;
        content = make(&fixture, 4000, 4000);
        assert_int_equal(content->chunk_count, 0);
        assert_true(is_stored(&fixture, &content->hash, OBJECT_FILE));
        assert_false(is_stored(&fixture, &content->hash, OBJECT_CHUNK));
        content_release(content);
    }
}

static void keeps_whole_files_beside_chunks_if_told_so(void **state)
{
    struct fixture fixture;
    struct content *content;

    set_up(&fixture, state);
    fixture.target.keeps_whole_files = true;
    content = make(&fixture, 4001, 4001);
    assert_int_equal(content->chunk_count, 2);
    assert_true(is_stored(&fixture, &content->hash, OBJECT_FILE));
    content_release(content);
}

static void takes_files_as_they_turn_out(void **state)
{
    struct fixture fixture;
    struct content *content;

    set_up(&fixture, state);
    content = make(&fixture, 9000, 10);
    assert_int_equal(content->chunk_count, 0);
    assert_true(is_stored(&fixture, &content->hash, OBJECT_FILE));
    content_release(content);
    content = make(&fixture, 10, 9000);
    assert_int_equal(content->chunk_count, 0);
    assert_true(is_stored(&fixture, &content->hash, OBJECT_FILE));
    content_release(content);
}

static void reports_what_cannot_be_read_or_is_stopped(void **state)
{
    struct fixture fixture;
    struct workers *workers;
    struct content *content;
    volatile int stop = 0;
    struct error error;

    set_up(&fixture, state);
    fixture.target.workers = 3;
    assert_ok(workers_start(&workers, &fixture.target, fixture.store, &stop, fixture.pool,
                            &error),
              &error);
    content = content_create("/folder", open("/", O_RDONLY | O_DIRECTORY), 0, 1);
    workers_submit(workers, content);
    assert_false(workers_wait(workers, content, &error));
    assert_non_null(strstr(error.message, "/folder: cannot read it"));
    content_release(content);
    stop = 1;
    content = zeros(&fixture, 5000, 5000);
    workers_submit(workers, content);
    assert_false(workers_wait(workers, content, &error));
    assert_int_equal(error.code, ERROR_CANCELLED);
    content_release(content);
    workers_stop(workers);
}

static const struct CMUnitTest content_tests[] = {
    UNIT_TEST(stores_small_files_whole),
    UNIT_TEST(cuts_large_files),
    UNIT_TEST(stores_a_single_chunk_whole),
    UNIT_TEST(keeps_whole_files_beside_chunks_if_told_so),
    UNIT_TEST(takes_files_as_they_turn_out),
    UNIT_TEST(reports_what_cannot_be_read_or_is_stopped),
};

UNIT_MAIN(content_tests)
