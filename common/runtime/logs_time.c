#include "common/runtime/logs_time.h"

#include "common/base/number.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NS = 1000000000 };

/* ---- In the log ---- */

void logs_time_write(char *text, const struct timespec *time)
{
    const time_t first = -62167219200,
                 last = 253402300799; /* years 0 to 9999 */
    time_t seconds = time->tv_sec < first  ? first
                     : time->tv_sec > last ? last
                                           : time->tv_sec;
    struct tm utc;
    char date[32];
    gmtime_r(&seconds, &utc);
    snprintf(date, sizeof date, "%04u-%02d-%02dT%02d:%02d:%02d",
             (unsigned)(utc.tm_year + 1900) % 10000, utc.tm_mon + 1,
             utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
    snprintf(text, LOGS_TIME_LENGTH + 1, "%.19s.%09uZ", date,
             (unsigned)time->tv_nsec % NS);
}

bool logs_time_is_one(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00.000000000Z";
    for (size_t i = 0; i < LOGS_TIME_LENGTH; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9'
                           : text[i] != form[i])
            return false;
    return true;
}

/* ---- As people name them ---- */

/* ".5" or "": nanoseconds. Returns what follows it, or NULL. */
static const char *logs_time_read_fraction(const char *text, long *ns)
{
    *ns = 0;
    if (*text != '.')
        return text;
    const char *digit = text + 1;
    for (long place = NS / 10; *digit >= '0' && *digit <= '9'; digit++) {
        *ns += (*digit - '0') * place;
        place /= 10;
    }
    return digit == text + 1 ? NULL : digit;
}

/* "1h30m": how many nanoseconds, or -1. */
static int64_t logs_time_read_age(const char *text)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"ms", NS / 1000},   {"us", 1000},        {"ns", 1},
                 {"s", NS},           {"m", 60LL * NS},    {"h", 3600LL * NS},
                 {"d", 86400LL * NS}, {"w", 604800LL * NS}};
    int64_t sum = 0;
    while (*text != '\0') {
        uint64_t number;
        size_t i = 0;
        text = number_scan(text, INT32_MAX, &number);
        if (text == NULL)
            return -1;
        for (; i < sizeof units / sizeof units[0]; i++)
            if (strncmp(text, units[i].name, strlen(units[i].name)) == 0)
                break;
        if (i == sizeof units / sizeof units[0] ||
            (int64_t)number > (INT64_MAX - sum) / units[i].ns)
            return -1;
        sum += (int64_t)number * units[i].ns;
        text += strlen(units[i].name);
    }
    return sum;
}

/* `before` (NUL: nothing), then so many digits, from `least` to `most`. Returns what
 * follows, or NULL; of NULL, too. */
static const char *logs_time_read_part(const char *text, char before,
                                       int places, int least, int most,
                                       int *part)
{
    int number = 0;
    if (text == NULL || (before != '\0' && *text++ != before))
        return NULL;
    for (; places > 0; places--, text++) {
        if (*text < '0' || *text > '9')
            return NULL;
        number = number * 10 + (*text - '0');
    }
    *part = number;
    return number < least || number > most ? NULL : text;
}

/* "Z", "+01:00" or "", the local one, at the end of a date. Returns false where it is
 * something else. */
static bool logs_time_apply_zone(const char *zone, struct tm *date,
                                 struct timespec *time)
{
    int hours, minutes;
    if (*zone == '\0') {
        date->tm_isdst = -1; /* mktime(3) knows whether it was summer */
        time->tv_sec = mktime(date);
        return true;
    }
    time->tv_sec = timegm(date);
    if (strcmp(zone, "Z") == 0)
        return true;
    const char *rest = logs_time_read_part(zone, *zone, 2, 0, 23, &hours);
    rest = logs_time_read_part(rest, ':', 2, 0, 59, &minutes);
    if ((*zone != '+' && *zone != '-') || rest == NULL || *rest != '\0')
        return false;
    time_t offset = hours * 3600 + minutes * 60;
    time->tv_sec -= *zone == '+' ? offset : -offset;
    return true;
}

/* "2026-11-22T10:00:00.5Z", from the date on. */
static bool logs_time_read_date(const char *text, struct timespec *time)
{
    struct tm date = {0};
    time->tv_nsec = 0;
    const char *rest =
        logs_time_read_part(text, '\0', 4, 1, 9999, &date.tm_year);
    rest = logs_time_read_part(rest, '-', 2, 1, 12, &date.tm_mon);
    rest = logs_time_read_part(rest, '-', 2, 1, 31, &date.tm_mday);
    if (rest != NULL && *rest == 'T') {
        rest = logs_time_read_part(rest, 'T', 2, 0, 23, &date.tm_hour);
        rest = logs_time_read_part(rest, ':', 2, 0, 59, &date.tm_min);
        if (rest != NULL && *rest == ':')
            rest = logs_time_read_part(rest, ':', 2, 0, 60, &date.tm_sec);
        if (rest != NULL)
            rest = logs_time_read_fraction(rest, &time->tv_nsec);
    }
    if (rest == NULL)
        return false;
    date.tm_year -= 1900;
    date.tm_mon -= 1;
    return logs_time_apply_zone(rest, &date, time);
}

const char *logs_time_read(const char *text, struct timespec *time)
{
    uint64_t seconds;
    const char *rest = number_scan(text, INT32_MAX * 100ULL, &seconds);
    int64_t age = logs_time_read_age(text);
    if (rest != NULL && (*rest == '\0' || *rest == '.')) {
        rest = logs_time_read_fraction(rest, &time->tv_nsec);
        if (rest != NULL && *rest == '\0') {
            time->tv_sec = (time_t)seconds;
            return NULL;
        }
    } else if (age > 0 || (age == 0 && *text != '\0')) {
        clock_gettime(CLOCK_REALTIME, time);
        time->tv_sec -= (time_t)(age / NS);
        time->tv_nsec -= (long)(age % NS);
        if (time->tv_nsec < 0) {
            time->tv_sec--;
            time->tv_nsec += NS;
        }
        return NULL;
    } else if (logs_time_read_date(text, time)) {
        return NULL;
    }
    return "expected a time (2026-11-22T10:00:00Z), seconds since 1970, or how "
           "long ago (1h30m)";
}
