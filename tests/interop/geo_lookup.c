/* SPDX-License-Identifier: Apache-2.0 */
/* Prints where addresses are: one a line from standard input, "latitude longitude" or
 * "unknown" for each; floats in full. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <apr_general.h>
#include "libreplica/geo/database.h"

/* As it stands: no address is taken for one of the other family. */
static void answer(const struct geo_database *database, const char *text)
{
    int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    struct geo_address address = {.family = family};
    struct geo_point point;

    if (inet_pton(family, text, address.bytes) == 1 &&
        geo_database_find(&point, database, &address))
        printf("%.17g %.17g\n", point.latitude, point.longitude);
    else
        puts("unknown");
}

int main(int count, char **arguments)
{
    struct geo_database *database;
    apr_array_header_t *paths;
    struct error error;
    apr_pool_t *pool;
    char line[256];

    apr_initialize();
    apr_pool_create(&pool, NULL);
    paths = apr_array_make(pool, count, sizeof(char *));
    for (int i = 1; i < count; i++)
        APR_ARRAY_PUSH(paths, char *) = arguments[i];
    if (!geo_database_open(&database, paths, pool, &error)) {
        fprintf(stderr, "%s: %s\n", error_code_name(error.code), error.message);
        return 1;
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        answer(database, line);
    }
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
