/* Preloaded into a process, lets its wall clock jump while it runs: by as many nanoseconds as the file named by
   WALL_CLOCK_FILE says, eight bytes of it. The monotonic clock and every wait are left alone, as a clock that is set
   leaves them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead;

static void __attribute__((constructor)) map_file(void) {
    const char *path = getenv("WALL_CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    ahead = mapped == MAP_FAILED ? NULL : mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *told) {
    if (syscall(SYS_clock_gettime, clock, told)) return -1;
    if (ahead && clock == CLOCK_REALTIME) {
        int64_t now = told->tv_sec * 1000000000LL + told->tv_nsec + *ahead;
        told->tv_sec = now / 1000000000LL;
        told->tv_nsec = now % 1000000000LL;
    }
    return 0;
}

int gettimeofday(struct timeval *restrict told, void *restrict zone) {
    (void)zone;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    told->tv_sec = now.tv_sec;
    told->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *told) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    if (told) *told = now.tv_sec;
    return now.tv_sec;
}
