/* Loaded before libc: fails calls on the database's files, as the test says through a file that both have mapped. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, TRUNCATE = 4, READ = 8 };

static volatile struct {
    int32_t calls; /* Which of them. */
    int32_t pass;  /* So many go well before. */
    int32_t times; /* So many fail. */
    int32_t error;
    int32_t failed; /* So many have failed. */
} *control;

__attribute__((constructor)) static void open_control(void) {
    const char *path = getenv("BALLAST_TEST_FAILING_CALLS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED) control = mapped;
    close(fd);
}

static int fails(int fd, int call) {
    char link[64], name[4096];
    if (!control || !(control->calls & call)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0) return 0;
    name[length] = 0;
    if (!strstr(name, "ballast.db")) return 0;
    int32_t left = __sync_fetch_and_sub(&control->pass, 1);
    if (left > 0 || left <= -control->times) return 0;
    __sync_fetch_and_add(&control->failed, 1);
    errno = control->error;
    return 1;
}

#define WRAPPED(type, name, call, parameters, arguments) \
    type name parameters { \
        static type(*real) parameters; \
        if (!real) real = dlsym(RTLD_NEXT, #name); \
        return fails(fd, call) ? -1 : real arguments; \
    }

WRAPPED(ssize_t, write, WRITE, (int fd, const void *data, size_t size), (fd, data, size))
WRAPPED(ssize_t, pwrite, WRITE, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
WRAPPED(ssize_t, pwrite64, WRITE, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
WRAPPED(int, fsync, SYNC, (int fd), (fd))
WRAPPED(int, fdatasync, SYNC, (int fd), (fd))
WRAPPED(int, ftruncate, TRUNCATE, (int fd, off_t size), (fd, size))
WRAPPED(int, ftruncate64, TRUNCATE, (int fd, off64_t size), (fd, size))
WRAPPED(ssize_t, read, READ, (int fd, void *data, size_t size), (fd, data, size))
WRAPPED(ssize_t, pread, READ, (int fd, void *data, size_t size, off_t at), (fd, data, size, at))
WRAPPED(ssize_t, pread64, READ, (int fd, void *data, size_t size, off64_t at), (fd, data, size, at))
