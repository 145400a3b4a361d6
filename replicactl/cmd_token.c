/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl token: the bearer tokens of the access file. */
#include <stdio.h>
#include <string.h>
#include <apr_strings.h>
#include <openssl/rand.h>

#include "libreplica/access/access.h"
#include "libreplica/store/file.h"
#include "replicactl/command.h"

/* What programs that look for leaked secrets can recognise. */
#define TOKEN_PREFIX "replica_"
#define TOKEN_BYTES  32
#define SHOWN_DIGITS 12

static const char *path_of(const struct command_context *context)
{
    return apr_pstrcat(context->pool, context->confdir, "/" ACCESS_FILE_NAME, NULL);
}

/* The text of the access file, which has to be sound before it is changed. */
static bool read_file(struct text *text, const struct command_context *context,
                      struct error *error)
{
    const char *path = path_of(context);
    struct access_table *table;
    struct error reason;

    *text = text_of("");
    if (!file_read(text, path, ACCESS_FILE_SIZE_MAX, context->pool, &reason)) {
        *error = reason;
        return reason.code == ERROR_NOT_FOUND;
    }
    return access_parse(&table, *text, path, context->pool, error);
}

static int add(struct command_context *context, const char *principal)
{
    char digits[2 * TOKEN_BYTES + 1], hash[ACCESS_TOKEN_HASH_SIZE];
    unsigned char bytes[TOKEN_BYTES];
    const char *token, *content;
    struct error error;
    struct text text;

    if (!access_is_principal(text_of(principal)) || strcmp(principal, "anonymous") == 0)
        return command_usage(context, "token",
                             "'%.60s' is no name of a principal: letters, digits, '.', "
                             "'_', '-'",
                             principal);
    if (!read_file(&text, context, &error))
        return command_fail(context, &error);
    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        fprintf(stderr, "there are no random numbers\n");
        return EXIT_FATAL;
    }
    text_format_hex(digits, bytes, sizeof(bytes));
    token = apr_pstrcat(context->pool, TOKEN_PREFIX, digits, NULL);
    content = apr_pstrcat(
        context->pool, apr_pstrmemdup(context->pool, text.bytes, text.length),
        text.length > 0 && text.bytes[text.length - 1] != '\n' ? "\n" : "", "token ",
        principal, " ", access_token_hash(hash, text_of(token)), "\n", NULL);
    if (!file_replace(path_of(context), text_of(content), 0644, context->pool, &error))
        return command_fail(context, &error);
    puts(token);
    fprintf(stderr,
            "It is not kept: only its hash is in %s. Rights come from allow lines.\n",
            path_of(context));
    return EXIT_OK;
}

static int list(struct command_context *context)
{
    struct access_table *table;
    struct error error;

    if (!access_read(&table, context->confdir, NULL, context->pool, &error))
        return error.code == ERROR_NOT_FOUND ? EXIT_OK : command_fail(context, &error);
    for (int i = 0; i < table->tokens->nelts; i++) {
        const struct access_token *token =
            &APR_ARRAY_IDX(table->tokens, i, struct access_token);
        char digits[ACCESS_TOKEN_HASH_SIZE];

        text_format_hex(digits, token->digest, sizeof(token->digest));
        printf("%s %.*s\n", token->principal, SHOWN_DIGITS, digits);
    }
    return EXIT_OK;
}

/* Whether LINE is a token of the principal, or the one whose hash begins so. */
static bool is_condemned(struct text line, const char *which, apr_pool_t *pool)
{
    struct access_table *table;
    struct error error;
    const struct access_token *token;
    char digits[ACCESS_TOKEN_HASH_SIZE];

    if (!access_parse(&table, line, "", pool, &error) || table->tokens->nelts != 1)
        return false;
    token = &APR_ARRAY_IDX(table->tokens, 0, struct access_token);
    text_format_hex(digits, token->digest, sizeof(token->digest));
    return strcmp(token->principal, which) == 0 ||
           (strlen(which) >= SHOWN_DIGITS && strncmp(digits, which, strlen(which)) == 0);
}

static int remove_tokens(struct command_context *context, const char *which)
{
    struct text rest, line;
    struct error error;
    char *kept;
    size_t length = 0;
    int removed = 0;

    if (!read_file(&rest, context, &error))
        return command_fail(context, &error);
    kept = apr_palloc(context->pool, rest.length + 1);
    while (rest.length > 0) {
        const char *end = memchr(rest.bytes, '\n', rest.length);

        line = (struct text){rest.bytes,
                             end != NULL ? (size_t)(end - rest.bytes) + 1 : rest.length};
        rest = (struct text){rest.bytes + line.length, rest.length - line.length};
        if (is_condemned(line, which, context->pool)) {
            removed++;
            continue;
        }
        memcpy(kept + length, line.bytes, line.length);
        length += line.length;
    }
    if (removed == 0) {
        fprintf(stderr, "there is no token of '%.60s'\n", which);
        return EXIT_FATAL;
    }
    if (!file_replace(path_of(context), (struct text){kept, length}, 0644, context->pool,
                      &error))
        return command_fail(context, &error);
    printf("Removed %d token%s\n", removed, removed == 1 ? "" : "s");
    return EXIT_OK;
}

int cmd_token(struct command_context *context, int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "add") == 0)
        return add(context, argv[2]);
    if (argc == 3 && strcmp(argv[1], "remove") == 0)
        return remove_tokens(context, argv[2]);
    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list(context);
    return command_usage(context, "token", "token wants add, list or remove");
}
