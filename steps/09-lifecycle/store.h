/*
 * store: where containers are kept, and by which words one is found.
 *
 *     ROOT/containers/ID/      a record each (record.h); .ID: being made or removed
 *     ROOT/names/NAME          a link to ../containers/ID: who has it has the name
 *     ROOT/lock                held for a moment whenever names change
 *     LOGS/ID.log              what they printed
 *
 * For root ROOT is /var/lib/nsctl and LOGS /var/log/nsctl; for a user
 * $XDG_DATA_HOME/nsctl, else ~/.local/share/nsctl, and logs/ in it.
 * --root DIR or NSCTL_ROOT names another; its logs are in DIR/logs.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_STORE_H
#define NSCTL_RUNTIME_STORE_H

#include "steps/09-lifecycle/record.h"

struct store {
    char root[PATH_MAX];
    char logs[PATH_MAX];
};

/* For the files of store*.c: ROOT/lock, and where a container is. Both return -1, reported,
 * where that can not be; the lock is a descriptor, to be closed. */
int store_lock(const struct store *store);
int store_container_path(const struct store *store, const char *id, char *path);
bool store_is_id(const char *text);
/* To which container the link `name` leads, in the directory of names, or below AT_FDCWD: its
 * id, in `target`; NULL with errno, not reported, where there is none. readlink(2). */
const char *store_read_name(int names_fd, const char *name,
                            char target[PATH_MAX]);
void store_sweep_locked(const struct store *store); /* for who has the lock */
/* Whether somebody who lives is making a container of that id: ".ID", not seen yet. */
bool store_is_being_made(const struct store *store, const char *id);

/* Finds the directories; makes nothing. `root`: of --root, or NULL. Returns 0, or -1,
 * reported. */
int store_find(struct store *store, const char *root);

/* Makes what is missing of them, 0700, and checks that they are ours. Returns 0, or
 * -1 with errno, reported. */
int store_make(const struct store *store);

/* The option parser for --name: [a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}. */
const char *store_parse_name(const char *text, void *name);

/* A new id: of itself nothing is made. Returns 0, or -1, reported. */
int store_make_id(char id[RECORD_ID_LENGTH + 1]);

/*
 * Reserves: an id (record->id; "": a new one), the name (record->name; NULL: one is made
 * up), a directory that appears whole, locked, with config.json. To be called by the process
 * that is going to be the monitor: it fills in `id`, `directory`, `name`, `created_ns`,
 * `boot_id`, `monitor`, `log_path`. Returns the descriptor that holds the lock `alive`, close-on-exec, or -1
 * with errno, reported (EEXIST: the name is taken, and by whom). Sweeps what others left
 * half done.
 */
int store_reserve(const struct store *store, struct record *record);

/* Removes all that there is of a container that is not alive: directory, name, log.
 * The monitor closes the lock before. Who finds that another has removed it already is
 * content. Returns 0, or -1 with errno, reported (EBUSY: it is alive): then it is still
 * listed. */
int store_remove(const struct store *store, const struct record *record);

/* Removes what runs that were killed have left half made or half removed, and names that
 * lead nowhere. Returns 0, or -1, reported. */
int store_sweep(const struct store *store);

/* Gives it another name; EEXIST where that is taken. Returns 0, or -1, reported. */
int store_rename(const struct store *store, struct record *record,
                 const char *name);

/* The one with that name, id, or beginning of an id. Returns 0, or -1, reported: there
 * is none (ENOENT; did you mean …?), or there are several. record_free() in any case. */
int store_look_up(const struct store *store, const char *word,
                  struct record *record);

/* All, the newest first; `count` of them, to be freed with store_free_list(). Returns
 * 0, or -1, reported. That there is no directory yet is an empty list. */
int store_list(const struct store *store, struct record **records,
               size_t *count);
void store_free_list(struct record *records, size_t count);

#endif
