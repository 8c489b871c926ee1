/* A relay that takes everything as fast as two cores allow, and counts each recipient.
 *
 *     cc -O2 -o fast-sink _fast_sink.c
 *     fast-sink LOG [WAIT_MS]
 *
 * It listens on a free port of 127.0.0.1 and prints that port. LOG gets a line for each message
 * whose dot it has seen: microseconds since 1970, recipient, bytes. With WAIT_MS each dot is
 * answered so much later. One thread; SIGTERM ends it, with the log complete.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 16, EVENTS = 256, ADDRESS = 320, TICK_MS = 200 };

/* Where in "\r\n.\r\n" the text of a message has come. */
static const char END[] = "\r\n.\r\n";

typedef struct Session {
    int fd, in_message, matched, filled, open, waiting;
    long bytes, due;
    char recipient[ADDRESS];
    char buffer[BUFFER];
    struct Session *next; /* among those whose dot waits for its answer */
} Session;

static volatile sig_atomic_t stopped;
static FILE *record;
static long wait_us;
static Session *first_waiting, *last_waiting;

static void stop(int number) { (void)number; stopped = 1; }

static long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

static void say(Session *session, const char *reply)
{
    if (session->open && write(session->fd, reply, strlen(reply)) < 0 && errno != EAGAIN)
        session->open = 0;
}

static void taken(Session *session)
{
    fprintf(record, "%ld %s %ld\n", now_us(), session->recipient, session->bytes);
    if (!wait_us) {
        say(session, "250 2.0.0 taken\r\n");
        return;
    }
    session->due = now_us() + wait_us;
    session->waiting = 1;
    session->next = NULL;
    if (last_waiting) last_waiting->next = session; else first_waiting = session;
    last_waiting = session;
}

static void let_go(Session *session)
{
    if (session->fd >= 0) close(session->fd);
    session->fd = -1;
    session->open = 0;
    if (!session->waiting) free(session);
}

/* Read the text of a message; give how many bytes of it there were up to its end. */
static int read_message(Session *session, const char *text, int length)
{
    int at = 0;
    while (at < length) {
        if (session->matched == 0) { /* in the middle of a line: skip to where it ends */
            const char *end = memchr(text + at, '\r', length - at);
            if (!end) { at = length; break; }
            at = end - text;
        }
        if (text[at] == END[session->matched]) session->matched++;
        else session->matched = text[at] == '\r';
        at++;
        if (session->matched == 5) {
            session->in_message = 0;
            session->bytes += at;
            taken(session);
            return at;
        }
    }
    session->bytes += at;
    return at;
}

/* Answer one command; 0 when the session is over. */
static int obey(Session *session, char *line)
{
    if (!strncasecmp(line, "MAIL", 4)) say(session, "250 2.1.0 ok\r\n");
    else if (!strncasecmp(line, "RCPT", 4)) {
        char *from = strchr(line, '<'), *to = from ? strrchr(from, '>') : NULL;
        int length = to ? to - from - 1 : 0;
        if (length >= ADDRESS) length = ADDRESS - 1;
        memcpy(session->recipient, to ? from + 1 : "", length);
        session->recipient[length] = 0;
        say(session, "250 2.1.5 ok\r\n");
    } else if (!strncasecmp(line, "DATA", 4)) {
        session->in_message = 1;
        session->matched = 2; /* a dot may come first */
        session->bytes = 0;
        say(session, "354 go ahead\r\n");
    } else if (!strncasecmp(line, "EHLO", 4))
        say(session, "250-sink\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
    else if (!strncasecmp(line, "QUIT", 4)) { say(session, "221 2.0.0 bye\r\n"); return 0; }
    else say(session, "250 2.0.0 ok\r\n");
    return 1;
}

/* Work through what has come; 0 when the session is over. */
static int serve(Session *session)
{
    int at = 0;
    while (at < session->filled && !session->waiting) { /* nothing overtakes a dot */
        char *text = session->buffer + at;
        int length = session->filled - at;
        if (session->in_message) { at += read_message(session, text, length); continue; }
        char *end = memchr(text, '\n', length);
        if (!end) break;
        *end = 0;
        at += end - text + 1;
        if (!obey(session, text)) return 0;
    }
    session->filled -= at;
    memmove(session->buffer, session->buffer + at, session->filled);
    return session->open && (session->filled < BUFFER || session->waiting);
}

static int receive(Session *session)
{
    for (;;) {
        int room = BUFFER - session->filled;
        if (!room) return 1;
        ssize_t count = read(session->fd, session->buffer + session->filled, room);
        if (count < 0) return errno == EAGAIN;
        if (count == 0) return 0;
        session->filled += count;
        if (!serve(session)) return 0;
        if (count < room) return 1;
    }
}

static void welcome(int listener, int poll)
{
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        Session *session = calloc(1, sizeof *session);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        session->fd = fd;
        session->open = 1;
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        say(session, "220 sink ESMTP\r\n");
    }
}

/* Answer the dots whose time has come; give how long to sleep. */
static int answer_late_ones(void)
{
    while (first_waiting) {
        Session *session = first_waiting;
        long left = session->due - now_us();
        if (left > 0) return left / 1000 < TICK_MS ? (int)((left + 999) / 1000) : TICK_MS;
        first_waiting = session->next;
        if (!first_waiting) last_waiting = NULL;
        session->waiting = 0;
        if (session->fd < 0) { free(session); continue; }
        say(session, "250 2.0.0 taken\r\n");
        if (!serve(session)) let_go(session);
    }
    return TICK_MS;
}

static int listen_on_loopback(void)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 1024)) return -1;
    getsockname(listener, (void *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int count, char **words)
{
    struct epoll_event event = {.events = EPOLLIN}, events[EVENTS];
    int listener, poll = epoll_create1(0);
    if (count < 2 || !(record = fopen(words[1], "a"))) { fputs("fast-sink LOG [WAIT_MS]\n", stderr); return 2; }
    wait_us = count > 2 ? (long)(atof(words[2]) * 1000) : 0;
    setvbuf(record, NULL, _IOFBF, 1 << 20);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, stop);
    if ((listener = listen_on_loopback()) < 0) { perror("listen"); return 1; }
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    while (!stopped) {
        int ready = epoll_wait(poll, events, EVENTS, answer_late_ones());
        if (ready == 0) fflush(record);
        for (int i = 0; i < ready; i++) {
            Session *session = events[i].data.ptr;
            if (!session) welcome(listener, poll);
            else if (!receive(session)) let_go(session);
        }
    }
    fclose(record);
    return 0;
}
