/* SPDX-License-Identifier: Apache-2.0 */
/* Writing shell scripts from an image's configuration. */
#include "libreplica/publish/image_scripts.h"

#include <string.h>
#include <apr_strings.h>

/* One word for a shell. */
static const char *quote(const char *word, apr_pool_t *pool)
{
    char *quoted = apr_palloc(pool, 4 * strlen(word) + 3), *end = quoted;

    *end++ = '\'';
    for (; *word != '\0'; word++) {
        if (*word == '\'') {
            memcpy(end, "'\\''", 4);
            end += 4;
        } else {
            *end++ = *word;
        }
    }
    *end++ = '\'';
    *end = '\0';
    return quoted;
}

static const char *quote_all(const apr_array_header_t *words, apr_pool_t *pool)
{
    const char *line = "";

    for (int i = 0; i < words->nelts; i++)
        line = apr_pstrcat(pool, line, " ",
                           quote(APR_ARRAY_IDX(words, i, const char *), pool), NULL);
    return line;
}

/* As Docker: arguments take the place of the command, and the entrypoint stays. */
struct text image_run_script(const struct image *image, apr_pool_t *pool)
{
    const char *entrypoint = quote_all(image->entrypoint, pool);
    const char *command = quote_all(image->command, pool);

    if (image->entrypoint->nelts == 0 && image->command->nelts == 0)
        command = " /bin/sh";
    return text_of(apr_pstrcat(pool,
                               "#!/bin/sh\n"
                               "if [ $# -eq 0 ]; then\n"
                               "    set --",
                               command,
                               "\n"
                               "fi\n"
                               "exec",
                               entrypoint, " \"$@\"\n", NULL));
}

static bool is_variable(const char *name, size_t length)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

    return length > 0 && strspn(name, letters) >= length && (*name < '0' || *name > '9');
}

/* Whoever starts the container may have set a variable; the path is the image's own. */
static const char *assignment(const char *variable, apr_pool_t *pool)
{
    const char *equals = strchr(variable, '='), *name;

    if (equals == NULL || !is_variable(variable, (size_t)(equals - variable)))
        return "";
    name = apr_pstrmemdup(pool, variable, (size_t)(equals - variable));
    if (strcmp(name, "PATH") == 0)
        return apr_pstrcat(pool, "PATH=", quote(equals + 1, pool), "\nexport PATH\n",
                           NULL);
    return apr_pstrcat(pool, "[ -n \"${", name, ":-}\" ] || ", name, "=",
                       quote(equals + 1, pool), "\nexport ", name, "\n", NULL);
}

struct text image_environment_script(const struct image *image, apr_pool_t *pool)
{
    const char *script = "#!/bin/sh\n";

    for (int i = 0; i < image->environment->nelts; i++)
        script = apr_pstrcat(
            pool, script,
            assignment(APR_ARRAY_IDX(image->environment, i, const char *), pool), NULL);
    return text_of(script);
}
