#include "steps/09-lifecycle/logs_time.h"

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

/* "Z", "+01:00" or "", the local one, at the end of a date. Returns false where it is
 * something else. */
static bool logs_time_apply_zone(const char *zone, struct tm *date,
                                 struct timespec *time)
{
    uint64_t hours, minutes;
    if (*zone == '\0') {
        date->tm_isdst = -1; /* mktime(3) knows whether it was summer */
        time->tv_sec = mktime(date);
        return true;
    }
    time->tv_sec = timegm(date);
    if (strcmp(zone, "Z") == 0)
        return true;
    if ((*zone != '+' && *zone != '-') || strlen(zone) != 6 || zone[3] != ':' ||
        number_scan(zone + 1, 23, &hours) != zone + 3 ||
        number_scan(zone + 4, 59, &minutes) != zone + 6)
        return false;
    time_t offset = (time_t)(hours * 3600 + minutes * 60);
    time->tv_sec -= *zone == '+' ? offset : -offset;
    return true;
}

/* "2026-11-22T10:00:00.5Z", from the date on. */
static bool logs_time_read_date(const char *text, struct timespec *time)
{
    struct tm date = {0};
    int used = 0;
    time->tv_nsec = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &date.tm_year, &date.tm_mon,
               &date.tm_mday, &used) != 3 ||
        used != 10)
        return false;
    const char *rest = text + used;
    if (*rest == 'T') {
        used = 0;
        if (sscanf(rest, "T%2d:%2d:%2d%n", &date.tm_hour, &date.tm_min,
                   &date.tm_sec, &used) == 3 &&
            used == 9)
            rest = logs_time_read_fraction(rest + used, &time->tv_nsec);
        else if (sscanf(rest, "T%2d:%2d%n", &date.tm_hour, &date.tm_min,
                        &used) == 2 &&
                 used == 6)
            rest += used;
        else
            return false;
    }
    if (rest == NULL || date.tm_mon < 1 || date.tm_mon > 12 ||
        date.tm_mday < 1 || date.tm_mday > 31 || date.tm_hour < 0 ||
        date.tm_hour > 23 || date.tm_min < 0 || date.tm_min > 59 ||
        date.tm_sec < 0 || date.tm_sec > 60)
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
