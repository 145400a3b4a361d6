/* SPDX-License-Identifier: Apache-2.0 */
/* When the files of a commit expire. */
#include "snapshotd/commit_internal.h"

#include "libreplica/base/log.h"

static struct expiry_content identity_of(const struct batch *batch,
                                         const struct upload *upload)
{
    struct expiry_content identity = {.size = upload_size(upload),
                                      .mtime_seconds = apr_time_sec(batch->now)};

    if (upload->unpacks) {
        identity.size = EXPIRY_TREE;
        return identity;
    }
    if (upload->content != NULL) {
        identity.hash = upload->content->hash;
        for (int i = 0; i < upload->content->chunk_count; i++)
            expiry_hash_chunk(&identity.hash, &upload->content->chunks[i].hash);
        return identity;
    }
    for (int i = 0; i < upload->files->nelts; i++) {
        const struct hash *hash =
            &APR_ARRAY_IDX(upload->files, i, struct upload_file).piece.hash;

        if (upload->files->nelts == 1)
            identity.hash = *hash;
        else
            expiry_hash_chunk(&identity.hash, hash);
    }
    return identity;
}

static bool write_expiry(struct batch *batch, struct error *error)
{
    bool ok = true;

    for (struct door_job *job = batch->jobs; ok && job != NULL; job = job->next) {
        struct expiry_content identity;

        if (!job->is_good || job->upload == NULL || job->answer.expires_at == 0)
            continue;
        identity = identity_of(batch, job->upload);
        ok = expiry_set(batch->expiry, job->upload->path, &identity,
                        job->answer.expires_at, error);
    }
    for (int i = 0; ok && i < batch->directories->nelts; i++)
        ok = expiry_note_directory(batch->expiry,
                                   APR_ARRAY_IDX(batch->directories, i, const char *),
                                   apr_time_sec(batch->now), error);
    return ok;
}

bool commit_record_expiry(struct batch *batch, struct error *error)
{
    return expiry_open(&batch->expiry, batch->repository->spool, batch->pool, error) &&
           expiry_begin(batch->expiry, error) &&
           expiry_end(batch->expiry, write_expiry(batch, error), error);
}

/* In the order of the changes: what one has replaced the next may have put there anew. */
static bool tidy_one(struct batch *batch, const struct door_job *job, struct error *error)
{
    bool expires = job->upload != NULL && job->answer.expires_at != 0;
    struct expiry_content identity;

    if (!expires)
        return expiry_forget_others(batch->expiry, job->request.path, NULL, error);
    identity = identity_of(batch, job->upload);
    return expiry_forget_others(batch->expiry, job->request.path, &identity, error) &&
           expiry_set(batch->expiry, job->request.path, &identity, job->answer.expires_at,
                      error);
}

static bool tidy_all(struct batch *batch, struct error *error)
{
    bool ok = true;

    for (struct door_job *job = batch->jobs; ok && job != NULL; job = job->next)
        if (job->is_good && job->request.path != NULL && !job->has_set_ttl)
            ok = tidy_one(batch, job, error);
    return ok;
}

/* They only take room: nothing is lost if that fails. */
void commit_tidy_expiry(struct batch *batch)
{
    struct error error;

    if (!expiry_begin(batch->expiry, &error) ||
        !expiry_end(batch->expiry, tidy_all(batch, &error), &error))
        log_write(LOG_LEVEL_WARNING, "repository=%s %s", batch->name, error.message);
}
