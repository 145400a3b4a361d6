/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a request is allowed, and of which repository it is. */
#include "snapshotd/door_internal.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

/* A signature is good for one request, which may be several messages on one connection.
 */
static bool is_fresh(struct door_job *job, apr_time_t now, struct error *error)
{
    struct door_connection *connection = job->connection;
    const char *mac = job->request.mac;
    bool is_known;

    pthread_mutex_lock(&connection->mutex);
    is_known = connection->last_mac != NULL && strcmp(connection->last_mac, mac) == 0;
    pthread_mutex_unlock(&connection->mutex);
    if (is_known)
        return true;
    if (!replays_note(connection->door->replays, mac,
                      strtoll(job->request.date, NULL, 10), now, error))
        return false;
    pthread_mutex_lock(&connection->mutex);
    free(connection->last_mac);
    connection->last_mac = strdup(mac);
    pthread_mutex_unlock(&connection->mutex);
    return true;
}

static bool credential_of(struct access_credential *credential,
                          const struct message_request *request, struct error *error)
{
    *credential = (struct access_credential){.token_hash = request->token,
                                             .key_id = request->key,
                                             .mac = request->mac,
                                             .method = request->method,
                                             .target = request->target,
                                             .date = request->date};
    if (request->token != NULL)
        credential->proof = ACCESS_PROOF_TOKEN;
    else if (request->key != NULL)
        credential->proof = ACCESS_PROOF_KEY;
    return credential->proof != ACCESS_PROOF_KEY ||
           (request->mac != NULL && request->method != NULL && request->target != NULL &&
            request->date != NULL) ||
           error_set(error, ERROR_USAGE, "a signature lacks what it signs");
}

static bool check_rights(struct door_context *context, struct door_job *job,
                         enum access_verb verb, const char *path, struct error *error)
{
    struct access_request wanted = {verb, job->request.repository, path};
    struct access_credential credential;
    struct access_table *table;
    apr_time_t now = apr_time_now();

    if (!access_read(&table, job->connection->door->confdir, context->keys, job->pool,
                     error)) {
        /* Not what the caller may not do. */
        if (error->code == ERROR_PERMISSION || error->code == ERROR_NOT_FOUND)
            error->code = ERROR_SETTING;
        return false;
    }
    return credential_of(&credential, &job->request, error) &&
           access_identify(&context->principal, table, &credential, now, job->pool,
                           error) &&
           (credential.proof != ACCESS_PROOF_KEY || is_fresh(job, now, error)) &&
           access_allows(table, context->principal, &wanted, error);
}

static bool find_repository(struct door_context *context, struct door_job *job,
                            struct error *error)
{
    const struct door *door = job->connection->door;
    const struct repository *repository;

    if (!repository_read(&context->repository, door->confdir, job->request.repository,
                         context->server, job->pool, error))
        return false;
    repository = context->repository;
    if (repository->kind != REPOSITORY_STRATUM0)
        return error_set(error, ERROR_NOT_FOUND, "%s is not published here",
                         repository->local_name);
    if (!repository_is_of(repository, door->user))
        return error_set(error, ERROR_SETTING, "%s belongs to %s, snapshotd runs as %s",
                         repository->local_name, repository->user, door->user);
    return true;
}

bool door_context_open(struct door_context *context, struct door_job *job,
                       enum access_verb verb, const char *path, struct error *error)
{
    struct door *door = job->connection->door;

    if (job->request.repository == NULL ||
        !text_is_repository_name(text_of(job->request.repository)))
        return error_set(error, ERROR_NOT_FOUND, "there is no such repository");
    if (!server_settings_read(&context->server, door->confdir, false, job->pool, error))
        return false;
    context->keys = server_keys_directory(context->server, door->confdir, job->pool);
    return check_rights(context, job, verb, path, error) &&
           find_repository(context, job, error);
}

static bool takes(struct door_job *job, enum access_verb verb, const char *name,
                  struct error *error)
{
    struct door_context context;

    job->request.repository = name;
    return door_context_open(&context, job, verb, "", error);
}

bool door_repositories(apr_array_header_t **names, struct door_job *job,
                       enum access_verb verb, struct error *error)
{
    apr_array_header_t *all;
    struct error reason;

    if (!repository_names(&all, job->door->confdir, job->pool, error))
        return false;
    error_set(error, ERROR_NOT_FOUND, "there is no repository");
    *names = apr_array_make(job->pool, all->nelts + 1, sizeof(const char *));
    for (int i = 0; i < all->nelts; i++) {
        const char *name = APR_ARRAY_IDX(all, i, const char *);

        if (takes(job, verb, name, &reason))
            APR_ARRAY_PUSH(*names, const char *) = name;
        else if (reason.code == ERROR_BAD_SIGNATURE || reason.code == ERROR_PERMISSION)
            *error = reason;
    }
    job->request.repository = NULL;
    return (*names)->nelts > 0;
}
