/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers that behave as those of the reference's clients do, bugs included: many of
 * them in one process. Written from a description of that behaviour.
 *
 *   stock_subscriber URL NAME COUNT
 *
 * Lines on stdout: "N message LENGTH REVISION-TEXT", "N broken", "N end" (it never comes
 * back), "N retry CURL-CODE", "N dead" (it has given up), "N began" (the answer is
 * there).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <curl/curl.h>

#define TRIES_MAX      10
#define TRIES_SECONDS  60
#define BODY_SIZE      256
#define MESSAGE_MAX    (256 * 1024)
#define TIMEOUT_MILLIS 200

struct subscriber {
    int number;
    CURL *easy;
    char *message; /* so far */
    size_t length;
    time_t failures[TRIES_MAX + 1]; /* the last ones */
    int failed;
};

static char body[BODY_SIZE];
static char url[1024];

static void say(const struct subscriber *subscriber, const char *what)
{
    printf("%d %s\n", subscriber->number, what);
    fflush(stdout);
}

/* The beginning of a field's name is taken off, once for each piece. */
static void take(struct subscriber *subscriber, const char *text, size_t length)
{
    if (length >= 6 && memcmp(text, "data: ", 6) == 0) {
        text += 6;
        length -= 6;
    }
    if (subscriber->length + length > MESSAGE_MAX)
        return;
    memcpy(subscriber->message + subscriber->length, text, length);
    subscriber->length += length;
    subscriber->message[subscriber->length] = '\0';
}

/* Its JSON reader takes nothing but one whole object. */
static bool consume(struct subscriber *subscriber)
{
    const char *message = subscriber->message;
    const char *manifest = strstr(message, "\"manifest\"");
    bool is_whole = subscriber->length > 2 && message[0] == '{' &&
                    message[subscriber->length - 1] == '}' && manifest != NULL &&
                    strpbrk(message, "\r\n") == NULL;

    if (is_whole)
        printf("%d message %zu %.40s\n", subscriber->number, subscriber->length,
               manifest);
    else
        printf("%d broken\n", subscriber->number);
    fflush(stdout);
    subscriber->length = 0;
    return is_whole;
}

/* What is received is taken for a C string, whatever its length; its first line is (the
 * rest of) the message, and the other lines are lost unless they begin a message. */
static size_t receive(char *bytes, size_t size, size_t count, void *data)
{
    struct subscriber *subscriber = data;
    const char *end = strchr(bytes, '\n');
    bool ok;

    if (end == NULL) {
        take(subscriber, bytes, strlen(bytes));
        return size * count;
    }
    take(subscriber, bytes, (size_t)(end - bytes));
    ok = consume(subscriber);
    while (end != NULL) {
        const char *line = end + 1;

        end = strchr(line, '\n');
        if (strncmp(line, "data: ", 6) == 0)
            take(subscriber, line, end != NULL ? (size_t)(end - line) : strlen(line));
    }
    return ok ? size * count : 0;
}

/* The end of its header says that the server serves it. */
static size_t receive_header(char *bytes, size_t size, size_t count, void *data)
{
    if (size * count == 2 && memcmp(bytes, "\r\n", 2) == 0)
        say(data, "began");
    return size * count;
}

static void subscribe(CURLM *multi, struct subscriber *subscriber)
{
    CURL *easy = curl_easy_init();

    curl_easy_setopt(easy, CURLOPT_USERAGENT, "cvmfs/2.11.2");
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "GET");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, subscriber);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, subscriber);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, subscriber);
    subscriber->easy = easy;
    subscriber->length = 0;
    curl_multi_add_handle(multi, easy);
}

/* More than ten failures within a minute: it gives up. */
static bool may_retry(struct subscriber *subscriber)
{
    time_t now = time(NULL);
    int slot = subscriber->failed++ % (TRIES_MAX + 1);
    time_t oldest;

    subscriber->failures[slot] = now;
    oldest = subscriber->failures[(slot + 1) % (TRIES_MAX + 1)];
    return subscriber->failed <= TRIES_MAX || now - oldest >= TRIES_SECONDS;
}

static void ended(CURLM *multi, CURL *easy, CURLcode code)
{
    struct subscriber *subscriber;
    char what[40];

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&subscriber);
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    if (code == CURLE_OK) {
        say(subscriber, "end");
        return;
    }
    snprintf(what, sizeof(what), "retry %d", (int)code);
    say(subscriber, what);
    if (may_retry(subscriber))
        subscribe(multi, subscriber);
    else
        say(subscriber, "dead");
}

int main(int argc, char **argv)
{
    int count = argc == 4 ? atoi(argv[3]) : 0, running, left;
    struct subscriber *subscribers = calloc((size_t)count + 1, sizeof(*subscribers));
    CURLM *multi;
    CURLMsg *message;

    if (count < 1)
        return 2;
    curl_global_init(CURL_GLOBAL_ALL);
    multi = curl_multi_init();
    snprintf(url, sizeof(url), "%s/notifications/subscribe", argv[1]);
    snprintf(body, sizeof(body), "{\"version\":1,\"repository\":\"%s\"}", argv[2]);
    for (int i = 0; i < count; i++) {
        subscribers[i].number = i;
        subscribers[i].message = malloc(MESSAGE_MAX + 1);
        subscribe(multi, &subscribers[i]);
    }
    do {
        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left)) != NULL)
            if (message->msg == CURLMSG_DONE)
                ended(multi, message->easy_handle, message->data.result);
        curl_multi_poll(multi, NULL, 0, TIMEOUT_MILLIS, NULL);
    } while (true);
}
