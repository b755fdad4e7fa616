#include "common/image/containerfile_memory.h"

#include "common/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int containerfile_no_memory(const struct containerfile *file)
{
    log_error("%s: out of memory (ENOMEM)", file->name);
    errno = ENOMEM;
    return -1;
}

void *containerfile_own(struct containerfile *file, void *memory)
{
    void **larger = NULL;
    if (memory != NULL)
        larger = realloc(file->owned, (file->owned_count + 1) * sizeof *larger);
    if (larger == NULL) {
        free(memory);
        containerfile_no_memory(file);
        return NULL;
    }
    file->owned = larger;
    file->owned[file->owned_count++] = memory;
    return memory;
}

char *containerfile_copy(struct containerfile *file, const char *text,
                         size_t length)
{
    return containerfile_own(file, strndup(text, length));
}

void *containerfile_grow(const struct containerfile *file, void *array,
                         size_t count, size_t size)
{
    char *larger = realloc(array, (count + 1) * size);
    if (larger == NULL)
        containerfile_no_memory(file);
    else
        memset(larger + count * size, 0, size);
    return larger;
}

void containerfile_free(struct containerfile *file)
{
    for (size_t i = 0; i < file->count; i++) {
        free(file->instructions[i].flags);
        free(file->instructions[i].words);
        free(file->instructions[i].pairs);
        free(file->instructions[i].heredocs);
    }
    for (size_t i = 0; i < file->owned_count; i++)
        free(file->owned[i]);
    free(file->instructions);
    free(file->owned);
    *file = (struct containerfile){0};
}
