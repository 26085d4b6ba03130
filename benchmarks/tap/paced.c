/* Requests at a fixed rate, whatever the answers do: an open loop with random (Poisson) arrivals. Latency counts from
   when a request was due, so a stall is charged to every request that it delays. Prints one line of JSON.

   paced PORT CONNECTIONS RATE SECONDS REQUEST_FILE */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, DUE_MAX = 1 << 20, HEAD_MAX = 65536 };

struct connection {
    int fd;
    int64_t due;        /* when the request under way was to be sent; 0 while idle */
    size_t head_length;
    long body_left;
    char head[HEAD_MAX + 1];
};

static struct connection *connections, *idle[CONNECTIONS_MAX];
static int idle_count;
static char *request;
static size_t request_length;
static int64_t *latencies;
static size_t latency_count, errors;
static char scratch[1 << 20];

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double chance(void) {
    static uint64_t state = 88172645463325252ULL;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return ((state >> 11) + 0.5) / 9007199254740992.0;
}

static int poll_fd;
static struct sockaddr_in address;

static void dial(struct connection *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    c->body_left = -1;
    if (connect(c->fd, (void *)&address, sizeof address)) { perror("connect"); exit(1); }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

/* A connection that ended while a request was under way is an error; it is replaced either way. */
static void lost(struct connection *c) {
    close(c->fd);
    dial(c);
    if (!c->due) return;
    errors++;
    c->due = 0;
    idle[idle_count++] = c;
}

static void send_request(struct connection *c, int64_t due) {
    c->due = due;
    c->head_length = 0;
    c->body_left = -1;
    for (size_t sent = 0; sent < request_length;) {
        ssize_t count = send(c->fd, request + sent, request_length - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN) return lost(c);
        sent += count < 0 ? 0 : count;
    }
}

static void answered(struct connection *c, int64_t since) {
    if (c->due >= since) latencies[latency_count++] = now() - c->due;
    if (strncmp(c->head + 9, "200", 3)) errors++;
    c->due = 0;
    idle[idle_count++] = c;
}

static void readable(struct connection *c, int64_t since) {
    ssize_t count;
    if (c->body_left < 0) {
        count = recv(c->fd, c->head + c->head_length, HEAD_MAX - c->head_length, 0);
        if (count > 0) {
            c->head[c->head_length += count] = 0;
            char *end = strstr(c->head, "\r\n\r\n"), *length = strcasestr(c->head, "\r\ncontent-length:");
            if (end && length) c->body_left = atol(length + 17) - (long)(c->head + c->head_length - end - 4);
        }
    } else {
        count = recv(c->fd, scratch, sizeof scratch, 0);
        if (count > 0) c->body_left -= count;
    }
    if (count == 0 || (count < 0 && errno != EAGAIN)) return lost(c);
    if (!c->body_left) answered(c, since);
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double quantile_us(double q) {
    return latency_count ? latencies[(size_t)(q * (latency_count - 1))] / 1e3 : 0;
}

int main(int argc, char **argv) {
    if (argc != 6) return fprintf(stderr, "usage: paced PORT CONNECTIONS RATE SECONDS REQUEST_FILE\n"), 2;
    int count = atoi(argv[2]);
    double gap = 1e9 / atof(argv[3]), seconds = atof(argv[4]);
    FILE *file = fopen(argv[5], "rb");
    if (!file || count < 1 || count > CONNECTIONS_MAX || seconds > 120) return fprintf(stderr, "bad arguments\n"), 2;
    request = malloc(1 << 24);
    request_length = fread(request, 1, 1 << 24, file);
    prctl(PR_SET_TIMERSLACK, 1);
    poll_fd = epoll_create1(0);
    connections = calloc(count, sizeof *connections);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < count; i++) {
        struct connection *c = idle[idle_count++] = &connections[i];
        dial(c);
    }
    int64_t *due = malloc(DUE_MAX * sizeof *due);
    latencies = malloc((size_t)(seconds * atof(argv[3]) * 2 + 1000) * sizeof *latencies);
    size_t first = 0, last = 0;
    int64_t begin = now(), since = begin + 500000000LL, end = since + (int64_t)(seconds * 1e9), next = begin;
    for (;;) {
        int64_t t = now();
        while (next <= t && next < end && last - first < DUE_MAX) {
            due[last++ % DUE_MAX] = next;
            next += (int64_t)(-log(chance()) * gap) + 1;
        }
        while (idle_count && first < last) send_request(idle[--idle_count], due[first++ % DUE_MAX]);
        if ((next >= end && first == last && idle_count == count) || t > end + 5000000000LL) break;
        t = now();
        int64_t wait = next > t && next < end ? next - t : 1000000;
        struct timespec pause = {0, wait < 1000000 ? wait : 1000000};
        struct epoll_event events[256];
        int ready = epoll_pwait2(poll_fd, events, 256, &pause, NULL);
        for (int i = 0; i < ready; i++) readable(events[i].data.ptr, since);
    }
    qsort(latencies, latency_count, sizeof *latencies, by_value);
    printf("{\"requests\": %zu, \"sent\": %zu, \"errors\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", latency_count, first, errors, quantile_us(0.5), quantile_us(0.99));
    return 0;
}
