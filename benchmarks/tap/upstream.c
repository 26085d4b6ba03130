/* An inference server that costs almost nothing: reads each HTTP/1.1 request whole (Content-Length bodies), answers
   with the bytes of one file. One thread, epoll, keep-alive. For measuring what stands in front of it.

   upstream PORT ANSWER_FILE */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 16384, ANSWER_MAX = 1 << 22 };

struct connection {
    int fd;
    size_t head_length;   /* bytes of the request's head so far */
    long body_left;       /* -1 while the head is incomplete */
    size_t answer_left;   /* bytes of the answer that the kernel has not taken yet */
    char head[HEAD_MAX + 1];
};

static char answer[ANSWER_MAX];
static size_t answer_length;
static char scratch[1 << 20];
static int poll_fd;

static void watch(struct connection *c, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static int send_answer(struct connection *c) {
    while (c->answer_left) {
        ssize_t sent = send(c->fd, answer + answer_length - c->answer_left, c->answer_left, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) return -1;
            watch(c, EPOLLIN | EPOLLOUT);
            return 0;
        }
        c->answer_left -= sent;
    }
    watch(c, EPOLLIN);
    return 0;
}

static int request_done(struct connection *c) {
    c->head_length = 0;
    c->body_left = -1;
    c->answer_left = answer_length;
    return send_answer(c);
}

/* Returns -1 when the connection is over. */
static int readable(struct connection *c) {
    ssize_t count;
    if (c->body_left < 0) {
        count = recv(c->fd, c->head + c->head_length, HEAD_MAX - c->head_length, 0);
        if (count <= 0) return count < 0 && errno == EAGAIN ? 0 : -1;
        c->head_length += count;
        c->head[c->head_length] = 0;
        char *end = strstr(c->head, "\r\n\r\n");
        if (!end) return c->head_length == HEAD_MAX ? -1 : 0;
        char *length = strcasestr(c->head, "\r\ncontent-length:");
        c->body_left = (length && length < end ? atol(length + 17) : 0) - (long)(c->head + c->head_length - end - 4);
    } else {
        count = recv(c->fd, scratch, sizeof scratch, 0);
        if (count <= 0) return count < 0 && errno == EAGAIN ? 0 : -1;
        c->body_left -= count;
    }
    return c->body_left <= 0 ? request_done(c) : 0;
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: upstream PORT ANSWER_FILE\n"), 2;
    FILE *file = fopen(argv[2], "rb");
    if (!file) return perror(argv[2]), 2;
    size_t body_length = fread(scratch, 1, sizeof scratch, file);
    answer_length = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body_length);
    memcpy(answer + answer_length, scratch, body_length);
    answer_length += body_length;

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
                c->body_left = -1;
                setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
            } else if ((events[i].events & EPOLLOUT && send_answer(c) < 0) ||
                       (events[i].events & ~EPOLLOUT && readable(c) < 0)) {
                close(c->fd);
                free(c);
            }
        }
    }
}
