#include "common/base/tar_sparse.h"

#include "common/base/number.h"

#include <stdbool.h>
#include <stdlib.h>

const char *tar_sparse_add(struct tar_sparse *sparse, uint64_t offset,
                           uint64_t size)
{
    if (sparse->count == TAR_SPARSE_MOST)
        return "a file with more holes than we take";
    if (sparse->count == sparse->capacity) {
        size_t capacity = sparse->capacity == 0 ? 16 : 2 * sparse->capacity;
        struct tar_extent *larger =
            realloc(sparse->extents, capacity * sizeof *larger);
        if (larger == NULL)
            return "out of memory (ENOMEM)";
        sparse->extents = larger;
        sparse->capacity = capacity;
    }
    sparse->extents[sparse->count++] = (struct tar_extent){offset, size};
    return NULL;
}

const char *tar_sparse_parse(struct tar_sparse *sparse, const char *text)
{
    static const char expected[] =
        "the map of a file with holes is not pairs of numbers";
    for (bool more = *text != '\0'; more;) {
        uint64_t offset, size;
        text = number_scan(text, INT64_MAX, &offset);
        if (text == NULL || *text != ',')
            return expected;
        text = number_scan(text + 1, INT64_MAX, &size);
        if (text == NULL || (*text != ',' && *text != '\0'))
            return expected;
        const char *complaint = tar_sparse_add(sparse, offset, size);
        if (complaint != NULL)
            return complaint;
        more = *text++ == ',';
    }
    return NULL;
}

const char *tar_sparse_check(const struct tar_sparse *sparse, uint64_t size,
                             uint64_t stored)
{
    uint64_t end = 0, sum = 0;
    for (size_t i = 0; i < sparse->count; i++) {
        const struct tar_extent *extent = &sparse->extents[i];
        if (extent->offset < end)
            return "the map of a file with holes goes backwards";
        if (extent->offset > size || extent->size > size - extent->offset)
            return "the map of a file with holes goes beyond its end";
        end = extent->offset + extent->size;
        sum += extent->size;
    }
    if (sum != stored)
        return "the map of a file with holes is of another size than its data";
    return NULL;
}

void tar_sparse_free(struct tar_sparse *sparse)
{
    free(sparse->extents);
    *sparse = (struct tar_sparse){0};
}
