#include "common/base/array.h"

#include "common/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *array_grow(void *array, size_t count, size_t size)
{
    char *larger = array;
    if ((count & (count - 1)) == 0) /* all that there was room for */
        larger = reallocarray(array, count == 0 ? 1 : 2 * count, size);
    if (larger == NULL) {
        log_error("out of memory (ENOMEM)");
        errno = ENOMEM;
        return NULL;
    }
    memset(larger + count * size, 0, size);
    return larger;
}
