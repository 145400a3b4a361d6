/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a storage and keys are a repository that can be published here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/operate/gc_reflog.h"
#include "libreplica/operate/import_repository.h"
#include "libreplica/operate/key_files.h"
#include "libreplica/publish/keyring.h"
#include "libreplica/replicate/ensemble.h"
#include "libreplica/store/file.h"
#include "libreplica/store/tree_view.h"

/* So many directories without a file say that there is none. */
#define DIRECTORIES_MAX 1000

struct examination {
    struct stratum0_configuration *configuration;
    const struct import_options *options;
    apr_time_t now;
    struct key *public_key;
    struct keyring keyring; /* unset if a key is made */
    struct store *store;
    struct manifest *manifest;
    apr_pool_t *pool;
};

static bool examine_master(struct examination *examination, struct error *error)
{
    const char *fqrn = examination->configuration->fqrn;
    const char *keys = examination->options->keys;
    struct key *master;

    if (!examination->options->signs_whitelist &&
        !key_file_exists(keys, fqrn, KEY_FILE_MASTER, examination->pool))
        return true;
    if (!keyring_read_master(&master, keys, fqrn, examination->pool, error))
        return false;
    return keyring_check_master(
        master, examination->public_key, fqrn,
        key_file_path(keys, fqrn, KEY_FILE_PUBLIC, examination->pool), examination->pool,
        error);
}

static bool examine_keys(struct examination *examination, struct error *error)
{
    const char *fqrn = examination->configuration->fqrn;
    const char *keys = examination->options->keys;
    const char *path = key_file_path(keys, fqrn, KEY_FILE_PUBLIC, examination->pool);
    struct text pem;

    if (!file_read(&pem, path, KEYRING_FILE_MAX, examination->pool, error))
        return false;
    if (!key_parse_public(&examination->public_key, pem, examination->pool, error))
        return error_prefix(error, "%s", path);
    if (examination->options->makes_key)
        return examine_master(examination, error);
    if (!keyring_read(&examination->keyring, keys, fqrn, examination->pool, error))
        return error->code == ERROR_NOT_FOUND
                   ? error_prefix(error, "signing key and certificate (-k names their "
                                         "directory, -t makes new ones)")
                   : false;
    return examine_master(examination, error);
}

static bool is_same_directory(const char *one, const char *other)
{
    struct stat first, second;

    return stat(one, &first) == 0 && stat(other, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* What is there is not replaced by something else. */
static bool examine_place(const struct examination *examination, enum key_file file,
                          struct error *error)
{
    const char *fqrn = examination->configuration->fqrn;
    const char *from = examination->options->keys, *to = examination->configuration->keys;
    bool is_made = examination->options->makes_key &&
                   (file == KEY_FILE_SIGNING || file == KEY_FILE_CERTIFICATE);
    bool same = !is_made && is_same_directory(from, to);

    if (!key_file_exists(to, fqrn, file, examination->pool) || same)
        return true;
    if (!is_made && key_file_exists(from, fqrn, file, examination->pool) &&
        !key_file_compare(&same, from, to, fqrn, file, examination->pool, error))
        return false;
    return same || error_set(error, ERROR_EXISTS,
                             "%s is there and would be another key than the "
                             "repository's: move it away",
                             key_file_path(to, fqrn, file, examination->pool));
}

static bool examine_places(const struct examination *examination, struct error *error)
{
    for (enum key_file file = 0; file < KEY_FILE_COUNT; file++)
        if (!examine_place(examination, file, error))
            return false;
    return true;
}

/* By the certificate that is to sign from now on, whatever the whitelist says. */
static bool verify_by_certificate(struct examination *examination,
                                  const struct ensemble_source *source,
                                  struct error *error)
{
    struct ensemble_source own = *source;

    if (!store_read(&own.manifest_text, examination->store, MANIFEST_NAME,
                    MANIFEST_SIZE_MAX, examination->pool, error) ||
        !ensemble_parse_manifest(&examination->manifest, &own, examination->pool, error))
        return false;
    return signature_verify_digest_info(certificate_key(examination->keyring.certificate),
                                        examination->manifest->signed_text,
                                        examination->manifest->signature, error) ||
           error_prefix(error, "%s/" MANIFEST_NAME, source->origin_url);
}

/* Without a whitelist that can be believed. */
static bool examine_alone(struct examination *examination,
                          const struct ensemble_source *source,
                          const struct error *reason, struct error *error)
{
    struct error unused;

    if (examination->options->signs_whitelist && !examination->options->makes_key &&
        reason->code != ERROR_UNSUPPORTED &&
        verify_by_certificate(examination, source, &unused))
        return true;
    return error_set(error, reason->code, "%s%s", reason->message,
                     reason->code == ERROR_EXPIRED ? " (-r signs a new whitelist)" : "");
}

static bool examine_head(struct examination *examination, struct error *error)
{
    const struct stratum0_configuration *configuration = examination->configuration;
    bool signs = examination->options->signs_whitelist;
    apr_array_header_t *keys = apr_array_make(examination->pool, 1, sizeof(struct key *));
    struct ensemble_source source = {.fqrn = configuration->fqrn,
                                     .origin_url = configuration->storage,
                                     .master_keys = keys,
                                     .store = examination->store};
    struct ensemble ensemble = {0};
    struct error reason;

    APR_ARRAY_PUSH(keys, struct key *) = examination->public_key;
    /* One that is replaced may have expired: at the beginning of time none has. */
    if (!ensemble_read(&ensemble, &source, signs ? 0 : examination->now,
                       examination->pool, &reason))
        return examine_alone(examination, &source, &reason, error);
    examination->manifest = ensemble.manifest;
    return signs ||
           whitelist_check_certificate(ensemble.whitelist,
                                       certificate_der(examination->keyring.certificate),
                                       error) ||
           error_prefix(error, "the certificate in %s (-r signs a new whitelist)",
                        examination->options->keys);
}

static bool examine_objects(struct examination *examination, struct error *error)
{
    struct object objects[MANIFEST_OBJECTS];
    char name[OBJECT_NAME_SIZE];
    bool intact;

    manifest_objects(objects, examination->manifest);
    for (int i = 0; i < MANIFEST_OBJECTS; i++) {
        if (hash_is_null(&objects[i].hash))
            continue;
        if (!store_verify(examination->store, &objects[i], &intact, error))
            return false;
        if (!intact)
            return error_set(error, ERROR_BAD_HASH,
                             "%s, which the manifest in %s names, is missing or damaged",
                             object_name(name, &objects[i]),
                             examination->configuration->storage);
    }
    return true;
}

/* Looking for a file with a content. */
struct sample {
    apr_array_header_t *directories; /* const char *: to be looked into */
    const char *directory;
    bool found;
    enum compression compression;
    apr_pool_t *pool;
};

static bool look_at(void *baton, const struct catalog_entry *entry, struct error *error)
{
    struct sample *sample = baton;

    (void)error;
    if (S_ISDIR(entry->mode) && (entry->flags & CATALOG_BIND_MOUNTPOINT) == 0) {
        if (sample->directories->nelts < DIRECTORIES_MAX)
            APR_ARRAY_PUSH(sample->directories, const char *) =
                apr_psprintf(sample->pool, "%s/%.*s", sample->directory,
                             (int)entry->name.length, entry->name.bytes);
    } else if (S_ISREG(entry->mode) && entry->size > 0 && !sample->found) {
        sample->found = true;
        sample->compression = entry->compression;
    }
    return true;
}

/* What the first file has; a repository without any says nothing. */
static bool examine_content(struct examination *examination, struct error *error)
{
    struct sample sample = {
        .directories = apr_array_make(examination->pool, 64, sizeof(const char *)),
        .compression = COMPRESSION_ZLIB,
        .pool = examination->pool};
    struct tree_view *view;
    bool ok;

    if (!tree_view_open(&view, examination->store, examination->pool, error))
        return false;
    APR_ARRAY_PUSH(sample.directories, const char *) = "";
    ok = true;
    for (int i = 0; ok && !sample.found && i < sample.directories->nelts; i++) {
        sample.directory = APR_ARRAY_IDX(sample.directories, i, const char *);
        ok = tree_view_list(view, sample.directory, look_at, &sample, error);
    }
    examination->configuration->compression = sample.compression;
    return ok;
}

/* One that is missing is written anew. */
static bool examine_reflog(struct examination *examination, struct error *error)
{
    struct reflog *reflog;
    bool found;

    return (gc_reflog_open(&reflog, &found, examination->store,
                           examination->configuration->fqrn, NULL, examination->pool,
                           error) &&
            (!found || reflog_close(reflog, error))) ||
           error_prefix(error, "%s/" REFLOG_NAME " (without one it is made anew)",
                        examination->configuration->storage);
}

static void take_configuration(const struct examination *examination)
{
    struct stratum0_configuration *configuration = examination->configuration;
    const struct manifest *manifest = examination->manifest;

    configuration->algorithm = manifest->catalog.algorithm;
    configuration->is_garbage_collectable = manifest->garbage_collectable;
    configuration->ttl_seconds =
        manifest->ttl_seconds == MANIFEST_DEFAULT_TTL ? 0 : manifest->ttl_seconds;
}

static bool examine_owner(const struct examination *examination,
                          const struct owner *owner, struct error *error)
{
    bool may_give = examination->options->gives_storage && geteuid() == 0;

    return may_give ||
           store_check_owner(examination->configuration->storage, owner->uid,
                             examination->pool, error) ||
           error_prefix(error, "the owner is to be %s (as root, -g gives it)",
                        owner->name);
}

/* Catalogs are inflated in SCRATCH: nothing is written to the storage. */
static bool examine(struct examination *examination, const struct owner *owner,
                    const char *scratch, struct error *error)
{
    if (!store_open(&examination->store, examination->configuration->storage, scratch,
                    examination->pool, error) ||
        !examine_keys(examination, error) || !examine_places(examination, error) ||
        !examine_head(examination, error) || !examine_objects(examination, error) ||
        !examine_owner(examination, owner, error) ||
        !examine_reflog(examination, error) || !examine_content(examination, error))
        return false;
    take_configuration(examination);
    return true;
}

bool import_examine(int64_t *revision, struct stratum0_configuration *configuration,
                    const struct import_options *options, const struct owner *owner,
                    apr_time_t now, apr_pool_t *pool, struct error *error)
{
    struct examination examination = {
        .configuration = configuration, .options = options, .now = now};
    const char *parent = getenv("TMPDIR");
    char *scratch = apr_pstrcat(pool, parent != NULL ? parent : "/tmp",
                                "/replica-import.XXXXXX", NULL);
    bool ok;

    if (mkdtemp(scratch) == NULL)
        return error_set_errno(error, errno, "cannot create %s", scratch);
    apr_pool_create(&examination.pool, pool);
    ok = examine(&examination, owner, scratch, error);
    if (ok)
        *revision = examination.manifest->revision;
    apr_pool_destroy(examination.pool);
    file_remove_tree(scratch, NULL);
    return ok;
}
