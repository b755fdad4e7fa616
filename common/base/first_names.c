#include "common/base/first_names.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct first_name {
    dev_t device;
    ino_t inode;
    struct first_name *next;
    char text[];
};

static size_t first_names_list(const struct stat *status)
{
    return (status->st_ino ^ status->st_dev) % FIRST_NAMES_LISTS;
}

const char *first_names_find(const struct first_names *names,
                             const struct stat *status)
{
    const struct first_name *name = names->lists[first_names_list(status)];
    while (name != NULL &&
           (name->inode != status->st_ino || name->device != status->st_dev))
        name = name->next;
    return name == NULL ? NULL : name->text;
}

int first_names_add(struct first_names *names, const struct stat *status,
                    const char *name)
{
    struct first_name **list = &names->lists[first_names_list(status)];
    size_t size = strlen(name) + 1;
    struct first_name *added = malloc(sizeof *added + size);
    if (added == NULL)
        return -1;
    added->device = status->st_dev;
    added->inode = status->st_ino;
    added->next = *list;
    memcpy(added->text, name, size);
    *list = added;
    return 0;
}

void first_names_free(struct first_names *names)
{
    for (size_t i = 0; i < FIRST_NAMES_LISTS; i++)
        while (names->lists[i] != NULL) {
            struct first_name *name = names->lists[i];
            names->lists[i] = name->next;
            free(name);
        }
}
