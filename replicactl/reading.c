/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that look into a repository's revisions share. */
#include "replicactl/reading.h"

#include <stdio.h>

int reading_run(struct command_context *context, int argc, char **argv,
                command_work *work, void *baton)
{
    struct repository *repository;
    int code = command_one_repository(&repository, context, argc, argv);

    if (code != EXIT_OK)
        return code;
    if (settings_boolean(repository->settings, SETTING_PASSTHROUGH)) {
        fprintf(stderr, "%s is a pass-through repository: it has no revisions here\n",
                repository->local_name);
        return EXIT_FATAL;
    }
    return command_run_as_owner(context, repository, work, baton);
}

void reading_print_path(const char *path)
{
    const unsigned char *byte = (const unsigned char *)path;

    if (*path == '\0')
        putchar('/');
    for (; *byte != '\0'; byte++) {
        if (*byte < ' ' || *byte == '\\' || *byte == 127)
            printf("\\x%02x", *byte);
        else
            putchar(*byte);
    }
}
