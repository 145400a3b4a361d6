/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the present revision, and when it expires. */
#include "snapshotd/upload.h"

#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>

#include "libreplica/format/compress.h"
#include "libreplica/format/upload_path.h"
#include "libreplica/operate/ttl_manifest.h"
#include "libreplica/store/expiry.h"
#include "libreplica/store/tree_view.h"

/* Of one message: a byte of a name may take six in JSON. */
#define NAMES_BYTES_MAX (MESSAGE_BODY_MAX / 8)
#define CHUNKS_MAX      1000

struct looker {
    struct door_job *job;
    struct message_answer part;
    size_t bytes;
    bool takes_trees;
    struct expiry_content identity;
};

static bool is_path(const char *path, enum access_verb verb)
{
    if (path == NULL || *path == '\0')
        return path != NULL;
    return verb == ACCESS_READ ? upload_path_check_read(text_of(path), NULL)
                               : upload_path_check(text_of(path), NULL);
}

/* The rights to a path, and a look at the tree. False: the job is answered. True: the
 * view has to be left before it is. */
static bool enter(struct door_context *context, struct tree_view **view,
                  struct door_job *job, enum access_verb verb)
{
    struct error error;

    if (!is_path(job->request.path, verb))
        error_set(&error, ERROR_NOT_FOUND, "there is no such file");
    else if (door_context_open(context, job, verb, job->request.path, &error)) {
        if (door_view_enter(view, context, job, &error))
            return true;
        door_fail_inside(job, &error);
        return false;
    }
    door_fail(job, &error);
    return false;
}

static void send_part(struct looker *looker)
{
    door_progress(looker->job, &looker->part);
    if (looker->part.names != NULL)
        apr_array_clear(looker->part.names);
    if (looker->part.trees != NULL)
        apr_array_clear(looker->part.trees);
    if (looker->part.chunks != NULL)
        apr_array_clear(looker->part.chunks);
    looker->bytes = 0;
}

/* A directory that is a nested catalog, as those are that archives are unpacked to. */
static bool is_tree(const struct catalog_entry *entry)
{
    return S_ISDIR(entry->mode) &&
           (entry->flags & (CATALOG_MOUNTPOINT | CATALOG_NESTED_ROOT)) != 0;
}

static bool add_name(void *baton, const struct catalog_entry *entry, struct error *error)
{
    struct looker *looker = baton;
    apr_array_header_t *names = is_tree(entry) ? looker->part.trees : looker->part.names;

    if (!S_ISREG(entry->mode) && !is_tree(entry))
        return true;
    if (atomic_load(&looker->job->connection->is_closed))
        return error_set(error, ERROR_CANCELLED, "the caller has gone");
    if (looker->bytes + entry->name.length + 1 > NAMES_BYTES_MAX)
        send_part(looker);
    APR_ARRAY_PUSH(names, const char *) =
        apr_pstrmemdup(looker->job->pool, entry->name.bytes, entry->name.length);
    looker->bytes += entry->name.length + 1;
    return true;
}

void answer_list(struct door_job *job)
{
    struct looker looker = {.job = job};
    struct door_context context;
    struct catalog_entry entry;
    struct tree_view *view;
    struct error error;
    bool found, ok;

    if (!enter(&context, &view, job, ACCESS_READ))
        return;
    looker.part.names = apr_array_make(job->pool, 64, sizeof(const char *));
    looker.part.trees = apr_array_make(job->pool, 4, sizeof(const char *));
    ok = tree_view_find(view, &found, &entry, job->request.path, &error);
    if (ok && (!found || !(entry.flags & CATALOG_DIRECTORY)))
        ok = error_set(&error, ERROR_NOT_FOUND, "there is no directory %.150s",
                       job->request.path);
    ok = ok && tree_view_list(view, job->request.path, add_name, &looker, &error);
    door_view_leave(&context, job);
    if (ok)
        door_done(job, &looker.part, -1);
    else
        door_fail_inside(job, &error);
}

static bool add_chunk(void *baton, const struct catalog_chunk *chunk, struct error *error)
{
    struct looker *looker = baton;

    expiry_hash_chunk(&looker->identity.hash, &chunk->hash);
    if (looker->part.chunks == NULL)
        return true;
    if (looker->part.chunks->nelts == CHUNKS_MAX)
        send_part(looker);
    APR_ARRAY_PUSH(looker->part.chunks, struct message_chunk) =
        (struct message_chunk){chunk->offset, chunk->size, chunk->hash};
    return true;
}

/* The file at the job's path; its identity is put together on the way. */
static bool look(struct looker *looker, struct catalog_entry *entry,
                 struct tree_view *view, struct error *error)
{
    const char *path = looker->job->request.path;
    bool found;

    if (!tree_view_find(view, &found, entry, path, error))
        return false;
    found = found && (S_ISREG(entry->mode) || (looker->takes_trees && is_tree(entry)));
    if (!found || *path == '\0')
        return error_set(error, ERROR_NOT_FOUND, "there is no file %.150s%s", path,
                         looker->takes_trees ? ", nor a tree that was unpacked" : "");
    looker->identity =
        (struct expiry_content){entry->size, entry->mtime_seconds, entry->hash};
    if (is_tree(entry)) {
        looker->identity.size = EXPIRY_TREE;
        looker->identity.hash = (struct hash){0};
        return true;
    }
    if (entry->flags & CATALOG_EXTERNAL)
        return error_set(error, ERROR_UNSUPPORTED, "the data of %.150s are elsewhere",
                         path);
    return (entry->flags & CATALOG_CHUNKED) == 0 ||
           tree_view_chunks(view, path, add_chunk, looker, error);
}

void answer_look(struct door_job *job)
{
    struct looker looker = {.job = job};
    char hash[HASH_TEXT_SIZE];
    struct door_context context;
    struct catalog_entry entry;
    struct tree_view *view;
    struct error error;
    bool ok;

    if (!enter(&context, &view, job, ACCESS_READ))
        return;
    looker.part.chunks = apr_array_make(job->pool, 16, sizeof(struct message_chunk));
    ok = look(&looker, &entry, view, &error);
    door_view_leave(&context, job);
    if (!ok) {
        door_fail_inside(job, &error);
        return;
    }
    looker.part.size = looker.identity.size;
    looker.part.mtime_seconds = looker.identity.mtime_seconds;
    looker.part.compression = compression_name(entry.compression);
    looker.part.hash = hash_format(hash, &looker.identity.hash);
    if ((entry.flags & CATALOG_CHUNKED) == 0)
        looker.part.chunks = NULL;
    looker.part.cuts_files = looker.part.chunks != NULL;
    door_done(job, &looker.part, -1);
}

/* What goes with the revision that is being made cannot be put off any more. */
static bool check_claim(struct expiry *expiry, const struct looker *looker,
                        struct error *error)
{
    const char *path = looker->job->request.path;
    apr_time_t expires_at;
    bool found;

    if (!expiry_find(expiry, &found, &expires_at, path, &looker->identity, error))
        return false;
    return !found || expires_at >= 0 ||
           error_set(error, ERROR_EXISTS, "%.150s has expired and is being removed",
                     path);
}

static bool write_ttl(struct expiry *expiry, struct looker *looker, struct error *error)
{
    const char *path = looker->job->request.path;
    int64_t seconds = looker->job->request.ttl_seconds;

    if (!check_claim(expiry, looker, error))
        return false;
    if (seconds == 0)
        return expiry_forget_others(expiry, path, NULL, error);
    looker->part.expires_at = apr_time_now() + apr_time_from_sec(seconds);
    return expiry_set(expiry, path, &looker->identity, looker->part.expires_at, error) &&
           expiry_forget_others(expiry, path, &looker->identity, error);
}

static bool set_ttl(struct looker *looker, const struct door_context *context,
                    struct error *error)
{
    struct expiry *expiry;

    return expiry_open(&expiry, context->repository->spool, looker->job->pool, error) &&
           expiry_begin(expiry, error) &&
           expiry_end(expiry, write_ttl(expiry, looker, error), error);
}

/* It may have gone just before its time was set. */
static bool is_still_there(const struct looker *looker,
                           const struct door_context *context, struct error *error)
{
    struct looker again = {.job = looker->job, .takes_trees = true};
    struct catalog_entry entry;
    struct tree_view *view;
    bool ok;

    if (!door_view_enter(&view, context, looker->job, error))
        return false;
    ok = look(&again, &entry, view, error);
    door_view_leave(context, looker->job);
    return ok &&
           (strcmp(expiry_content_text(&again.identity, looker->job->pool),
                   expiry_content_text(&looker->identity, looker->job->pool)) == 0 ||
            error_set(error, ERROR_EXISTS, "%.150s has just been replaced",
                      looker->job->request.path));
}

void answer_set_ttl(struct door_job *job)
{
    struct looker looker = {.job = job, .takes_trees = true};
    struct door_context context;
    struct catalog_entry entry;
    struct tree_view *view;
    struct error error;
    bool ok;

    if (!enter(&context, &view, job, ACCESS_TTL))
        return;
    ok = look(&looker, &entry, view, &error);
    door_view_leave(&context, job);
    if (!ok || !set_ttl(&looker, &context, &error) ||
        !is_still_there(&looker, &context, &error)) {
        door_fail_inside(job, &error);
        return;
    }
    housekeeping_look(job->door, context.repository->local_name);
    if (ttl_manifest_is_wanted(context.repository)) {
        job->has_set_ttl = true;
        job->answer = looker.part;
        commit_submit(job);
    } else {
        door_done(job, &looker.part, -1);
    }
}

void answer_remove(struct door_job *job)
{
    struct door_context context;
    struct tree_view *view;
    struct error error;

    if (job->request.path == NULL || *job->request.path == '\0') {
        error_set(&error, ERROR_USAGE, "what is to be removed?");
        door_fail(job, &error);
    } else if (enter(&context, &view, job, ACCESS_DELETE)) {
        door_view_leave(&context, job);
        commit_submit(job);
    }
}
