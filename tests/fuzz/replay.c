/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds a fuzz target every file of its corpus, tests/fuzz/corpus/<format>/, and reports
 * in TAP. An empty corpus is a failure: otherwise a wrong path would look like success.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include "tests/fuzz/fuzz.h"

#define INPUT_SIZE_MAX (1024 * 1024)

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool replay(const char *folder, const char *name)
{
    char path[1024];
    uint8_t *bytes = malloc(INPUT_SIZE_MAX), *exact;
    size_t length;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "r");
    if (file == NULL) {
        free(bytes);
        return false;
    }
    length = fread(bytes, 1, INPUT_SIZE_MAX, file);
    fclose(file);
    /* Of exactly that size, so that a sanitizer sees every step beyond the end. */
    exact = malloc(length + (length == 0));
    memcpy(exact, bytes, length);
    free(bytes);
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
    return true;
}

int main(int count, char **arguments)
{
    const char *top = getenv("top_srcdir"), *slash = strrchr(arguments[0], '/');
    const char *format = strstr(slash != NULL ? slash : arguments[0], "fuzz_");
    char folder[512];
    struct dirent **entries;
    int found, failed = 0;

    if (format == NULL)
        return 1;
    snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".",
             format + strlen("fuzz_"));
    if (count > 1)
        snprintf(folder, sizeof(folder), "%s", arguments[1]);
    found = scandir(folder, &entries, is_input, alphasort);
    if (found <= 0) {
        printf("1..1\nnot ok 1 - there is a corpus in %s\n", folder);
        return 1;
    }
    printf("1..%d\n", found);
    for (int i = 0; i < found; i++) {
        bool done = replay(folder, entries[i]->d_name);

        printf("%sok %d - %s\n", done ? "" : "not ", i + 1, entries[i]->d_name);
        fflush(stdout);
        failed += !done;
        free(entries[i]);
    }
    free(entries);
    return failed != 0;
}
