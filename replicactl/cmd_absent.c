/* SPDX-License-Identifier: Apache-2.0 */
/* The reference's verbs that this version does not have: known, and refused clearly. */
#include "replicactl/command.h"

#include <stdio.h>
#include <string.h>

static const char *const stratum0_verbs[] = {"abort",
                                             "alterfs",
                                             "catalog-chown",
                                             "checkout",
                                             "enter",
                                             "eliminate-bulk-hashes",
                                             "eliminate-hardlinks",
                                             "fix-stats",
                                             "masterkeycard",
                                             "mount",
                                             "skeleton",
                                             "transaction",
                                             "update-repoinfo"};
static const char *const other_verbs[] = {"fix-permissions", "merge-stats", "migrate",
                                          "print-stats"};

/* Those for changes that are made in a mounted file system. */
static const char *const transaction_verbs[] = {"abort", "enter", "publish",
                                                "transaction"};

static bool is_among(const char *verb, const char *const *verbs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(verb, verbs[i]) == 0)
            return true;
    return false;
}

static bool is_for_stratum0(const char *verb)
{
    return is_among(verb, stratum0_verbs,
                    sizeof(stratum0_verbs) / sizeof(*stratum0_verbs)) ||
           strcmp(verb, "publish") == 0;
}

static bool is_of_transactions(const char *verb)
{
    return is_among(verb, transaction_verbs,
                    sizeof(transaction_verbs) / sizeof(*transaction_verbs));
}

bool command_is_absent(const char *verb)
{
    /* Without a directory to publish it is as absent as the others of transactions. */
    if (strcmp(verb, "publish") == 0)
        return false;
    return is_for_stratum0(verb) ||
           is_among(verb, other_verbs, sizeof(other_verbs) / sizeof(*other_verbs));
}

/* The replica that the line is about, if it is about one. */
static const struct repository *find_replica(const struct command_context *context,
                                             const char *name)
{
    struct repository *repository;
    const char *problem;

    return repository_read_leniently(&repository, &problem, context->confdir,
                                     command_full_name(context, name), context->server,
                                     context->pool, NULL) &&
                   repository->kind == REPOSITORY_STRATUM1
               ? repository
               : NULL;
}

int cmd_absent(struct command_context *context, int argc, char **argv)
{
    const struct repository *replica = argc > 1 && is_for_stratum0(argv[0])
                                           ? find_replica(context, argv[argc - 1])
                                           : NULL;

    if (replica != NULL && strcmp(argv[0], "mount") == 0)
        return EXIT_OK; /* as the reference: hosts of both kinds run it at boot */
    if (replica != NULL)
        fprintf(stderr, "%s is not a stratum 0 repository\n", replica->local_name);
    else if (is_of_transactions(argv[0]))
        fprintf(stderr,
                "%s: there are no transactions, because nothing is mounted: 'publish "
                "--from DIRECTORY' publishes a directory, and 'ingest' what a tar "
                "archive changes, each as one revision or not at all\n",
                argv[0]);
    else
        fprintf(stderr, "%s: the verb %s is not in this version\n", context->program,
                argv[0]);
    return EXIT_FATAL;
}
