#include "common/base/tar_pax.h"

#include "common/base/number.h"

#include <stdlib.h>
#include <string.h>

static const char out_of_memory[] = "out of memory (ENOMEM)";

static const char *tar_pax_number(const char *text, uint64_t most,
                                  uint64_t *value)
{
    const char *end = number_scan(text, most, value);
    return end != NULL && *end == '\0'
               ? NULL
               : "an extended header has a number that is none, or too large";
}

static const char *tar_pax_id(const char *text, uint32_t *id)
{
    uint64_t value = 0;
    const char *complaint = tar_pax_number(text, UINT32_MAX - 1, &value);
    *id = (uint32_t)value;
    return complaint;
}

/* "-12.25": 12.25 seconds before 1970, which is second -13 and a fraction. */
static const char *tar_pax_time(const char *text, struct tar_pax *pax)
{
    static const char expected[] = "an extended header has a time that is none";
    bool negative = *text == '-';
    uint64_t seconds, nanoseconds = 0;
    const char *rest = number_scan(text + negative, INT64_MAX - 1, &seconds);
    if (rest == NULL)
        return expected;
    if (*rest == '.') {
        uint64_t place = 100000000;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, place /= 10)
            nanoseconds += place * (uint64_t)(*rest - '0');
    }
    if (*rest != '\0')
        return expected;
    pax->has_mtime = true;
    pax->mtime = negative ? -(int64_t)seconds : (int64_t)seconds;
    if (negative && nanoseconds > 0) {
        pax->mtime--;
        nanoseconds = 1000000000 - nanoseconds;
    }
    pax->mtime_nanoseconds = (uint32_t)nanoseconds;
    return NULL;
}

static const char *tar_pax_attribute(struct tar_pax *pax, const char *name,
                                     const char *value, size_t size)
{
    if (*name == '\0')
        return "an extended attribute without a name";
    if (pax->attribute_count == pax->attribute_capacity) {
        size_t capacity = 8 + 2 * pax->attribute_capacity;
        struct tar_attribute *larger =
            realloc(pax->attributes, capacity * sizeof *larger);
        if (larger == NULL)
            return out_of_memory;
        pax->attributes = larger;
        pax->attribute_capacity = capacity;
    }
    pax->attributes[pax->attribute_count++] =
        (struct tar_attribute){name, value, size};
    return NULL;
}

/* GNU.sparse.… in its versions 0.0 (an offset and a size a record), 0.1 (one
 * map) and 1.0 (the map stands before the data). */
static const char *tar_pax_sparse(struct tar_pax *pax, const char *key,
                                  char *value)
{
    uint64_t number = 0;
    if (strcmp(key, "name") == 0) {
        pax->sparse_path = value;
        return NULL;
    }
    if (strcmp(key, "map") == 0) {
        pax->sparse_version = 1;
        return tar_sparse_parse(&pax->sparse, value);
    }
    const char *complaint = tar_pax_number(value, INT64_MAX, &number);
    if (complaint != NULL)
        return complaint;
    if (strcmp(key, "major") == 0 || strcmp(key, "minor") == 0) {
        bool major = strcmp(key, "major") == 0;
        if (number > major)
            return "a file with holes in a version that we do not know";
        if (major)
            pax->sparse_version = 1 + (unsigned)number;
    } else if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0) {
        if (pax->sparse_version == 0)
            pax->sparse_version = 1;
        pax->has_real_size = true;
        pax->real_size = number;
    } else if (strcmp(key, "offset") == 0) {
        return tar_sparse_add(&pax->sparse, number, 0);
    } else if (strcmp(key, "numbytes") == 0) {
        if (pax->sparse.count == 0)
            return "the map of a file with holes has a size before an offset";
        pax->sparse.extents[pax->sparse.count - 1].size = number;
    } else if (strcmp(key, "numblocks") != 0) {
        return "GNU.sparse has a record that we do not know";
    }
    return NULL;
}

static const char *tar_pax_record(struct tar_pax *pax, const char *key,
                                  char *value, size_t size)
{
    static const char attribute[] = "SCHILY.xattr.", sparse[] = "GNU.sparse.";
    const char *complaint = NULL;
    if (strncmp(key, attribute, sizeof attribute - 1) == 0)
        return tar_pax_attribute(pax, key + sizeof attribute - 1, value, size);
    /* An empty value says: as if there were no such record. */
    if (size == 0)
        return NULL;
    if (strlen(value) != size && strcmp(key, "comment") != 0)
        return "an extended header has a NUL in it";
    if (strcmp(key, "path") == 0) {
        pax->path = value;
    } else if (strcmp(key, "linkpath") == 0) {
        pax->target = value;
    } else if (strcmp(key, "size") == 0) {
        complaint = tar_pax_number(value, INT64_MAX, &pax->size);
        pax->has_size = true;
    } else if (strcmp(key, "uid") == 0) {
        complaint = tar_pax_id(value, &pax->uid);
        pax->has_uid = true;
    } else if (strcmp(key, "gid") == 0) {
        complaint = tar_pax_id(value, &pax->gid);
        pax->has_gid = true;
    } else if (strcmp(key, "mtime") == 0) {
        complaint = tar_pax_time(value, pax);
    } else if (strncmp(key, sparse, sizeof sparse - 1) == 0) {
        complaint = tar_pax_sparse(pax, key + sizeof sparse - 1, value);
    }
    return complaint;
}

const char *tar_pax_read(struct tar_pax *pax, char *text, size_t size)
{
    static const char lying[] =
        "an extended header has a record whose length is not what it says";
    text[size] = '\0';
    for (char *end = text + size; text < end;) {
        uint64_t length;
        char *record = text;
        const char *rest = number_scan(text, (uint64_t)(end - text), &length);
        size_t before = rest == NULL ? 0 : (size_t)(rest + 1 - record);
        if (rest == NULL || *rest != ' ' || length <= before ||
            record[length - 1] != '\n')
            return lying;
        text = record + length;
        char *key = record + before;
        char *equals = memchr(key, '=', length - before);
        if (equals == NULL || equals == key)
            return "an extended header has a record that is not KEY=VALUE";
        *equals = '\0';
        text[-1] = '\0';
        const char *complaint =
            tar_pax_record(pax, key, equals + 1, (size_t)(text - equals) - 2);
        if (complaint != NULL)
            return complaint;
    }
    return NULL;
}

void tar_pax_clear(struct tar_pax *pax)
{
    free(pax->attributes);
    tar_sparse_free(&pax->sparse);
    *pax = (struct tar_pax){0};
}
