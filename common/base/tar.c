#include "common/base/tar.h"

#include <string.h>

_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is a block");

uint32_t tar_checksum(const struct tar_header *header, uint32_t *as_signed)
{
    const unsigned char *bytes = (const unsigned char *)header;
    size_t from = offsetof(struct tar_header, checksum);
    uint32_t sum = 0, high = 0;
    for (size_t i = 0; i < TAR_BLOCK; i++) {
        bool blank = i >= from && i < from + sizeof header->checksum;
        unsigned char byte = blank ? ' ' : bytes[i];
        sum += byte;
        high += byte >> 7;
    }
    *as_signed = sum - 256 * high;
    return sum;
}

static const char *tar_parse_base256(const char *field, size_t width,
                                     int64_t *value)
{
    const unsigned char *bytes = (const unsigned char *)field;
    /* The first bit says that it is of this kind, the second is the sign. */
    unsigned char fill = (bytes[0] & 0x40) != 0 ? 0xff : 0;
    uint64_t number = fill == 0 ? 0 : UINT64_MAX;
    for (size_t i = 0; i < width; i++) {
        unsigned char byte = bytes[i];
        if (i == 0)
            byte = (unsigned char)(fill == 0 ? byte & 0x7f : byte);
        if (number >> 55 != (fill == 0 ? 0 : UINT64_MAX >> 55))
            return "a number in base 256 that has more than 64 bits";
        number = number << 8 | byte;
    }
    *value = (int64_t)number;
    return NULL;
}

const char *tar_parse_number(const char *field, size_t width, int64_t least,
                             int64_t most, int64_t *value)
{
    const char *complaint = NULL;
    int64_t number = 0; /* 12 digits at most, so it can not overflow */
    size_t i = 0;
    if ((field[0] & 0x80) != 0) {
        complaint = tar_parse_base256(field, width, &number);
    } else {
        while (i < width && field[i] == ' ')
            i++;
        for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
            number = number * 8 + (field[i] - '0');
        if (i < width && field[i] != ' ' && field[i] != '\0')
            complaint = "what should be an octal number is none";
    }
    if (complaint == NULL && number < least)
        complaint = "a negative number";
    if (complaint == NULL && number > most)
        complaint = "a number that is too large";
    *value = number;
    return complaint;
}

bool tar_is_header(const void *block, size_t size)
{
    struct tar_header header;
    uint32_t as_signed;
    int64_t sum;
    if (size < sizeof header)
        return false;
    memcpy(&header, block, sizeof header);
    if (header.name[0] == '\0' ||
        tar_parse_number(header.checksum, sizeof header.checksum, 0, INT32_MAX,
                         &sum) != NULL)
        return false;
    uint32_t computed = tar_checksum(&header, &as_signed);
    return sum == computed || sum == as_signed;
}

uint64_t tar_largest_number(size_t width)
{
    return ((uint64_t)1 << 3 * (width - 1)) - 1;
}

void tar_format_number(char *field, size_t width, uint64_t value)
{
    field[--width] = '\0';
    for (; width > 0; value /= 8)
        field[--width] = (char)('0' + value % 8);
}
