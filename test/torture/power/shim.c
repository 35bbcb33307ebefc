/*
 * Preloaded into a process, it writes down in one order what the process does to the files below the folder POWER_ROOT: names, bytes,
 * and which of it was synced; and what the process writes to the file POWER_ACKS. All of it goes to the file POWER_LOG.
 *
 * Calls are logged after they have succeeded, so that what is in the log has happened; only of a sync the beginning is logged, too, since
 * it promises nothing about what was written meanwhile. What is written in other ways (mmap, fallocate) is not seen: whoever reads the
 * log must compare it with the files.
 *
 * For 64-bit systems only, where the calls with and without "64" are the same.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_FDS 65536
#define MOST_FILES 65536
#define ACKS UINT32_MAX
#define REAL(result, name, ...) \
  static result (*real)(__VA_ARGS__); \
  if (real == NULL) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static const char *root, *acks;
static size_t root_length;
/* Which file a descriptor is of; 0: none of ours. */
static uint32_t file_of[MOST_FDS];
/* By number of the file. The inode of a file that is gone may come again. */
static ino_t inodes[MOST_FILES];
static uint32_t files = 0;

static __attribute__((constructor)) void start(void) {
  const char *path = getenv("POWER_LOG");
  root = getenv("POWER_ROOT");
  acks = getenv("POWER_ACKS");
  if (path == NULL || root == NULL || acks == NULL) return;
  root_length = strlen(root);
  log_fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

struct entry {
  uint32_t type, length;
  uint64_t file, number;
};

static void record(char type, uint64_t file, uint64_t number, const void *bytes, size_t length) {
  struct entry entry = {.type = type, .length = length, .file = file, .number = number};
  struct iovec parts[2] = {{&entry, sizeof entry}, {(void *)bytes, length}};
  int error = errno;
  pthread_mutex_lock(&mutex);
  ssize_t written = syscall(SYS_writev, log_fd, parts, length > 0 ? 2 : 1);
  pthread_mutex_unlock(&mutex);
  if (written != (ssize_t)(sizeof entry + length)) abort();
  errno = error;
}

static int is_ours(const char *path) {
  return log_fd >= 0 && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

static uint32_t file(int fd) {
  return fd >= 0 && fd < MOST_FDS ? file_of[fd] : 0;
}

static void record_path(char type, const char *path) {
  if (is_ours(path)) record(type, 0, 0, path, strlen(path));
}

static void record_paths(char type, const char *from, const char *to) {
  if (!is_ours(to)) return;
  char both[8192];
  size_t length = strlen(from) + 1 + strlen(to);
  if (length >= sizeof both) abort();
  strcpy(both, from);
  strcpy(both + strlen(from) + 1, to);
  record(type, 0, 0, both, length);
}

static void opened(int fd, const char *path, int is_new, int flags) {
  struct stat status;
  if (fd < 0 || fd >= MOST_FDS) return;
  file_of[fd] = 0;
  if (log_fd >= 0 && strcmp(path, acks) == 0) file_of[fd] = ACKS;
  if (!is_ours(path) || fstat(fd, &status) != 0) return;
  pthread_mutex_lock(&mutex);
  uint32_t number = is_new ? 0 : files;
  while (number > 0 && inodes[number] != status.st_ino) number--;
  if (number == 0) {
    if (files + 1 >= MOST_FILES) abort();
    number = ++files;
    inodes[number] = status.st_ino;
  }
  file_of[fd] = number;
  pthread_mutex_unlock(&mutex);
  record(is_new ? 'C' : 'O', number, 0, path, strlen(path));
  if (!is_new && (flags & O_TRUNC) != 0) record('T', number, 0, NULL, 0);
}

/* `call` makes the descriptor. */
#define OPEN(path, flags, call) \
  int is_new = is_ours(path) && ((flags) & O_CREAT) != 0 && faccessat(AT_FDCWD, path, F_OK, 0) != 0; \
  int fd = (call); \
  opened(fd, path, is_new, flags); \
  return fd
#define MODE(flags) \
  mode_t mode = 0; \
  if (((flags) & (O_CREAT | __O_TMPFILE)) != 0) { \
    va_list rest; \
    va_start(rest, flags); \
    mode = va_arg(rest, mode_t); \
    va_end(rest); \
  }

int open(const char *path, int flags, ...) {
  MODE(flags)
  REAL(int, open, const char *, int, ...);
  OPEN(path, flags, real(path, flags, mode));
}
int open64(const char *path, int flags, ...) {
  MODE(flags)
  REAL(int, open64, const char *, int, ...);
  OPEN(path, flags, real(path, flags, mode));
}
int openat(int folder, const char *path, int flags, ...) {
  MODE(flags)
  REAL(int, openat, int, const char *, int, ...);
  OPEN(path, flags, real(folder, path, flags, mode));
}
int openat64(int folder, const char *path, int flags, ...) {
  MODE(flags)
  REAL(int, openat64, int, const char *, int, ...);
  OPEN(path, flags, real(folder, path, flags, mode));
}
int creat(const char *path, mode_t mode) {
  return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char *path, mode_t mode) {
  return open64(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int close(int fd) {
  REAL(int, close, int);
  if (fd >= 0 && fd < MOST_FDS) file_of[fd] = 0;
  return real(fd);
}

static void wrote(int fd, const struct iovec *parts, off64_t at, ssize_t count) {
  for (; count > 0; parts++) {
    ssize_t length = (ssize_t)parts->iov_len < count ? (ssize_t)parts->iov_len : count;
    record('W', file(fd), at, parts->iov_base, length);
    at += length;
    count -= length;
  }
}

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(ssize_t, write, int, const void *, size_t);
  ssize_t count = real(fd, bytes, length);
  if (file(fd) == ACKS) record('A', 0, 0, bytes, length);
  else if (file(fd) != 0 && count > 0) record('W', file(fd), lseek64(fd, 0, SEEK_CUR) - count, bytes, count);
  return count;
}
ssize_t writev(int fd, const struct iovec *parts, int number) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  ssize_t count = real(fd, parts, number);
  if (file(fd) != 0 && count > 0) wrote(fd, parts, lseek64(fd, 0, SEEK_CUR) - count, count);
  return count;
}

#define PWRITE(name, offset) \
  ssize_t name(int fd, const void *bytes, size_t length, offset at) { \
    REAL(ssize_t, name, int, const void *, size_t, offset); \
    ssize_t count = real(fd, bytes, length, at); \
    if (file(fd) != 0 && count > 0) record('W', file(fd), at, bytes, count); \
    return count; \
  }
#define PWRITEV(name, offset) \
  ssize_t name(int fd, const struct iovec *parts, int number, offset at) { \
    REAL(ssize_t, name, int, const struct iovec *, int, offset); \
    ssize_t count = real(fd, parts, number, at); \
    if (file(fd) != 0 && count > 0) wrote(fd, parts, at, count); \
    return count; \
  }
#define FTRUNCATE(name, offset) \
  int name(int fd, offset size) { \
    REAL(int, name, int, offset); \
    int result = real(fd, size); \
    if (file(fd) != 0 && result == 0) record('T', file(fd), size, NULL, 0); \
    return result; \
  }
#define SYNC(name) \
  int name(int fd) { \
    REAL(int, name, int); \
    if (file(fd) != 0) record('s', file(fd), 0, NULL, 0); \
    int result = real(fd); \
    if (file(fd) != 0 && result == 0) record('S', file(fd), 0, NULL, 0); \
    return result; \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)
SYNC(fsync)
SYNC(fdatasync)

int mkdir(const char *path, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  int result = real(path, mode);
  if (result == 0) record_path('M', path);
  return result;
}
int link(const char *from, const char *to) {
  REAL(int, link, const char *, const char *);
  int result = real(from, to);
  if (result == 0) record_paths('L', from, to);
  return result;
}
int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  int result = real(from, to);
  if (result == 0) record_paths('R', from, to);
  return result;
}
int unlink(const char *path) {
  REAL(int, unlink, const char *);
  int result = real(path);
  if (result == 0) record_path('U', path);
  return result;
}
/* From Node 24 on, files are removed by the C++ library, which calls these. */
int remove(const char *path) {
  REAL(int, remove, const char *);
  struct stat status;
  if (lstat(path, &status) == 0 && !S_ISDIR(status.st_mode)) return unlink(path);
  return real(path);
}
int unlinkat(int folder, const char *path, int flags) {
  REAL(int, unlinkat, int, const char *, int);
  if (folder == AT_FDCWD && flags == 0) return unlink(path);
  return real(folder, path, flags);
}
