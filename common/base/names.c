#include "common/base/names.h"

#include "common/base/array.h"
#include "common/base/files.h"
#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

char *names_keep(struct names *names, char *name)
{
    char **larger = NULL;
    if (name == NULL)
        log_error("out of memory (ENOMEM)");
    else
        larger = array_grow(names->all, names->count, sizeof *larger);
    if (larger == NULL) {
        free(name);
        return NULL;
    }
    names->all = larger;
    larger[names->count++] = name;
    return name;
}

int names_add(struct names *names, const char *name)
{
    return names_keep(names, strdup(name)) == NULL ? -1 : 0;
}

int names_read(struct names *names, int directory_fd, const char *path)
{
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd == -1 ? NULL : fdopendir(fd);
    int result = 0;
    if (directory == NULL) {
        log_call(-1, "which names there are",
                 "openat(\"%s\", O_RDONLY|O_DIRECTORY)", path);
        files_close(&fd);
        return -1;
    }
    for (struct dirent *entry;
         result == 0 && files_next(directory, path, &entry, &result);)
        result = names_add(names, entry->d_name);
    int saved_errno = errno;
    closedir(directory);
    errno = saved_errno;
    return result;
}

static int names_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(struct names *names)
{
    if (names->count > 0)
        qsort(names->all, names->count, sizeof *names->all, names_compare);
}

void names_free(struct names *names)
{
    while (names->count > 0)
        free(names->all[--names->count]);
    free(names->all);
    names->all = NULL;
}
