/* A disk that takes its time: each sync of a file below $SLOW_FOLDER takes $SLOW_MS more. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void wait_for_disk(int fd) {
  const char *folder = getenv("SLOW_FOLDER"), *ms = getenv("SLOW_MS");
  char link[64], target[4096];
  if (folder == NULL || ms == NULL) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, target, sizeof target - 1);
  if (length < 0) return;
  target[length] = 0;
  if (strncmp(target, folder, strlen(folder)) == 0) usleep(1000 * atoi(ms));
}

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
  wait_for_disk(fd);
  return REAL(fsync)(fd);
}

int fdatasync(int fd) {
  wait_for_disk(fd);
  return REAL(fdatasync)(fd);
}
