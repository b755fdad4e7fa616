#include "steps/09-lifecycle/store.h"

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/replace.h"
#include "common/runtime/store_names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Where ---- */

static int store_find_root(char *root, const char *asked)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (asked == NULL)
        asked = getenv("NSCTL_ROOT");
    if (asked != NULL && *asked == '/')
        return files_path(root, "%s", asked);
    if (asked != NULL) { /* a monitor's working directory is another */
        char here[PATH_MAX];
        if (*asked == '\0')
            return log_error("the directory for containers has no name");
        if (getcwd(here, sizeof here) == NULL)
            return (int)log_call(-1, "where that is, from /", "getcwd()");
        return files_path(root, "%s/%s", here, asked);
    }
    if (geteuid() == 0)
        return files_path(root, "/var/lib/nsctl");
    if (data != NULL && *data == '/')
        return files_path(root, "%s/nsctl", data);
    if (home != NULL && *home == '/')
        return files_path(root, "%s/.local/share/nsctl", home);
    log_error("where are your containers to be kept? HOME is not set");
    log_advice("name a directory: --root DIR, or NSCTL_ROOT");
    return -1;
}

/* What others may write into says nothing, and leads where they like: to our files, that
 * are not a container's, and to processes that are none of it. */
static int store_check_ours(const char *path, const struct stat *status)
{
    if (S_ISDIR(status->st_mode) && status->st_uid == geteuid() &&
        (status->st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return 0;
    errno = EPERM;
    log_error("%s: expected a directory that is yours, and that nobody "
              "else may write into",
              path);
    log_advice("take another: --root DIR, or NSCTL_ROOT");
    return -1;
}

int store_find(struct store *store, const char *root)
{
    struct stat status;
    if (store_find_root(store->root, root) == -1)
        return -1;
    /* Paths stand in the records, which are JSON. */
    if (!json_is_utf8(store->root))
        return log_error("%s: expected a path in UTF-8", store->root);
    /* Whoever only lists them, too: what has died is cleared away by its record. */
    if (stat(store->root, &status) == 0 &&
        store_check_ours(store->root, &status) == -1)
        return -1;
    if (strcmp(store->root, "/var/lib/nsctl") == 0)
        return files_path(store->logs, "/var/log/nsctl");
    return files_path(store->logs, "%s/logs", store->root);
}

/* Makes the directory, and those above it, where they are missing. */
static int store_make_directory(const char *path)
{
    char part[PATH_MAX];
    if (access(path, F_OK) == 0)
        return 0;
    if (files_path(part, "%s", path) == -1)
        return -1;
    for (char *slash = part; (slash = strchr(slash + 1, '/')) != NULL;
         *slash = '/') {
        *slash = '\0';
        if (mkdir(part, 0755) == -1 && errno != EEXIST)
            return (int)log_call(-1, "where containers are kept",
                                 "mkdir(\"%s\", 0755)", part);
    }
    int result = mkdir(path, 0700);
    if (result == 0 || errno != EEXIST)
        return (int)log_call(result, "where containers are kept",
                             "mkdir(\"%s\", 0700)", path);
    return 0;
}

static int store_make_ours(const char *path)
{
    struct stat status;
    if (store_make_directory(path) == -1)
        return -1;
    if (stat(path, &status) == -1)
        return (int)log_call(-1, "where containers are kept", "stat(\"%s\")",
                             path);
    return store_check_ours(path, &status);
}

int store_make(const struct store *store)
{
    static const char *const inner[] = {"", "/containers", "/names"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++)
        if (files_path(path, "%s%s", store->root, inner[i]) == -1 ||
            store_make_ours(path) == -1)
            return -1;
    return store_make_ours(store->logs);
}

int store_lock(const struct store *store)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/lock", store->root) == -1)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd == -1)
        return (int)log_call(fd, "one at a time",
                             "openat(\"%s\", O_RDWR|O_CREAT|O_NOFOLLOW)", path);
    int result = flock(fd, LOCK_EX);
    if (result == 0)
        return fd;
    log_call(result, "one at a time", "flock(\"%s\", LOCK_EX)", path);
    files_close(&fd);
    return -1;
}

int store_container_path(const struct store *store, const char *id, char *path)
{
    return files_path(path, "%s/containers/%s", store->root, id);
}

bool store_is_id(const char *text)
{
    return strspn(text, "0123456789abcdef") == RECORD_ID_LENGTH &&
           text[RECORD_ID_LENGTH] == '\0';
}

const char *store_read_name(int names_fd, const char *name,
                            char target[PATH_MAX])
{
    ssize_t length = readlinkat(names_fd, name, target, PATH_MAX - 1);
    if (length == -1)
        return NULL;
    target[length] = '\0';
    return files_base_name(target);
}

/* ---- Names: to be called with the lock ---- */

/* Which container has that name: its id, or "". A link whose container is gone, or is
 * called otherwise, was left by somebody who was killed, and counts for nothing. */
static void store_find_owner(const struct store *store, const char *name,
                             char id[RECORD_ID_LENGTH + 1])
{
    char path[PATH_MAX], target[PATH_MAX];
    struct record record;
    id[0] = '\0';
    if (files_path(path, "%s/names/%s", store->root, name) == -1)
        return;
    const char *leads_to = store_read_name(AT_FDCWD, path, target);
    if (leads_to == NULL || !store_is_id(leads_to) ||
        store_container_path(store, leads_to, path) == -1)
        return;
    /* In this order: it may be finished between the two. */
    if (store_is_being_made(store, leads_to)) {
        memcpy(id, leads_to, sizeof record.id);
        return;
    }
    if (record_read(&record, path) == -1)
        return;
    if (record.name == NULL || strcmp(record.name, name) == 0)
        memcpy(id, record.id, sizeof record.id);
    record_free(&record);
}

static int store_check_free(const struct store *store, const char *name)
{
    char id[RECORD_ID_LENGTH + 1];
    store_find_owner(store, name, id);
    if (id[0] == '\0')
        return 0;
    log_error("the name \"%s\" is taken, by the container %.12s (EEXIST)", name,
              id);
    log_advice("take another, or remove that one: rm %s", name);
    errno = EEXIST;
    return -1;
}

/* Makes NAME lead to the container `id`. Should the link be lost (it is not brought to
 * the disk by itself), the name still stands in config.json. */
static int store_link_name(const struct store *store, const char *name,
                           const char *id)
{
    char target[PATH_MAX], path[PATH_MAX];
    if (files_path(path, "%s/names/%s", store->root, name) == -1 ||
        files_path(target, "../containers/%s", id) == -1)
        return -1;
    unlink(path); /* nobody has it: store_check_free() */
    int result = symlink(target, path);
    return (int)log_call(result, "who has it has the name",
                         "symlink(\"%s\", \"%s\")", target, path);
}

static void store_unlink_name(const struct store *store, const char *name)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/names/%s", store->root, name) == -1)
        return;
    int saved_errno = errno;
    unlink(path);
    errno = saved_errno;
}

static int store_choose_name(const struct store *store, struct record *record)
{
    if (record->name != NULL)
        return store_check_free(store, record->name);
    for (int i = 0; i < 100; i++) {
        uint64_t random;
        char id[RECORD_ID_LENGTH + 1];
        if (getrandom(&random, sizeof random, 0) == -1)
            return (int)log_call(-1, "a name for the container", "getrandom()");
        store_names_make_up(random, i > 9, record->made_up_name,
                            sizeof record->made_up_name);
        store_find_owner(store, record->made_up_name, id);
        if (id[0] == '\0') {
            record->name = record->made_up_name;
            return 0;
        }
    }
    errno = EEXIST;
    return log_error("no name was found that is not taken (EEXIST)");
}

int store_rename(const struct store *store, struct record *record,
                 const char *name)
{
    const char *old_name = record->name;
    int lock_fd = store_lock(store);
    if (lock_fd == -1)
        return -1;
    int result = -1;
    /* The new one leads to it before it says that it is called so, the old one until
     * it says that it is not: whoever is killed in between leaves a link too many. */
    if (store_check_free(store, name) == 0 &&
        store_link_name(store, name, record->id) == 0) {
        record->name = name;
        result = record_write_config(record);
        if (result == 0 && old_name != NULL)
            store_unlink_name(store, old_name);
        if (result == -1) {
            record->name = old_name;
            store_unlink_name(store, name);
        }
    }
    close(lock_fd);
    return result;
}

/* ---- A new one ---- */

int store_make_id(char id[RECORD_ID_LENGTH + 1])
{
    unsigned char bytes[RECORD_ID_LENGTH / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return (int)log_call(-1, "an id for the container", "getrandom()");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static int store_fill_in(const struct store *store, struct record *record)
{
    record->created_ns = clock_now_ns(CLOCK_REALTIME);
    record->status = RECORD_CREATED;
    record->exit_status = -1;
    record->log_path = record->made_log_path;
    if ((record->id[0] == '\0' && store_make_id(record->id) == -1) ||
        files_path(record->made_log_path, "%s/%s.log", store->logs,
                   record->id) == -1 ||
        record_read_boot_id(record->boot_id) == -1)
        return -1;
    return record_identify_process(getpid(), &record->monitor);
}

/* Makes `alive` in the new directory, and takes the lock that says that we are. */
static int store_take_alive(const struct record *record)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/alive", record->directory) == -1)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    log_call(fd, "as long as we live", "openat(\"%s\", O_RDWR|O_CREAT|O_EXCL)",
             path);
    if (fd == -1)
        return -1;
    int result = 0;
    //> alive
    result = flock(fd, LOCK_EX);
    log_call(result, "as long as we live", "flock(\"%s\", LOCK_EX)", path);
    //< alive
    if (result == 0)
        return fd;
    close(fd);
    return -1;
}

/* What was made of one that was not to be. */
static void store_give_up(const struct store *store,
                          const struct record *record)
{
    static const char *const files[] = {"config.json", "alive"};
    char path[PATH_MAX];
    int saved_errno = errno;
    store_unlink_name(store, record->name);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files_path(path, "%s/%s", record->directory, files[i]) == 0)
            unlink(path);
    rmdir(record->directory);
    errno = saved_errno;
}

/* The name, and a directory with a dot before its name, which nobody takes for a
 * container's yet. With the lock: whoever has it next finds `alive` locked, and does not
 * sweep it. Returns the descriptor of `alive`, or -1. */
static int store_begin(const struct store *store, struct record *record)
{
    if (store_choose_name(store, record) == -1 ||
        files_path(record->directory, "%s/containers/.%s", store->root,
                   record->id) == -1)
        return -1;
    int result = mkdir(record->directory, 0700);
    log_call(result, "not seen by others yet", "mkdir(\"%s\", 0700)",
             record->directory);
    if (result == -1)
        return -1;
    int alive_fd = store_take_alive(record);
    if (alive_fd != -1 && store_link_name(store, record->name, record->id) == 0)
        return alive_fd;
    store_give_up(store, record);
    if (alive_fd != -1)
        close(alive_fd);
    return -1;
}

/* From the rename on there is this container. */
static int store_finish(const struct store *store, struct record *record)
{
    char place[PATH_MAX], containers[PATH_MAX];
    if (store_container_path(store, record->id, place) == -1 ||
        files_path(containers, "%s/containers", store->root) == -1 ||
        record_write_config(record) == -1)
        return -1;
    int result = rename(record->directory, place);
    log_call(result, "from now on there is this container",
             "rename(\"%s\", \"%s\")", record->directory, place);
    if (result == -1)
        return -1;
    memcpy(record->directory, place, strlen(place) + 1);
    return record->remove_at_end ? 0 : replace_sync_directory(containers);
}

int store_reserve(const struct store *store, struct record *record)
{
    if (store_make(store) == -1 || store_fill_in(store, record) == -1)
        return -1;
    int lock_fd = store_lock(store);
    if (lock_fd == -1)
        return -1;
    store_sweep_locked(store);
    int alive_fd = store_begin(store, record);
    files_close(&lock_fd);
    /* Others need not wait for our disk. */
    if (alive_fd == -1 || store_finish(store, record) == 0)
        return alive_fd;
    store_give_up(store, record);
    files_close(&alive_fd);
    return -1;
}
