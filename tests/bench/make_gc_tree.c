/* SPDX-License-Identifier: Apache-2.0 */
/* A storage tree for the bench of garbage collection: real catalogs with made-up rows,
 * and of the objects only those that are to be removed, as empty files, or none. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "libreplica/format/catalog_editor.h"
#include "libreplica/format/manifest.h"
#include "libreplica/store/file.h"
#include "libreplica/store/reflog_file.h"
#include "libreplica/store/store.h"

/* One catalog in so many differs between the two revisions, in half of its rows. */
#define CHANGED_PART 5

static const char usage[] = "make_gc_tree ROOT SPOOL FQRN CATALOGS ROWS files|nofiles\n";

struct tree {
    struct store *store;
    const char *root;
    int catalogs;
    int rows;
    bool makes_files;
    int64_t files;
    apr_pool_t *pool;
};

static void check(bool ok, const struct error *error)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", error->message);
    exit(1);
}

/* The hash of row ROW in catalog CATALOG of the old or of the new revision. */
static struct hash hash_of(int catalog, int row, bool is_old)
{
    bool differs = is_old && catalog % CHANGED_PART == 0 && row % 2 == 0;
    int parts[3] = {catalog, row, differs};
    struct hash hash;

    hash_bytes(&hash, HASH_SHA1, parts, sizeof(parts));
    return hash;
}

static void make_file(struct tree *tree, const struct hash *hash)
{
    struct object object = {*hash, OBJECT_FILE};
    char path[OBJECT_PATH_SIZE], full[4096];
    int fd;

    snprintf(full, sizeof(full), "%s/%s", tree->root, object_path(path, &object));
    fd = open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        perror(full);
        exit(1);
    }
    close(fd);
    tree->files++;
}

/* Level 1: this is no bench of compressing. */
static struct hash store_database(struct tree *tree, const char *path)
{
    struct object object = {.type = OBJECT_CATALOG};
    struct store_file *file;
    struct text content;
    struct error error;
    apr_pool_t *pool;
    uLongf size;
    Bytef *out;
    int64_t stored;

    apr_pool_create(&pool, tree->pool);
    check(file_read(&content, path, INT64_C(1) << 31, pool, &error), &error);
    size = compressBound(content.length);
    out = malloc(size);
    if (out == NULL ||
        compress2(out, &size, (const Bytef *)content.bytes, content.length, 1) != Z_OK)
        exit(1);
    check(store_begin(&file, tree->store, HASH_SHA1, pool, &error) &&
              store_write(file, out, size, &error) &&
              store_finish(file, &object.hash, &stored, &error) &&
              store_commit(file, &object, &error),
          &error);
    free(out);
    unlink(path);
    apr_pool_destroy(pool);
    return object.hash;
}

static void add_row(struct catalog_editor *editor, int catalog, int row,
                    const struct hash *hash)
{
    char name[32];
    struct catalog_entry entry = {
        .path = {row + 1, catalog},
        .parent = {0, catalog},
        .hardlinks = 1,
        .hash = *hash,
        .size = 1000,
        .mode = 0100644,
        .mtime_seconds = 1700000000 + row,
        .flags = CATALOG_FILE | catalog_content_flags(HASH_SHA1, COMPRESSION_ZLIB),
    };
    struct error error;

    snprintf(name, sizeof(name), "libsomething%d.so", row);
    entry.name = text_of(name);
    check(catalog_editor_add(editor, &entry, &error), &error);
}

static struct hash make_nested(struct tree *tree, int number, bool is_old)
{
    struct catalog_properties properties = {.revision = is_old ? 1 : 2};
    struct catalog_editor *editor;
    struct error error;
    struct hash result;
    const char *path;
    apr_pool_t *pool;

    apr_pool_create(&pool, tree->pool);
    check(store_scratch_path(&path, tree->store, pool, &error) &&
              catalog_editor_create(&editor, path, pool, &error),
          &error);
    for (int row = 0; row < tree->rows; row++) {
        struct hash hash = hash_of(number, row, is_old);

        add_row(editor, number, row, &hash);
        if (is_old && row % 2 == 0 && tree->makes_files)
            make_file(tree, &hash);
    }
    properties.root_prefix = apr_psprintf(pool, "/d%05d", number);
    check(catalog_editor_finish(editor, &properties, &error), &error);
    result = store_database(tree, path);
    apr_pool_destroy(pool);
    return result;
}

static struct hash make_root(struct tree *tree, const struct hash *nested, bool is_old)
{
    struct catalog_properties properties = {.revision = is_old ? 1 : 2,
                                            .root_prefix = ""};
    struct catalog_editor *editor;
    struct error error;
    const char *path;

    check(store_scratch_path(&path, tree->store, tree->pool, &error) &&
              catalog_editor_create(&editor, path, tree->pool, &error),
          &error);
    for (int i = 0; i < tree->catalogs; i++) {
        struct catalog_nested entry = {apr_psprintf(tree->pool, "/d%05d", i), nested[i],
                                       0};

        check(catalog_editor_add_nested(editor, &entry, &error), &error);
    }
    check(catalog_editor_finish(editor, &properties, &error), &error);
    return store_database(tree, path);
}

static void publish(struct tree *tree, const char *spool, const char *fqrn,
                    const struct hash *old, const struct hash *head)
{
    struct manifest manifest = {.catalog = *head,
                                .certificate = hash_of(-1, 0, false),
                                .revision = 2,
                                .ttl_seconds = MANIFEST_DEFAULT_TTL,
                                .garbage_collectable = true,
                                .published_seconds = 1700000000,
                                .fqrn = fqrn};
    struct object roots[] = {{*old, OBJECT_CATALOG}, {*head, OBJECT_CATALOG}};
    struct text body = manifest_format_body(&manifest, tree->pool);
    char text[HASH_TEXT_SIZE];
    struct reflog *reflog;
    struct hash hash;
    struct error error;
    const char *path;

    hash_bytes(&hash, HASH_SHA1, body.bytes, body.length);
    body = text_of(apr_psprintf(tree->pool, "%.*s--\n%s\nnot signed", (int)body.length,
                                body.bytes, hash_format(text, &hash)));
    check(store_replace(tree->store, MANIFEST_NAME, body, &error) &&
              store_scratch_path(&path, tree->store, tree->pool, &error) &&
              reflog_open(&reflog, path, fqrn, true, tree->pool, &error) &&
              reflog_add(reflog, &roots[0], 1700000000, false, &error) &&
              reflog_add(reflog, &roots[1], 1700000000, false, &error) &&
              reflog_close(reflog, &error) &&
              file_make_directory(spool, 0755, tree->pool, &error) &&
              reflog_file_publish(&hash, tree->store, path, HASH_SHA1,
                                  apr_pstrcat(tree->pool, spool, "/reflog.chksum", NULL),
                                  tree->pool, &error),
          &error);
}

int main(int argc, char **argv)
{
    struct hash *old_nested, *nested, old, head;
    struct tree tree = {0};
    struct error error;

    apr_initialize();
    atexit(apr_terminate);
    if (argc != 7) {
        fputs(usage, stderr);
        return 2;
    }
    apr_pool_create(&tree.pool, NULL);
    tree.root = argv[1];
    tree.catalogs = atoi(argv[4]);
    tree.rows = atoi(argv[5]);
    tree.makes_files = strcmp(argv[6], "files") == 0;
    check(file_make_directory(argv[1], 0755, tree.pool, &error) &&
              store_create(argv[1], tree.pool, &error) &&
              store_open(&tree.store, argv[1], NULL, tree.pool, &error),
          &error);
    store_disable_barriers(tree.store);
    nested = apr_pcalloc(tree.pool, (size_t)tree.catalogs * sizeof(*nested));
    old_nested = apr_pcalloc(tree.pool, (size_t)tree.catalogs * sizeof(*nested));
    for (int i = 0; i < tree.catalogs; i++) {
        nested[i] = make_nested(&tree, i, false);
        old_nested[i] = i % CHANGED_PART == 0 ? make_nested(&tree, i, true) : nested[i];
    }
    old = make_root(&tree, old_nested, true);
    head = make_root(&tree, nested, false);
    publish(&tree, argv[2], argv[3], &old, &head);
    printf("%lld\n", (long long)tree.files);
    return 0;
}
