/* Finding containers: see store.h. Nothing here is written, so a read-only store can be
 * looked at, and nobody is waited for. */
#include "common/base/array.h"
#include "common/runtime/store.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/similar.h"
#include "common/runtime/store_names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Opens ROOT/NAME. NULL with errno 0: there is none yet; else reported. */
static DIR *store_open(const struct store *store, const char *name)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/%s", store->root, name) == -1)
        return NULL;
    DIR *directory = opendir(path);
    if (directory == NULL && errno == ENOENT)
        errno = 0;
    else if (directory == NULL)
        log_call(-1, "which containers there are", "openat(\"%s\")", path);
    return directory;
}

/* Of a corrupt one the name may be known only by the link that leads to it; else its
 * id has to do. */
static void store_find_name(const struct store *store, struct record *record)
{
    char path[PATH_MAX], target[PATH_MAX];
    DIR *directory = store_open(store, "names");
    snprintf(record->made_up_name, sizeof record->made_up_name, "%.*s",
             RECORD_SHORT_ID_LENGTH, record->id);
    record->name = record->made_up_name;
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (!store_names_allowed(entry->d_name) ||
            files_path(path, "%s/names/%s", store->root, entry->d_name) == -1)
            continue;
        const char *leads_to = store_read_name(AT_FDCWD, path, target);
        if (leads_to == NULL || strcmp(leads_to, record->id) != 0)
            continue;
        memcpy(record->made_up_name, entry->d_name, strlen(entry->d_name) + 1);
        break;
    }
    closedir(directory);
}

/* ---- One ---- */

static int store_read(const struct store *store, const char *id,
                      struct record *record)
{
    char path[PATH_MAX];
    if (store_container_path(store, id, path) == -1)
        return -1;
    return record_read(record, path);
}

/* By the link that is called like it. */
static int store_look_up_name(const struct store *store, const char *name,
                              struct record *record)
{
    char path[PATH_MAX], target[PATH_MAX];
    errno = ENOENT;
    if (!store_names_allowed(name) ||
        files_path(path, "%s/names/%s", store->root, name) == -1)
        return -1;
    const char *leads_to = store_read_name(AT_FDCWD, path, target);
    if (leads_to == NULL)
        return -1;
    errno = ENOENT;
    if (!store_is_id(leads_to) || store_read(store, leads_to, record) == -1)
        return -1;
    if (record->name == NULL) { /* it is corrupt, but this much is known */
        snprintf(record->made_up_name, sizeof record->made_up_name, "%s", name);
        record->name = record->made_up_name;
    }
    if (strcmp(record->name, name) == 0)
        return 0;
    record_free(record); /* left over by a rename that was killed */
    errno = ENOENT;
    return -1;
}

/* By the beginning of its id, if only one begins like that. */
static int store_look_up_id(const struct store *store, const char *word,
                            struct record *record)
{
    char id[RECORD_ID_LENGTH + 1] = "";
    size_t length = strlen(word), count = 0;
    DIR *directory = store_open(store, "containers");
    if (directory == NULL) {
        errno = errno == 0 ? ENOENT : errno;
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (!store_is_id(entry->d_name) || length > RECORD_ID_LENGTH ||
            strncmp(entry->d_name, word, length) != 0)
            continue;
        count++;
        memcpy(id, entry->d_name, sizeof id);
    }
    closedir(directory);
    errno = ENOENT;
    if (count == 0)
        return -1;
    if (count == 1)
        return store_read(store, id, record);
    log_error("%s: %zu containers have ids that begin with that", word, count);
    log_advice("type more of it, or a name");
    errno = EEXIST;
    return -1;
}

/* By what config.json says, where no link says it: one may have been lost when the power
 * failed. All have to be read for that, so it is the last that is tried. */
static int store_look_up_config(const struct store *store, const char *name,
                                struct record *record)
{
    DIR *directory = store_open(store, "containers");
    int result = -1;
    if (directory == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (!store_is_id(entry->d_name) ||
            store_read(store, entry->d_name, record) == -1)
            continue;
        if (record->name != NULL && strcmp(record->name, name) == 0) {
            result = 0;
            break;
        }
        record_free(record);
    }
    closedir(directory);
    return result;
}

/* The name that was meant, or "". */
static void store_find_similar(const struct store *store, const char *word,
                               char similar[RECORD_NAME_BYTES])
{
    struct similar nearest = similar_to(word, strlen(word));
    similar[0] = '\0';
    DIR *directory = store_open(store, "names");
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (store_names_allowed(entry->d_name) && /* so it fits */
            strcmp(entry->d_name, word) != 0 &&   /* just made, or removed */
            similar_try(&nearest, entry->d_name, strlen(entry->d_name)))
            memcpy(similar, entry->d_name, nearest.name_length + 1);
    closedir(directory);
}

int store_look_up(const struct store *store, const char *word,
                  struct record *record)
{
    char similar[RECORD_NAME_BYTES];
    memset(record, 0, sizeof *record);
    if (store_look_up_name(store, word, record) == 0)
        return 0;
    if (errno != ENOENT)
        return (int)log_call(-1, "the container", "openat(\"%s\")", word);
    if (*word != '\0' && store_look_up_id(store, word, record) == 0) {
        if (record->name == NULL)
            store_find_name(store, record);
        return 0;
    }
    if (errno != ENOENT) /* reported */
        return -1;
    if (store_names_allowed(word) &&
        store_look_up_config(store, word, record) == 0)
        return 0;
    memset(record, 0, sizeof *record);
    store_find_similar(store, word, similar);
    if (similar[0] == '\0') {
        log_error("no such container: %s", word);
        log_advice("`ps -a` lists those that there are, and those that ended");
    } else {
        log_error("no such container: %s; did you mean %s?", word, similar);
    }
    errno = ENOENT;
    return -1;
}

/* ---- All ---- */

static int store_compare_age(const void *a, const void *b)
{
    int64_t first = ((const struct record *)a)->created_ns,
            second = ((const struct record *)b)->created_ns;
    return (first < second) - (first > second);
}

int store_list(const struct store *store, struct record **records,
               size_t *count)
{
    struct dirent *entry;
    int result = 0;
    *records = NULL;
    *count = 0;
    DIR *directory = store_open(store, "containers");
    if (directory == NULL)
        return errno == 0 ? 0 : -1;
    while (result == 0 && files_next(directory, store->root, &entry, &result)) {
        if (!store_is_id(entry->d_name))
            continue;
        struct record *larger = array_grow(*records, *count, sizeof *larger);
        if (larger == NULL) {
            result = -1;
            break;
        }
        *records = larger;
        struct record *record = &larger[*count];
        if (store_read(store, entry->d_name, record) == 0)
            (*count)++;
        else if (errno != ENOENT) /* it was not removed meanwhile */
            result = (int)log_call(-1, "which containers there are",
                                   "openat(\"%s\")", record->directory);
    }
    closedir(directory);
    if (result == -1) {
        store_free_list(*records, *count);
        *records = NULL;
        *count = 0;
        return -1;
    }
    if (*count > 0)
        qsort(*records, *count, sizeof **records, store_compare_age);
    for (size_t i = 0; i < *count; i++) /* they have their places now */
        if ((*records)[i].name == NULL)
            store_find_name(store, &(*records)[i]);
    return 0;
}

void store_free_list(struct record *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        record_free(&records[i]);
    free(records);
}
