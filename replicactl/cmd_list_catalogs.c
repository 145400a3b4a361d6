/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl list-catalogs: the tree of catalogs of the present revision. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "libreplica/format/catalog_editor.h"
#include "libreplica/operate/revision_tree.h"
#include "replicactl/reading.h"

struct listing {
    bool for_machines; /* no tree */
    bool shows_hash;
    bool shows_size;
    bool shows_entries;
    unsigned int depth;
    struct revision_tree *tree;
    const volatile int *stop;
    apr_pool_t *pool;
};

static bool print(const struct listing *listing, const struct catalog_nested *catalog,
                  struct error *error)
{
    struct catalog_statistics counters;
    char hash[HASH_TEXT_SIZE];

    if (!catalog_read_statistics(&counters, revision_tree_catalog(listing->tree),
                                 listing->pool, error))
        return false;
    for (unsigned int i = 1; !listing->for_machines && i < listing->depth; i++)
        fputs("\xe2\x94\x82  ", stdout);
    if (!listing->for_machines && listing->depth > 0)
        fputs("\xe2\x94\x9c\xe2\x94\x80 ", stdout);
    if (listing->shows_hash)
        printf("%s ", hash_format(hash, &catalog->hash));
    if (listing->shows_size)
        printf("%" PRId64 "B ", catalog->size);
    if (listing->shows_entries)
        printf("%" PRId64 " ", counters.self[CATALOG_COUNT_REGULAR] +
                                   counters.self[CATALOG_COUNT_SYMLINK] +
                                   counters.self[CATALOG_COUNT_SPECIAL] +
                                   counters.self[CATALOG_COUNT_DIRECTORY]);
    reading_print_path(catalog->path);
    putchar('\n');
    return true;
}

static bool print_tree(struct listing *listing, const struct catalog_nested *catalog,
                       struct error *error)
{
    const apr_array_header_t *below = revision_tree_all_nested(listing->tree);
    bool ok = print(listing, catalog, error);

    if (ok && listing->depth >= CATALOG_DEPTH_MAX)
        return error_set(error, ERROR_TOO_LARGE, "catalogs are nested too deep");
    listing->depth++;
    for (int i = 0; ok && i < below->nelts; i++) {
        const struct catalog_nested *nested =
            &APR_ARRAY_IDX(below, i, struct catalog_nested);

        if (*listing->stop)
            return error_set(error, ERROR_CANCELLED, "stopped");
        ok = revision_tree_enter(listing->tree, nested->path, error);
        if (ok) {
            ok = print_tree(listing, nested, error);
            revision_tree_leave(listing->tree);
        }
    }
    listing->depth--;
    return ok;
}

static int list(struct command_context *context, const struct repository *repository,
                void *baton)
{
    struct listing *listing = baton;
    struct catalog_nested root = {.path = ""};
    struct store *store;
    struct error error;
    struct tag head;

    listing->stop = &context->stop;
    listing->pool = context->pool;
    if (!repository_open_store(&store, repository, context->pool, &error) ||
        !revision_find_head(&head, store, repository, context->pool, &error) ||
        !revision_tree_open(
            &listing->tree, store, &head.catalog,
            settings_number(repository->settings, SETTING_MAX_CATALOG_BYTES),
            context->pool, &error))
        return command_fail(context, &error);
    root.hash = head.catalog;
    root.size = head.catalog_size;
    return print_tree(listing, &root, &error) ? EXIT_OK : command_fail(context, &error);
}

int cmd_list_catalogs(struct command_context *context, int argc, char **argv)
{
    struct listing listing = {0};
    int option;

    while ((option = getopt(argc, argv, "+sehx")) != -1) {
        if (option == '?')
            return command_usage(context, "list-catalogs",
                                 "Command list-catalogs: Unrecognized option: -%c",
                                 optopt);
        listing.shows_size = listing.shows_size || option == 's';
        listing.shows_entries = listing.shows_entries || option == 'e';
        listing.shows_hash = listing.shows_hash || option == 'h';
        listing.for_machines = listing.for_machines || option == 'x';
    }
    return reading_run(context, argc - optind, argv + optind, list, &listing);
}
