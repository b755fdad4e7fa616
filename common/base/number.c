#include "common/base/number.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *number_scan(const char *text, uint64_t maximum, uint64_t *value)
{
    uint64_t number = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (digit > maximum || number > (maximum - digit) / 10)
            return NULL;
        number = number * 10 + digit;
    }
    if (c == text)
        return NULL;
    *value = number;
    return c;
}

const char *number_parse_bytes(const char *text, void *bytes)
{
    static const char expected[] =
        "expected bytes with b, k, m, g or t, such as 100m";
    static const char units[] = "bkmgt";
    uint64_t number;
    const char *unit = number_scan(text, INT64_MAX, &number);
    if (unit == NULL)
        return expected;
    if (*unit != '\0') {
        const char *found = strchr(units, tolower((unsigned char)*unit));
        /* 100MB and 100MiB are 100m: in memory all are powers of two. */
        bool long_name = found > units && (strcasecmp(unit + 1, "b") == 0 ||
                                           strcasecmp(unit + 1, "ib") == 0);
        if (found == NULL || (unit[1] != '\0' && !long_name))
            return expected;
        int shift = 10 * (int)(found - units);
        if (number > (uint64_t)INT64_MAX >> shift)
            return "expected less than 8 EiB";
        number <<= shift;
    }
    *(uint64_t *)bytes = number;
    return NULL;
}

const char *number_parse_cpus(const char *text, void *thousandths)
{
    static const char expected[] =
        "expected a number of CPUs from 0.01, such as 0.5 or 2";
    enum { MOST_CPUS = 8192 }; /* what a Linux kernel can be built for */
    uint64_t whole = 0, fraction = 0;
    const char *rest = text;
    if (*rest != '.')
        rest = number_scan(text, MOST_CPUS, &whole);
    if (rest == NULL)
        return expected;
    if (*rest == '.') {
        const char *digits = rest + 1;
        rest = number_scan(digits, 999, &fraction);
        if (rest == NULL || rest - digits > 3)
            return expected;
        for (ptrdiff_t places = rest - digits; places < 3; places++)
            fraction *= 10;
    }
    if (*rest != '\0' || whole * 1000 + fraction < 10)
        return expected;
    *(uint64_t *)thousandths = whole * 1000 + fraction;
    return NULL;
}

const char *number_format_bytes(int64_t bytes, unsigned base,
                                const char *between,
                                char text[NUMBER_BYTES_TEXT])
{
    static const char *const units[2][6] = {
        {"B", "kB", "MB", "GB", "TB", "PB"},
        {"B", "KiB", "MiB", "GiB", "TiB", "PiB"}};
    double number = (double)bytes;
    size_t unit = 0;
    for (; number >= 999.5 && unit < 5; unit++)
        number /= base;
    if (bytes < 0)
        snprintf(text, NUMBER_BYTES_TEXT, "-");
    else
        snprintf(text, NUMBER_BYTES_TEXT, "%.*f%s%s",
                 unit == 0 || number >= 99.95 ? 0 : 1, number, between,
                 units[base == 1024][unit]);
    return text;
}
