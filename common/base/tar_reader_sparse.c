/* The map of a file with holes, where it stands in blocks of its own: see tar_reading.h. */
#include "common/base/tar_reading.h"

static const char *tar_reader_old_extents(struct tar_reader *reader,
                                          const char *field, size_t count)
{
    const char *complaint = NULL;
    for (size_t i = 0; i < count && complaint == NULL; i++, field += 24) {
        int64_t offset = 0, size = 0;
        if (field[0] == '\0' && field[12] == '\0')
            continue;
        complaint = tar_parse_number(field, 12, 0, INT64_MAX, &offset);
        if (complaint == NULL)
            complaint = tar_parse_number(field + 12, 12, 0, INT64_MAX, &size);
        if (complaint == NULL)
            complaint = tar_sparse_add(&reader->pax.sparse, (uint64_t)offset,
                                       (uint64_t)size);
    }
    return complaint;
}

/* GNU's old way: four extents and the real size in the header, in place of
 * ustar's prefix, then blocks of 21 more. */
int tar_reader_old_sparse(struct tar_reader *reader)
{
    enum { EXTENTS = 386, MORE = 482, SIZE = 483, MORE_IN_BLOCK = 504 };
    const char *block = (const char *)&reader->header;
    int64_t size;
    const char *complaint =
        tar_parse_number(block + SIZE, 12, 0, INT64_MAX - TAR_BLOCK, &size);
    if (complaint == NULL)
        complaint = tar_reader_old_extents(reader, block + EXTENTS, 4);
    char more = block[MORE];
    while (complaint == NULL && more != 0) {
        block = (const char *)tar_reader_block(reader);
        if (block == NULL)
            return -1;
        complaint = tar_reader_old_extents(reader, block, 21);
        more = block[MORE_IN_BLOCK];
    }
    if (complaint != NULL)
        return tar_reader_refuse(reader, "%s", complaint);
    reader->pax.sparse_version = 1;
    reader->pax.has_real_size = true;
    reader->pax.real_size = (uint64_t)size;
    return 0;
}

/* Version 1.0: the map stands before the data, decimal numbers a line each, the
 * first says how many pairs there are, filled up to whole blocks. */
int tar_reader_new_sparse(struct tar_reader *reader)
{
    uint64_t number = 0, offset = 0, left = 0, digits = 0;
    size_t count = 0;
    const char *complaint = NULL;
    do {
        if (reader->stored < TAR_BLOCK)
            return tar_reader_refuse(
                reader, "the map of a file with holes is cut short");
        const unsigned char *block = tar_reader_block(reader);
        if (block == NULL)
            return -1;
        reader->stored -= TAR_BLOCK;
        for (size_t i = 0; i < TAR_BLOCK && complaint == NULL; i++) {
            if (block[i] >= '0' && block[i] <= '9' && digits < 18) {
                number = number * 10 + (uint64_t)(block[i] - '0');
                digits++;
                continue;
            }
            if (block[i] != '\n' || digits == 0) {
                complaint = "the map of a file with holes is not numbers, a "
                            "line each";
                break;
            }
            if (count == 0)
                left = number * 2 + 1;
            else if (count % 2 == 1)
                offset = number;
            else
                complaint = tar_sparse_add(&reader->pax.sparse, offset, number);
            count++;
            number = digits = 0;
            if (--left == 0)
                break;
        }
    } while (complaint == NULL && (left > 0 || count == 0));
    return complaint == NULL ? 0 : tar_reader_refuse(reader, "%s", complaint);
}
