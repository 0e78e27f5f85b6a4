/* LD_PRELOAD shim for scripts/fault_test.py: the FAULT_AT-th write, sync, truncation or rename fails with FAULT_ERRNO.
   Only calls while FAULT_ARMED (a variable that the program flips by name: voiceprint_fault_arm) count. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static int armed, error_number, sticky;
static long left, calls;

void voiceprint_fault_arm(long at, int number, int stays) { left = at; error_number = number; sticky = stays; calls = 0; armed = 1; }
long voiceprint_fault_disarm(void) { armed = 0; return calls; }

static int fails(void) {
    if (!armed) return 0;
    calls++;
    if (calls == left || (sticky && calls > left)) { errno = error_number; return 1; }
    return 0;
}

#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, #name);
ssize_t write(int fd, const void *b, size_t n) { REAL(ssize_t, write, int, const void *, size_t) return fails() ? -1 : real(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { REAL(ssize_t, pwrite, int, const void *, size_t, off_t) return fails() ? -1 : real(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t) return fails() ? -1 : real(fd, b, n, o); }
int fsync(int fd) { REAL(int, fsync, int) return fails() ? -1 : real(fd); }
int fdatasync(int fd) { REAL(int, fdatasync, int) return fails() ? -1 : real(fd); }
int ftruncate(int fd, off_t n) { REAL(int, ftruncate, int, off_t) return fails() ? -1 : real(fd, n); }
int ftruncate64(int fd, off64_t n) { REAL(int, ftruncate64, int, off64_t) return fails() ? -1 : real(fd, n); }
int rename(const char *a, const char *b) { REAL(int, rename, const char *, const char *) return fails() ? -1 : real(a, b); }
int link(const char *a, const char *b) { REAL(int, link, const char *, const char *) return fails() ? -1 : real(a, b); }
int unlink(const char *a) { REAL(int, unlink, const char *) return fails() ? -1 : real(a); }
int posix_fallocate(int fd, off_t o, off_t n) { REAL(int, posix_fallocate, int, off_t, off_t) return fails() ? error_number : real(fd, o, n); }
