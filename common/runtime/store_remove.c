/* Taking containers away: see store.h. */
#include "common/runtime/store.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/lock.h"
#include "common/runtime/store_names.h"
#include "common/runtime/store_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The lock on a container's directory is for those who remove it. Who shares it waits for
 * what the container's last word is, and lets go of it when that is read. */
static int store_wait_for_directory(const char *path)
{
    enum { TRIES = 2000 };
    static const struct timespec pause = {.tv_nsec = 5000000L};
    int fd = lock_directory(path, LOCK_EX | LOCK_NB);
    for (int i = 0; i < TRIES && fd == -1 && errno == EWOULDBLOCK; i++) {
        nanosleep(&pause, NULL);
        fd = lock_directory(path, LOCK_EX | LOCK_NB);
    }
    return fd;
}

/* ---- Names ---- */

/* Unlinks the names that lead to the container `id`; "": that lead nowhere. */
static void store_unlink_names(const struct store *store, const char *id)
{
    char names[PATH_MAX], target[PATH_MAX];
    if (files_path(names, "%s/names", store->root) == -1)
        return;
    DIR *directory = opendir(names);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int fd = dirfd(directory);
        const char *leads_to = store_read_name(fd, entry->d_name, target);
        if (leads_to == NULL)
            continue;
        if (*id != '\0' ? strcmp(leads_to, id) == 0
                        : !store_is_being_made(store, leads_to) &&
                              faccessat(fd, entry->d_name, F_OK, 0) == -1 &&
                              errno == ENOENT)
            unlinkat(fd, entry->d_name, 0);
    }
    closedir(directory);
}

/* The name that the record knows is the one; unless somebody gave it another since, then
 * whatever leads to it. Hundreds of others are not asked. */
static void store_unlink_its_name(const struct store *store,
                                  const struct record *record)
{
    char path[PATH_MAX], target[PATH_MAX];
    if (record->name != NULL &&
        files_path(path, "%s/names/%s", store->root, record->name) == 0) {
        const char *leads_to = store_read_name(AT_FDCWD, path, target);
        if (leads_to != NULL && strcmp(leads_to, record->id) == 0 &&
            unlink(path) == 0)
            return;
    }
    store_unlink_names(store, record->id);
}

/* ---- The log: ID.log, ID.log.1 … ---- */

static void store_unlink_logs(const struct store *store, const char *id)
{
    DIR *directory = opendir(store->logs);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (strncmp(entry->d_name, id, RECORD_ID_LENGTH) == 0 &&
            strncmp(entry->d_name + RECORD_ID_LENGTH, ".log", 4) == 0)
            unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
}

/* ---- What was left half done ---- */

bool store_is_being_made(const struct store *store, const char *id)
{
    char path[PATH_MAX];
    return files_path(path, "%s/containers/.%s", store->root, id) == 0 &&
           record_is_alive_in(path);
}

/* Directories with a dot before their name: those that were to become containers, and
 * those that were. Who makes one has locked what is in it, `alive`, who removes one the
 * directory itself. */
void store_sweep_locked(const struct store *store)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/containers", store->root) == -1)
        return;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] != '.' || !store_is_id(entry->d_name + 1) ||
            store_container_path(store, entry->d_name, path) == -1 ||
            store_is_being_made(store, entry->d_name + 1))
            continue;
        int fd = lock_directory(path, LOCK_EX | LOCK_NB);
        if (fd == -1)
            continue;
        log_note("left half done by somebody who was killed: %s", path);
        store_unlink_logs(store, entry->d_name + 1);
        store_tree_remove(path);
        close(fd);
    }
    closedir(directory);
}

int store_sweep(const struct store *store)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/lock", store->root) == -1)
        return -1;
    if (access(path, F_OK) == -1 && errno == ENOENT)
        return 0; /* nothing was ever made here */
    int lock_fd = store_lock(store);
    if (lock_fd == -1)
        return -1;
    store_sweep_locked(store);
    store_unlink_names(store, "");
    close(lock_fd);
    return 0;
}

/* ---- One container ---- */

/* From the rename on there is no such container; what is left is swept by the next one,
 * should we be killed here. */
static int store_take_away(const struct store *store,
                           const struct record *record)
{
    char hidden[PATH_MAX];
    if (files_path(hidden, "%s/containers/.%s", store->root, record->id) == -1)
        return -1;
    int lock_fd = store_lock(store);
    if (lock_fd == -1)
        return -1;
    int result = rename(record->directory, hidden);
    log_call(result, "from now on there is no such container",
             "rename(\"%s\", \"%s\")", record->directory, hidden);
    if (result == 0) {
        store_unlink_its_name(store, record);
        store_unlink_logs(store, record->id);
    }
    close(lock_fd);
    return result == -1 ? -1 : store_tree_remove(hidden);
}

int store_remove(const struct store *store, const struct record *record)
{
    char path[PATH_MAX];
    int fd = store_wait_for_directory(record->directory);
    if (fd == -1 && errno == EWOULDBLOCK)
        log_call(fd, "to be removed", "flock(\"%s\", LOCK_EX|LOCK_NB)",
                 record->directory);
    if (fd == -1)
        return errno == ENOENT ? 0 : -1;
    int result = 0;
    if (record_is_alive(record)) {
        errno = EBUSY;
        result = log_error("%s is alive (EBUSY)", record->id);
    }
    /* What it wrote goes first, while it is listed still: if that can not be removed it
     * stays a container that can be seen. The kernel leaves a directory in its workplace. */
    static const char *const written[] = {"upper", "work/work", "work"};
    for (size_t i = 0; i < 3 && result == 0; i++)
        if ((result =
                 files_path(path, "%s/%s", record->directory, written[i])) == 0)
            result = store_tree_remove(path);
    if (result == 0)
        result = store_take_away(store, record);
    files_close(&fd);
    return result;
}
