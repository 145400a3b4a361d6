/* SPDX-License-Identifier: Apache-2.0 */
/* Prints every path of a revision as a JSON object a line, read through the library and
 * verified from the master key down to each object's hash. For tests. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <apr_general.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <jansson.h>
#include "libreplica/base/text.h"
#include "libreplica/format/xattr_blob.h"
#include "tests/interop/repository_reader.h"

struct listing {
    struct repository_reader reader;
    const char *mountpoint; /* of the catalog at hand */
    struct catalog *catalog;
    apr_hash_t *nested; /* path -> struct catalog_nested */
};

/* What a directory's rows are visited with. */
struct visit {
    struct listing *listing;
    const char *directory;
    apr_pool_t *pool;
};

struct assembly {
    struct repository_reader *reader;
    enum compression compression;
    EVP_MD_CTX *digest;
    int64_t size;
    apr_pool_t *pool;
};

static bool list_directory(struct listing *listing, const char *path, apr_pool_t *pool,
                           struct error *error);
static bool list_catalog(struct repository_reader *reader, const struct hash *hash,
                         int64_t size, const char *mountpoint, apr_pool_t *pool,
                         struct error *error);

static bool add_chunk(void *baton, const struct catalog_chunk *chunk, struct error *error)
{
    struct assembly *assembly = baton;
    struct object object = {chunk->hash, OBJECT_CHUNK};

    if (chunk->offset != assembly->size)
        return error_set(error, ERROR_BAD_FORMAT, "the chunks leave a gap");
    assembly->size += chunk->size;
    return repository_reader_digest(assembly->digest, assembly->reader, &object,
                                    assembly->compression, chunk->size, assembly->pool,
                                    error);
}

/* The SHA-256 of a file's content as hex digits. A file that has both chunks and a whole
 * object must give the same from both. */
static bool digest_content(const char **digits, struct listing *listing, const char *path,
                           const struct catalog_entry *entry, bool from_chunks,
                           apr_pool_t *pool, struct error *error)
{
    struct object object = {entry->hash, OBJECT_FILE};
    struct assembly assembly = {&listing->reader, entry->compression, EVP_MD_CTX_new(), 0,
                                pool};
    unsigned char bytes[32];
    char *text = apr_palloc(pool, 2 * sizeof(bytes) + 1);
    bool good;

    EVP_DigestInit_ex(assembly.digest, EVP_sha256(), NULL);
    if (from_chunks)
        good = catalog_chunks(listing->catalog, path, add_chunk, &assembly, error) &&
               (assembly.size == entry->size ||
                error_set(error, ERROR_BAD_FORMAT, "the chunks miss the file's size"));
    else
        good = repository_reader_digest(assembly.digest, &listing->reader, &object,
                                        entry->compression, entry->size, pool, error);
    EVP_DigestFinal_ex(assembly.digest, bytes, NULL);
    EVP_MD_CTX_free(assembly.digest);
    text_format_hex(text, bytes, sizeof(bytes));
    *digits = text;
    return good;
}

static bool describe_file(json_t *line, struct listing *listing, const char *path,
                          const struct catalog_entry *entry, apr_pool_t *pool,
                          struct error *error)
{
    bool chunked = entry->flags & CATALOG_CHUNKED;
    const char *digits, *again;

    if (!digest_content(&digits, listing, path, entry, chunked, pool, error))
        return false;
    if (chunked && !hash_is_null(&entry->hash)) {
        if (!digest_content(&again, listing, path, entry, false, pool, error))
            return false;
        if (strcmp(digits, again) != 0)
            return error_set(error, ERROR_BAD_HASH, "chunks and whole object differ");
    }
    json_object_set_new(line, "size", json_integer(entry->size));
    json_object_set_new(line, "mtime", json_integer(entry->mtime_seconds));
    json_object_set_new(line, "sha256", json_string(digits));
    json_object_set_new(line, "links", json_integer(entry->hardlinks & UINT32_MAX));
    if (entry->hardlinks >> 32 != 0)
        json_object_set_new(
            line, "group",
            json_sprintf("%s:%" PRId64, listing->mountpoint, entry->hardlinks >> 32));
    if (entry->flags & CATALOG_EXTERNAL)
        json_object_set_new(line, "external", json_true());
    return true;
}

static bool describe_xattrs(json_t *line, const struct catalog_entry *entry,
                            apr_pool_t *pool, struct error *error)
{
    apr_array_header_t *attributes;
    json_t *object;

    if (entry->xattr.length == 0)
        return true;
    if (!xattr_blob_read(&attributes, entry->xattr, pool, error))
        return false;
    object = json_object();
    for (int i = 0; i < attributes->nelts; i++) {
        const struct xattr *xattr = &APR_ARRAY_IDX(attributes, i, struct xattr);

        json_object_set_new(object,
                            apr_pstrmemdup(pool, xattr->name.bytes, xattr->name.length),
                            json_stringn(xattr->value.bytes, xattr->value.length));
    }
    json_object_set_new(line, "xattrs", object);
    return true;
}

static const char *type_of(unsigned int mode)
{
    if (S_ISDIR(mode))
        return "dir";
    if (S_ISLNK(mode))
        return "symlink";
    return S_ISREG(mode) ? "file" : S_ISFIFO(mode) ? "fifo" : "special";
}

static bool print_entry(struct listing *listing, const char *path,
                        const struct catalog_entry *entry, apr_pool_t *pool,
                        struct error *error)
{
    json_t *line =
        json_pack("{s:s, s:s, s:o, s:I, s:I}", "path", path + 1, "type",
                  type_of(entry->mode), "mode", json_sprintf("0o%o", entry->mode & 07777),
                  "uid", (json_int_t)entry->uid, "gid", (json_int_t)entry->gid);
    bool good = describe_xattrs(line, entry, pool, error);

    if (entry->flags & CATALOG_HIDDEN)
        json_object_set_new(line, "hidden", json_true());
    if (S_ISLNK(entry->mode))
        json_object_set_new(line, "target",
                            json_stringn(entry->symlink.bytes, entry->symlink.length));
    if (good && S_ISREG(entry->mode))
        good = describe_file(line, listing, path, entry, pool, error);
    if (good) {
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
    }
    json_decref(line);
    return good;
}

static bool descend(struct listing *listing, const char *path,
                    const struct catalog_entry *entry, apr_pool_t *pool,
                    struct error *error)
{
    const struct catalog_nested *nested;

    if (!S_ISDIR(entry->mode) || entry->flags & CATALOG_BIND_MOUNTPOINT)
        return true;
    if (!(entry->flags & CATALOG_MOUNTPOINT))
        return list_directory(listing, path, pool, error);
    nested = apr_hash_get(listing->nested, path, APR_HASH_KEY_STRING);
    if (nested == NULL)
        return error_set(error, ERROR_BAD_FORMAT, "a mountpoint without its catalog");
    return list_catalog(&listing->reader, &nested->hash, nested->size, path, pool, error);
}

static bool visit_entry(void *baton, const struct catalog_entry *entry,
                        struct error *error)
{
    struct visit *visit = baton;
    apr_pool_t *pool;
    const char *path;
    bool good;

    apr_pool_create(&pool, visit->pool);
    path = apr_psprintf(pool, "%s/%.*s", visit->directory, (int)entry->name.length,
                        entry->name.bytes);
    good = (print_entry(visit->listing, path, entry, pool, error) &&
            descend(visit->listing, path, entry, pool, error)) ||
           (error_prefix(error, "%.60s", path), false);
    apr_pool_destroy(pool);
    return good;
}

static bool list_directory(struct listing *listing, const char *path, apr_pool_t *pool,
                           struct error *error)
{
    struct visit visit = {listing, path, pool};

    return catalog_list(listing->catalog, path, visit_entry, &visit, error);
}

static bool collect_nested(struct listing *listing, apr_pool_t *pool, struct error *error)
{
    struct catalog_nested nested;
    bool more;

    listing->nested = apr_hash_make(pool);
    for (;;) {
        if (!catalog_next_nested(listing->catalog, &nested, &more, error))
            return false;
        if (!more)
            return true;
        nested.path = apr_pstrdup(pool, nested.path);
        apr_hash_set(listing->nested, nested.path, APR_HASH_KEY_STRING,
                     apr_pmemdup(pool, &nested, sizeof(nested)));
    }
}

static bool check_root(struct listing *listing, struct error *error)
{
    const struct catalog_properties *properties = catalog_properties(listing->catalog);
    struct catalog_entry root;
    bool found;

    if (strcmp(properties->root_prefix, listing->mountpoint) != 0)
        return error_set(error, ERROR_BAD_FORMAT, "the catalog is of %s",
                         properties->root_prefix);
    if (!catalog_lookup(listing->catalog, listing->mountpoint, &root, &found, error))
        return false;
    if (!found || !S_ISDIR(root.mode) ||
        !(root.flags & CATALOG_NESTED_ROOT) != (*listing->mountpoint == '\0'))
        return error_set(error, ERROR_BAD_FORMAT, "the catalog has no proper root row");
    return true;
}

static bool list_catalog(struct repository_reader *reader, const struct hash *hash,
                         int64_t size, const char *mountpoint, apr_pool_t *pool,
                         struct error *error)
{
    struct listing listing = {.reader = *reader, .mountpoint = mountpoint};
    struct object object = {*hash, OBJECT_CATALOG};
    const char *path;

    return repository_reader_unpack(&path, reader, &object, size, pool, error) &&
           catalog_open(&listing.catalog, path, pool, error) &&
           collect_nested(&listing, pool, error) && check_root(&listing, error) &&
           list_directory(&listing, mountpoint, pool, error);
}

static bool run(struct repository_reader *reader, int64_t revision, apr_pool_t *pool,
                struct error *error)
{
    struct hash catalog;
    int64_t size;

    return repository_reader_verify(reader, apr_time_now(), pool, error) &&
           repository_reader_find_revision(&catalog, &size, reader, revision, pool,
                                           error) &&
           list_catalog(reader, &catalog, size, "", pool, error);
}

int main(int count, char **arguments)
{
    static const char usage[] = "usage: tree_listing [-r REVISION] [-w WHITELIST] "
                                "FOLDER MASTER-KEY FQRN SCRATCH-FOLDER\n";
    struct repository_reader reader = {NULL};
    struct error error = {ERROR_NONE};
    int64_t revision = 0;
    apr_pool_t *pool;
    int option;
    bool good;

    while ((option = getopt(count, arguments, "r:w:")) != -1) {
        if (option == 'w')
            reader.whitelist = optarg;
        else if (option != 'r' || !text_parse_number(&revision, text_of(optarg)))
            return fputs(usage, stderr), 2;
    }
    if (count - optind != 4)
        return fputs(usage, stderr), 2;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    reader.folder = arguments[optind];
    reader.key_path = arguments[optind + 1];
    reader.fqrn = arguments[optind + 2];
    reader.scratch = arguments[optind + 3];
    if (reader.whitelist == NULL)
        reader.whitelist = apr_pstrcat(pool, reader.folder, "/.cvmfswhitelist", NULL);
    good = run(&reader, revision, pool, &error);
    if (!good)
        fprintf(stderr, "%s: %s\n", error_code_name(error.code), error.message);
    apr_pool_destroy(pool);
    apr_terminate();
    return good ? 0 : 1;
}
