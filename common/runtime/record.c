#include "common/runtime/record.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/replace.h"
#include "common/runtime/record_fields.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Writing ---- */

/* In memory first, so that the disk sees one write(2). One that is removed at its end has
 * ended when the power comes back: nobody waits for the disk because of it. */
static int record_write(const struct record *record, const char *name,
                        void (*put)(const struct record *,
                                    struct json_writer *))
{
    char *text = NULL;
    size_t size = 0;
    struct json_writer writer = {.file = open_memstream(&text, &size)};
    if (writer.file == NULL)
        return log_error("%s: out of memory (ENOMEM)", name);
    json_write_open(&writer, NULL, '{');
    put(record, &writer);
    json_write_close(&writer, '}');
    int result = -1;
    if (fclose(writer.file) == 0)
        result = record->remove_at_end
                     ? replace_file_for_now(record->directory, name, text, size)
                     : replace_file(record->directory, name, text, size);
    else
        log_error("%s: out of memory (ENOMEM)", name);
    int saved_errno = errno;
    free(text);
    errno = saved_errno;
    return result;
}

int record_write_config(const struct record *record)
{
    return record_write(record, "config.json", record_put_config);
}

int record_write_state(const struct record *record)
{
    return record_write(record, "state.json", record_put_state);
}

/* ---- Reading ---- */

/* Reads the whole file `name` in the directory, which stays open: so both files are of
 * the same container, even if the directory is removed and made anew meanwhile. Returns
 * NULL with errno: ENOENT, there is none. */
static struct json *record_read_json(const struct record *record,
                                     int directory_fd, const char *name)
{
    enum { MOST_BYTES = 16 << 20 };
    struct json *json = NULL;
    struct stat status;
    int fd = openat(directory_fd, name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd == -1)
        return NULL;
    char *text = NULL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_size <= MOST_BYTES)
        text = malloc((size_t)status.st_size + 1);
    size_t used = 0;
    ssize_t got = text == NULL ? 0 : 1;
    while (got > 0 && used < (size_t)status.st_size) {
        got = read(fd, text + used, (size_t)status.st_size - used);
        used += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    if (text != NULL)
        json = json_parse(name, text, used);
    if (json == NULL)
        log_advice("that is the record in %s", record->directory);
    free(text);
    errno = EINVAL;
    return json;
}

/* Whether the lock on `alive` is held. Only a monitor ever takes it for itself alone, so
 * that who asks, by sharing it for a moment, is in nobody's way. flock(2). */
static bool record_asks_lock(int directory_fd)
{
    /* Nor does anybody wait, were it a pipe. */
    int fd = openat(directory_fd, "alive",
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd == -1)
        return errno != ENOENT; /* rather alive than dead by mistake */
    bool alive = false;
    alive = flock(fd, LOCK_SH | LOCK_NB) == -1;
    close(fd);
    return alive;
}

/* Its first process dies with the monitor, but may have seen to it that it does not
 * (PR_SET_PDEATHSIG): then it goes on, with nobody who watches. A pidfd is readable when
 * its process has ended. */
static bool record_has_process(const struct record *record)
{
    struct pollfd end = {.events = POLLIN};
    end.fd = record_open_process(record, &record->init_process);
    if (end.fd == -1)
        return errno != ESRCH;
    bool lives = poll(&end, 1, 0) == 0;
    close(end.fd);
    return lives;
}

bool record_is_alive(const struct record *record)
{
    return record_is_alive_in(record->directory) ||
           (record->status == RECORD_RUNNING && record_has_process(record));
}

bool record_is_alive_in(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return errno != ENOENT;
    bool alive = record_asks_lock(fd);
    close(fd);
    return alive;
}

static void record_read_files(struct record *record, int directory_fd)
{
    record->config_json = record_read_json(record, directory_fd, "config.json");
    if (record->config_json == NULL) {
        record->damage = "config.json is not there, or is not JSON";
    } else if (!record_get_config(record)) {
        record->damage = "config.json is not a container's";
    }
    /* The first one is written when it runs. */
    record->status = RECORD_CREATED;
    record->state_json = record_read_json(record, directory_fd, "state.json");
    if (record->state_json == NULL && errno != ENOENT) {
        record->damage = "state.json is not JSON";
    } else if (record->state_json != NULL && !record_get_state(record)) {
        record->damage = "state.json is not a container's";
    }
    if (record->damage != NULL)
        record->status = RECORD_CORRUPT;
}

/* Whether the directory still has that name: else what was missing in it was taken away
 * by somebody who removes the container. */
static bool record_is_there(const struct record *record, int directory_fd)
{
    struct stat ours, there;
    return fstat(directory_fd, &ours) == 0 &&
           stat(record->directory, &there) == 0 && ours.st_ino == there.st_ino;
}

int record_read(struct record *record, const char *directory)
{
    memset(record, 0, sizeof *record);
    snprintf(record->id, sizeof record->id, "%s", files_base_name(directory));
    record->exit_status = -1;
    record->pids = -1;
    if (files_path(record->directory, "%s", directory) == -1)
        return -1;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return -1;
    /* The lock first: where nobody holds it what state.json says is final. In the other
     * order the monitor could write its last word in between. */
    bool alive = record_asks_lock(fd);
    record_read_files(record, fd);
    bool is_there =
        record->status != RECORD_CORRUPT || record_is_there(record, fd);
    close(fd);
    if (!is_there) {
        record_free(record);
        errno = ENOENT;
        return -1;
    }
    if (alive || record->status == RECORD_CORRUPT ||
        record->status == RECORD_EXITED ||
        (record->status == RECORD_RUNNING && record_has_process(record)))
        return 0;
    record->status = RECORD_EXITED;
    record->exit_status = -1;
    return 0;
}

void record_free(struct record *record)
{
    if (record->config_json != NULL) {
        free((void *)record->command);
        free((void *)record->environment);
        free((void *)record->ports);
        free((void *)record->mounts);
        free((void *)record->places);
        free((void *)record->cgroups);
    }
    json_free(record->config_json);
    json_free(record->state_json);
    record->config_json = record->state_json = NULL;
}
