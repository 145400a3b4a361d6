/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl renew-certificate: a new certificate, with a new key or the present one. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/operate/owner.h"
#include "libreplica/publish/renewal.h"
#include "libreplica/publish/tagging.h"
#include "replicactl/publishing.h"

/* Before the new files are in use, as their owner will need them: the folder of keys may
 * be root's. */
static bool give(const char *path, const struct owner *owner, struct error *error)
{
    return path == NULL || lchown(path, owner->uid, (gid_t)-1) == 0 ||
           error_set_errno(error, errno, "cannot change the owner of %s", path);
}

static bool prepare(struct renewal *renewal, struct command_context *context,
                    const struct repository *repository, bool keeps_key,
                    struct error *error)
{
    struct publish_target target;
    struct owner owner;

    if (!publish_target_of(&target, repository, command_keys_directory(context),
                           context->pool, error) ||
        !renewal_prepare(renewal, &target, keeps_key, apr_time_now(), context->pool,
                         error))
        return false;
    if (geteuid() != 0 || *repository->user == '\0')
        return true;
    return owner_find(&owner, repository->user, context->pool, error) &&
           give(renewal->new_key, &owner, error) &&
           give(renewal->new_certificate, &owner, error);
}

static int list(struct command_context *context, const struct publish_target *target,
                void *baton)
{
    struct error error;

    if (!renewal_list(baton, target, apr_time_now(), context->pool, &error))
        return command_fail(context, &error);
    puts("The whitelist lists the old and the new certificate.");
    return EXIT_OK;
}

static int sign(struct command_context *context, const struct publish_target *target,
                void *baton)
{
    struct error error;

    if (!publish_sign_head(target, apr_time_now(), context->pool, &error)) {
        error_prefix(&error, "the new certificate is in place, but the present revision "
                             "is not signed with it (resign -p does that)");
        return command_fail(context, &error);
    }
    puts("The present revision is signed with the new certificate.");
    return EXIT_OK;
}

static int renew(struct command_context *context, const struct repository *repository,
                 bool keeps_key)
{
    char *name = apr_pstrdup(context->pool, repository->local_name);
    struct renewal renewal;
    struct error error;
    int code;

    if (!prepare(&renewal, context, repository, keeps_key, &error))
        return command_fail(context, &error);
    code = publishing_run(context, 1, &name, true, list, &renewal);
    if (code != EXIT_OK)
        return code;
    if (!renewal_install(&renewal, context->pool, &error))
        return command_fail(context, &error);
    return publishing_run(context, 1, &name, true, sign, &renewal);
}

int cmd_renew_certificate(struct command_context *context, int argc, char **argv)
{
    struct repository *repository;
    bool keeps_key = false;
    int option, code;

    while ((option = getopt(argc, argv, "+k")) != -1) {
        if (option != 'k')
            return command_usage(context, "renew-certificate",
                                 "Command renew-certificate: Unrecognized option");
        keeps_key = true;
    }
    code = command_one_repository(&repository, context, argc - optind, argv + optind);
    return code == EXIT_OK ? renew(context, repository, keeps_key) : code;
}
