/* SPDX-License-Identifier: Apache-2.0 */
/* The scratch file of a fuzz target. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <unistd.h>

static char path[200];

static void remove_file(void)
{
    unlink(path);
}

const char *fuzz_file(const uint8_t *bytes, size_t length)
{
    static int file = -1;
    const char *folder = getenv("TMPDIR");

    if (file < 0) {
        snprintf(path, sizeof(path), "%s/replica-fuzz-XXXXXX",
                 folder != NULL ? folder : "/tmp");
        file = mkstemp(path);
        FUZZ_MUST(file >= 0);
        atexit(remove_file);
    }
    FUZZ_MUST(ftruncate(file, 0) == 0);
    FUZZ_MUST(pwrite(file, bytes, length, 0) == (ssize_t)length);
    return path;
}
