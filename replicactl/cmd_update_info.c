/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl update-info: what the server says about itself. */
#include "replicactl/command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/operate/server_info.h"
#include "libreplica/store/file.h"

#define META_SIZE_MAX (1024 * 1024)

/* $EDITOR may come with arguments of its own, as a shell splits them. */
static bool run_editor(const char *path)
{
    const char *editor = getenv("EDITOR");
    pid_t child;
    int status;

    if (editor == NULL || *editor == '\0')
        editor = "vi";
    fflush(NULL);
    child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        execl("/bin/sh", "sh", "-c", "exec $0 \"$1\"", editor, path, (char *)NULL);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    fprintf(stderr, "The editor '%s' failed; the environment variable EDITOR names it.\n",
            editor);
    return false;
}

static bool wants_another_try(const struct error *error)
{
    char reply[16];

    printf("\nYour JSON file is invalid, please check again:\n%s\n", error->message);
    return command_ask(reply, sizeof(reply), "Edit again? [y]: ") &&
           (*reply == '\0' || strcasecmp(reply, "y") == 0);
}

static bool edit_until_valid(struct text *text, const char *path, apr_pool_t *pool,
                             struct error *error)
{
    for (;;) {
        if (!run_editor(path))
            return error_set(error, ERROR_CANCELLED, "Aborting...");
        if (!file_read(text, path, META_SIZE_MAX, pool, error))
            return false;
        if (server_info_check_meta(*text, error))
            return true;
        if (!wants_another_try(error))
            return error_prefix(error, "Aborting... meta.json was not changed");
    }
}

/* On a copy, so that readers never see a draft. */
static bool edit_meta(struct text *text, const struct command_context *context,
                      struct error *error)
{
    const char *folder = getenv("TMPDIR");
    char *path = apr_pstrcat(context->pool, folder != NULL ? folder : "/tmp",
                             "/replica-meta.XXXXXX.json", NULL);
    struct text old;
    bool ok;
    int fd;

    if (!server_info_read_meta(&old, context->server, context->pool, error))
        return false;
    fd = mkstemps(path, 5);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot create %s", path);
    ok = write(fd, old.bytes, old.length) == (ssize_t)old.length ||
         error_set_errno(error, errno, "cannot write %s", path);
    close(fd);
    ok = ok && edit_until_valid(text, path, context->pool, error);
    unlink(path);
    return ok;
}

static bool update(const struct command_context *context, bool edits, struct error *error)
{
    struct text meta;

    if (!server_info_create(context->server, context->pool, error) ||
        (edits && !edit_meta(&meta, context, error)) ||
        !server_info_update(context->confdir, context->server, context->pool, error))
        return false;
    return !edits || server_info_write_meta(context->server, meta, context->pool, error);
}

int cmd_update_info(struct command_context *context, int argc, char **argv)
{
    apr_array_header_t *paths = apr_array_make(context->pool, 1, sizeof(const char *));
    bool edits = true;
    struct error error;
    int option;

    while ((option = getopt(argc, argv, "+pe")) != -1)
        if (option == 'e')
            edits = false;
        else if (option != 'p')
            return command_usage(context, "update-info",
                                 "Command update-info: Unrecognized option: -%c", optopt);
    APR_ARRAY_PUSH(paths, const char *) =
        server_info_directory(context->server, context->pool);
    if (!command_may_change(context, "update meta information", paths))
        return EXIT_FATAL;
    if (!update(context, edits, &error))
        return command_fail(context, &error);
    printf("Updating global JSON information... done\n");
    return EXIT_OK;
}
