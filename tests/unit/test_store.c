/* SPDX-License-Identifier: Apache-2.0 */
/* The store: objects appear whole or not at all, small files are replaced whole. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include "libreplica/store/store.h"

static struct store *make_store(void **state, const char **root)
{
    struct store *store;
    struct error error;

    *root = apr_pstrcat(unit_pool(state), unit_folder(state), "/sw.example.net", NULL);
    assert_ok(store_create(*root, unit_pool(state), &error), &error);
    assert_ok(store_open(&store, *root, NULL, unit_pool(state), &error), &error);
    return store;
}

static struct object store_text(void **state, struct store *store, const char *text,
                                enum object_type type)
{
    struct object object = {.type = type};
    struct store_file *file;
    struct error error;
    int64_t size;

    assert_ok(store_begin(&file, store, HASH_SHA1, unit_pool(state), &error), &error);
    assert_ok(store_write(file, text, strlen(text), &error), &error);
    assert_ok(store_finish(file, &object.hash, &size, &error), &error);
    assert_int_equal(size, strlen(text));
    assert_ok(store_commit(file, &object, &error), &error);
    return object;
}

/* Number of files in the temporary folder. */
static int temporary_files(void **state, const char *root)
{
    FILE *pipe = popen(
        apr_psprintf(unit_pool(state), "find '%s/data/txn' -type f | wc -l", root), "r");
    int count = -1;

    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

static void stores_and_finds_objects(void **state)
{
    const char *root, *path;
    struct store *store = make_store(state, &root);
    struct object object = store_text(state, store, "hello", OBJECT_CATALOG);
    struct store_status status;
    char relative[OBJECT_PATH_SIZE], text[8] = "";
    struct error error;
    bool found, intact;
    int fd;

    path = apr_pstrcat(unit_pool(state), root, "/", object_path(relative, &object), NULL);
    assert_int_equal(access(path, R_OK), 0);
    assert_ok(store_stat(store, &object, &status, &found, &error), &error);
    assert_true(found && status.size == 5);
    assert_ok(store_open_object(&fd, store, &object, &error), &error);
    assert_int_equal(read(fd, text, 5), 5);
    close(fd);
    assert_string_equal(text, "hello");
    assert_true(store_verify(store, &object, &intact, &error) && intact);
    assert_int_equal(truncate(path, 4), 0);
    assert_true(store_verify(store, &object, &intact, &error) && !intact);
    assert_ok(store_remove(store, &object, &error), &error);
    assert_true(store_stat(store, &object, &status, &found, &error) && !found);
    assert_true(store_verify(store, &object, &intact, &error) && !intact);
    assert_int_equal(temporary_files(state, root), 0);
}

static void moves_only_what_is_damaged_aside(void **state)
{
    const char *root, *path;
    struct store *store = make_store(state, &root);
    struct object object = store_text(state, store, "hello", OBJECT_FILE);
    char relative[OBJECT_PATH_SIZE];
    struct error error;
    bool intact;

    path = apr_pstrcat(unit_pool(state), root, "/", object_path(relative, &object), NULL);
    /* Somebody put the right bytes there after they were found to be wrong. */
    assert_ok(store_quarantine_damaged(store, &object, &error), &error);
    assert_true(store_verify(store, &object, &intact, &error) && intact);
    assert_int_equal(temporary_files(state, root), 0);
    assert_int_equal(truncate(path, 4), 0);
    assert_ok(store_quarantine_damaged(store, &object, &error), &error);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(temporary_files(state, root), 1);
    /* Nothing is there any more: nothing happens. */
    assert_ok(store_quarantine_damaged(store, &object, &error), &error);
    assert_int_equal(temporary_files(state, root), 1);
    assert_ok(store_drop_quarantined(store, &object, &error), &error);
    assert_int_equal(temporary_files(state, root), 0);
}

static void refuses_a_name_that_is_not_the_hash(void **state)
{
    const char *root;
    struct store *store = make_store(state, &root);
    struct object object = {.type = OBJECT_FILE};
    struct store_status status;
    struct store_file *file;
    struct hash hash;
    struct error error;
    int64_t size;
    bool found;

    hash_bytes(&object.hash, HASH_SHA1, "right", 5);
    assert_true(store_begin(&file, store, HASH_SHA1, unit_pool(state), &error));
    assert_true(store_write(file, "wrong", 5, &error));
    assert_true(store_finish(file, &hash, &size, &error));
    assert_false(store_commit(file, &object, &error));
    assert_int_equal(error.code, ERROR_BAD_HASH);
    assert_true(store_stat(store, &object, &status, &found, &error) && !found);
    assert_int_equal(temporary_files(state, root), 0);
}

/* Write TEXT anew; the file's inode number afterwards. */
static ino_t store_again(void **state, struct store *store, const char *root,
                         const char *text, const struct object *object)
{
    char relative[OBJECT_PATH_SIZE];
    struct store_file *file;
    struct stat status;
    struct error error;
    struct hash hash;
    int64_t size;

    assert_ok(store_begin(&file, store, HASH_SHA1, unit_pool(state), &error), &error);
    assert_ok(store_write(file, text, strlen(text), &error), &error);
    assert_ok(store_finish(file, &hash, &size, &error), &error);
    assert_ok(store_commit_new(file, object, size, &error), &error);
    assert_int_equal(stat(apr_pstrcat(unit_pool(state), root, "/",
                                      object_path(relative, object), NULL),
                          &status),
                     0);
    assert_int_equal(status.st_size, strlen(text));
    return status.st_ino;
}

static void leaves_an_object_that_is_there(void **state)
{
    const char *root;
    struct store *store = make_store(state, &root);
    struct object object = store_text(state, store, "hello", OBJECT_FILE);
    ino_t first = store_again(state, store, root, "hello", &object);
    char relative[OBJECT_PATH_SIZE];

    assert_true(store_again(state, store, root, "hello", &object) == first);
    assert_int_equal(truncate(apr_pstrcat(unit_pool(state), root, "/",
                                          object_path(relative, &object), NULL),
                              0),
                     0);
    store_again(state, store, root, "hello", &object);
    assert_int_equal(temporary_files(state, root), 0);
}

static void starts_a_broken_transfer_over(void **state)
{
    const char *root;
    struct store *store = make_store(state, &root);
    char *large = apr_palloc(unit_pool(state), 200000);
    struct object object = {.type = OBJECT_CHUNK};
    struct store_file *file;
    struct store_status status;
    struct error error;
    int64_t size;
    bool found;

    memset(large, 'x', 200000);
    assert_true(store_begin(&file, store, HASH_SHAKE128, unit_pool(state), &error));
    assert_true(store_write(file, large, 150000, &error));
    assert_true(store_rewind(file, &error));
    assert_true(store_write(file, large, 200000, &error));
    assert_true(store_finish(file, &object.hash, &size, &error));
    assert_ok(store_commit(file, &object, &error), &error);
    assert_true(store_stat(store, &object, &status, &found, &error) && found);
    assert_int_equal(status.size, 200000);
    assert_true(store_verify(store, &object, &found, &error) && found);
}

static void drops_what_is_not_committed(void **state)
{
    const char *root;
    struct store *store = make_store(state, &root);
    struct store_file *file;
    apr_pool_t *pool;
    struct error error;
    char large[100000] = {1};

    apr_pool_create(&pool, unit_pool(state));
    for (int i = 0; i < 3; i++) {
        assert_true(store_begin(&file, store, HASH_SHA1, pool, &error));
        assert_true(store_write(file, large, sizeof(large), &error));
    }
    assert_int_equal(temporary_files(state, root), 3);
    store_abort(file);
    assert_int_equal(temporary_files(state, root), 2);
    apr_pool_destroy(pool);
    assert_int_equal(temporary_files(state, root), 0);
}

static void replaces_small_files_whole(void **state)
{
    const char *root;
    struct store *store = make_store(state, &root);
    struct store_status status;
    struct text content;
    struct error error;
    bool found;

    assert_ok(store_replace(store, ".cvmfspublished", text_of("one"), &error), &error);
    assert_ok(store_replace(store, ".cvmfspublished", text_of("second"), &error), &error);
    assert_ok(store_read(&content, store, ".cvmfspublished", 6, unit_pool(state), &error),
              &error);
    assert_true(text_equals(content, "second"));
    assert_false(
        store_read(&content, store, ".cvmfspublished", 5, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_true(store_stat_file(store, ".cvmfspublished", &status, &found, &error) &&
                found);
    assert_true(store_remove_file(store, ".cvmfspublished", &error));
    assert_true(store_remove_file(store, ".cvmfspublished", &error));
    assert_false(
        store_read(&content, store, ".cvmfspublished", 9, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static bool count_object(void *baton, const struct object *object,
                         const struct store_status *status, struct error *error)
{
    ++*(int *)baton;
    return true;
}

static void lists_objects_only(void **state)
{
    const char *root;
    struct store *store = make_store(state, &root);
    struct object object = store_text(state, store, "hello", OBJECT_FILE);
    struct error error;
    int count = 0;

    store_text(state, store, "hello", OBJECT_CHUNK);
    assert_int_equal(system(apr_psprintf(unit_pool(state), "touch '%s/data/%02x/odd'",
                                         root, object.hash.digest[0])),
                     0);
    for (unsigned int i = 0; i < 256; i++)
        assert_true(store_list(store, i, count_object, &count, &error));
    assert_int_equal(count, 2);
}

static void links_alternative_paths(void **state)
{
    const char *root, *path;
    struct store *store = make_store(state, &root);
    struct object object = store_text(state, store, "hello", OBJECT_CERTIFICATE);
    char name[OBJECT_NAME_SIZE];
    struct error error;

    path = apr_pstrcat(unit_pool(state), root, "/.cvmfsalt-", object_name(name, &object),
                       NULL);
    for (int i = 0; i < 2; i++) {
        assert_ok(store_link_alternative(store, &object, &error), &error);
        assert_int_equal(access(path, R_OK), 0);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_ok(store_link_alternative(store, &object, &error), &error);
    assert_int_equal(access(path, R_OK), 0);
}

static void cleans_scratch_and_trees(void **state)
{
    const char *root, *path;
    struct store *store = make_store(state, &root);
    apr_pool_t *pool;
    struct error error;
    int64_t bytes, inodes;

    apr_pool_create(&pool, unit_pool(state));
    assert_true(store_scratch_path(&path, store, pool, &error));
    close(open(path, O_CREAT | O_WRONLY, 0600));
    close(open(apr_pstrcat(pool, path, "-journal", NULL), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(temporary_files(state, root), 2);
    apr_pool_destroy(pool);
    assert_int_equal(temporary_files(state, root), 0);
    close(open(apr_pstrcat(unit_pool(state), root, "/data/txn/left", NULL),
               O_CREAT | O_WRONLY, 0600));
    assert_true(store_clean_temporary(store, &error));
    assert_int_equal(temporary_files(state, root), 0);
    assert_true(store_space(store, &bytes, &inodes, &error) && bytes > 0 && inodes > 0);
    assert_true(store_barrier(store, &error));
    assert_ok(store_destroy(root, unit_pool(state), &error), &error);
    assert_int_not_equal(access(root, F_OK), 0);
}

/* The temporary folder may be one that others use too, say /tmp. */
static void cleans_only_its_own_in_a_shared_folder(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *root, *path, *shared, *foreign;
    struct store *store;
    struct error error;

    make_store(state, &root);
    shared = apr_pstrcat(pool, root, ".shared", NULL);
    foreign = apr_pstrcat(pool, shared, "/theirs", NULL);
    assert_int_equal(mkdir(shared, 0700), 0);
    assert_ok(store_open(&store, root, shared, pool, &error), &error);
    assert_ok(store_scratch_path(&path, store, pool, &error), &error);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    close(open(foreign, O_CREAT | O_WRONLY, 0600));
    assert_ok(store_clean_temporary(store, &error), &error);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(access(foreign, F_OK), 0);
}

static void *write_many(void *store)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    for (int i = 0; i < 200; i++)
        store_text((void **)&pool, store, apr_psprintf(pool, "%d", i), OBJECT_FILE);
    apr_pool_destroy(pool);
    return NULL;
}

static void threads_write_through_handles_of_their_own(void **state)
{
    const char *root;
    struct store *store = make_store(state, &root), *siblings[4];
    apr_pool_t *pools[4];
    struct error error;
    pthread_t threads[4];

    for (int i = 0; i < 4; i++) {
        apr_pool_create(&pools[i], NULL);
        assert_ok(store_share(&siblings[i], store, pools[i], &error), &error);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, siblings[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(temporary_files(state, root), 0);
    for (int i = 0; i < 4; i++)
        apr_pool_destroy(pools[i]);
}

static const struct CMUnitTest store_tests[] = {
    UNIT_TEST(stores_and_finds_objects),
    UNIT_TEST(moves_only_what_is_damaged_aside),
    UNIT_TEST(refuses_a_name_that_is_not_the_hash),
    UNIT_TEST(starts_a_broken_transfer_over),
    UNIT_TEST(drops_what_is_not_committed),
    UNIT_TEST(replaces_small_files_whole),
    UNIT_TEST(leaves_an_object_that_is_there),
    UNIT_TEST(lists_objects_only),
    UNIT_TEST(links_alternative_paths),
    UNIT_TEST(cleans_scratch_and_trees),
    UNIT_TEST(cleans_only_its_own_in_a_shared_folder),
    UNIT_TEST(threads_write_through_handles_of_their_own),
};

UNIT_MAIN(store_tests)
