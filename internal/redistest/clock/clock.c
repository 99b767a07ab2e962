// Preloaded into a server, it moves the server's clock by the nanoseconds that a file holds, which may change at any
// time. The monotonic clock stays.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t none;
static volatile int64_t *offset = &none;

__attribute__((constructor)) static void begin(void) {
	const char *path = getenv("NAVVY_TEST_CLOCK");
	int file = path ? open(path, O_RDONLY) : -1;
	if (file < 0) return;
	void *page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
	close(file);
	if (page != MAP_FAILED) offset = page;
}

int clock_gettime(clockid_t id, struct timespec *at) {
	int status = syscall(SYS_clock_gettime, id, at);
	if (status != 0 || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return status;
	int64_t now = (int64_t)at->tv_sec * 1000000000 + at->tv_nsec + *offset;
	at->tv_sec = now / 1000000000;
	at->tv_nsec = now % 1000000000;
	return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
	(void)zone;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	at->tv_sec = now.tv_sec;
	at->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *at) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (at) *at = now.tv_sec;
	return now.tv_sec;
}
