/* SPDX-License-Identifier: Apache-2.0 */
/* The floor for Squid's helpers: gives the same reply, its argument, on every channel. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE 65536

/* Write all replies to what was read at once, as our helpers do. */
static bool flush(const char *output, size_t length)
{
    return length == 0 || write(STDOUT_FILENO, output, length) == (ssize_t)length;
}

/* One reply for each whole line of INPUT. Returns how much of INPUT that was. */
static size_t answer(const char *input, size_t length, const char *reply)
{
    static char output[BUFFER_SIZE];
    size_t used = 0, written = 0, size = strlen(reply);
    const char *end;

    while ((end = memchr(input + used, '\n', length - used)) != NULL) {
        size_t channel = strcspn(input + used, " \n");

        if (written + channel + size + 2 > sizeof(output)) {
            if (!flush(output, written))
                exit(1);
            written = 0;
        }
        memcpy(output + written, input + used, channel);
        output[written + channel] = ' ';
        memcpy(output + written + channel + 1, reply, size);
        written += channel + size + 2;
        output[written - 1] = '\n';
        used = (size_t)(end - input) + 1;
    }
    if (!flush(output, written))
        exit(1);
    return used;
}

int main(int count, char **arguments)
{
    static char input[BUFFER_SIZE];
    size_t length = 0, used;
    ssize_t more;

    if (count < 2 || strlen(arguments[1]) > 1000)
        return 2;
    while ((more = read(STDIN_FILENO, input + length, sizeof(input) - length)) > 0) {
        length += (size_t)more;
        used = answer(input, length, arguments[1]);
        memmove(input, input + used, length - used);
        length -= used;
    }
    return 0;
}
