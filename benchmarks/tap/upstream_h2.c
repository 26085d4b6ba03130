/* A gRPC server that costs almost nothing: reads the frames of HTTP/2 without their headers, and answers each call once
   its stream has ended, with the message of one file. One thread, epoll. For measuring what stands in front of it; for
   clients that leave it a window (answers are small, and it keeps no account of flow control towards them).

   upstream_h2 PORT MESSAGE_FILE */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATA, HEADERS, SETTINGS = 4, PING = 6, WINDOW_UPDATE = 8 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4, FRAME_HEAD = 9, PREFACE = 24 };
enum { IN_MAX = 1 << 16, OUT_MAX = 1 << 20, MESSAGE_MAX = 1 << 14, CREDIT = 16384 };

struct connection {
    int fd, greeted;
    unsigned uncredited;        /* bytes of DATA that the client has not been given back as window */
    size_t in_length, out_length;
    unsigned char in[IN_MAX], out[OUT_MAX];
};

static unsigned char answer[MESSAGE_MAX + 256];
static size_t answer_length, streams[3];        /* where in the answer the stream's number goes */
static int poll_fd;

/* `:status: 200` and `content-type: application/grpc`; `grpc-status: 0`. Nothing enters the table of headers. */
static const unsigned char head[] = "\x88\x0f\x10\x10" "application/grpc", trailer[] = "\x00\x0b" "grpc-status" "\x01" "0";

static size_t frame(unsigned char *at, size_t length, int type, int flags, uint32_t stream, const void *payload) {
    unsigned char start[] = {length >> 16, length >> 8, length, type, flags, stream >> 24, stream >> 16, stream >> 8, stream};
    memcpy(at, start, FRAME_HEAD);
    memcpy(at + FRAME_HEAD, payload, length);
    return FRAME_HEAD + length;
}

static void say(struct connection *c, size_t length, int type, int flags, const void *payload) {
    if (c->out_length + FRAME_HEAD + length <= OUT_MAX)
        c->out_length += frame(c->out + c->out_length, length, type, flags, 0, payload);
}

static int answer_call(struct connection *c, const unsigned char *stream) {
    if (c->out_length + answer_length > OUT_MAX) return -1;
    unsigned char *at = c->out + c->out_length;
    memcpy(at, answer, answer_length);
    for (int i = 0; i < 3; i++) memcpy(at + streams[i], stream, 4);
    c->out_length += answer_length;
    return 0;
}

/* Returns how many bytes of what came are whole frames, or -1 when the connection is over. */
static ssize_t frames(struct connection *c) {
    size_t at = 0;
    if (!c->greeted) {
        if (c->in_length < PREFACE) return 0;
        at = c->greeted = PREFACE;
        say(c, 0, SETTINGS, 0, "");
    }
    while (c->in_length - at >= FRAME_HEAD) {
        const unsigned char *f = c->in + at;
        size_t length = f[0] << 16 | f[1] << 8 | f[2];
        if (length > IN_MAX - FRAME_HEAD) return -1;
        if (c->in_length - at < FRAME_HEAD + length) break;
        int type = f[3], flags = f[4];
        if (type == DATA) c->uncredited += length;
        if ((type == DATA || type == HEADERS) && flags & END_STREAM && answer_call(c, f + 5)) return -1;
        if (type == SETTINGS && !(flags & ACK)) say(c, 0, SETTINGS, ACK, "");
        if (type == PING && !(flags & ACK)) say(c, length, PING, ACK, f + FRAME_HEAD);
        at += FRAME_HEAD + length;
    }
    if (c->uncredited > CREDIT) {
        uint32_t more = htonl(c->uncredited);
        say(c, 4, WINDOW_UPDATE, 0, &more);
        c->uncredited = 0;
    }
    return at;
}

static void watch(struct connection *c, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static int send_out(struct connection *c) {
    size_t sent = 0;
    while (sent < c->out_length) {
        ssize_t count = send(c->fd, c->out + sent, c->out_length - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN) return -1;
        if (count < 0) break;
        sent += count;
    }
    memmove(c->out, c->out + sent, c->out_length -= sent);
    if (c->out_length) watch(c, EPOLLIN | EPOLLOUT);
    return 0;
}

static int readable(struct connection *c) {
    ssize_t count = recv(c->fd, c->in + c->in_length, IN_MAX - c->in_length, 0);
    if (count <= 0) return count < 0 && errno == EAGAIN ? 0 : -1;
    c->in_length += count;
    ssize_t used = frames(c);
    if (used < 0) return -1;
    memmove(c->in, c->in + used, c->in_length -= used);
    return send_out(c);
}

static int writable(struct connection *c) {
    if (send_out(c)) return -1;
    if (!c->out_length) watch(c, EPOLLIN);
    return 0;
}

int main(int argc, char **argv) {
    static unsigned char message[MESSAGE_MAX];
    if (argc != 3) return fprintf(stderr, "usage: upstream_h2 PORT MESSAGE_FILE\n"), 2;
    FILE *file = fopen(argv[2], "rb");
    if (!file) return perror(argv[2]), 2;
    size_t length = fread(message, 1, sizeof message, file);
    streams[0] = 5;
    answer_length = frame(answer, sizeof head - 1, HEADERS, END_HEADERS, 0, head);
    streams[1] = answer_length + 5;
    answer_length += frame(answer + answer_length, length, DATA, 0, 0, message);
    streams[2] = answer_length + 5;
    answer_length += frame(answer + answer_length, sizeof trailer - 1, HEADERS, END_HEADERS | END_STREAM, 0, trailer);

    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 1024)) return perror("bind"), 2;
    poll_fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poll_fd, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) {
                c = calloc(1, sizeof *c);
                c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
            } else if ((events[i].events & EPOLLOUT && writable(c)) || (events[i].events & ~EPOLLOUT && readable(c))) {
                close(c->fd);
                free(c);
            }
        }
    }
}
