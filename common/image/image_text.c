#include "common/image/image_text.h"

#include "common/base/clock.h"
#include "common/runtime/logs_time.h"
#include "common/runtime/record_text.h"

#include <stdio.h>
#include <string.h>

void image_text_size(uint64_t bytes, char *text)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double number = (double)bytes;
    size_t unit = 0;
    /* 999.6 would be written as 1e+03. */
    for (; number >= 999.5 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        number /= 1000;
    snprintf(text, IMAGE_SIZE_BYTES, "%.3g%s", number, units[unit]);
}

int64_t image_text_created_ns(const char *created)
{
    struct timespec time;
    /* Of what people may write besides, a year is what only a date begins with. */
    if (created == NULL || strchr(created, 'T') == NULL ||
        logs_time_read(created, &time) != NULL || time.tv_sec <= 0)
        return 0;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void image_text_age(const char *created, char *text, size_t size)
{
    int64_t ns = image_text_created_ns(created);
    char age[64];
    if (ns == 0) {
        snprintf(text, size, "N/A");
        return;
    }
    record_text_age(clock_now_ns(CLOCK_REALTIME) - ns, age, sizeof age);
    snprintf(text, size, "%s ago", age);
}

void image_text_digest(const char *digest, char *text)
{
    snprintf(text, IMAGE_DIGEST_BYTES, "sha256:%s", digest);
}

/* ---- JSON ---- */

void image_text_write_names(struct json_writer *writer, const char *key,
                            const struct image *images, size_t count,
                            const char *id)
{
    json_write_open(writer, key, '[');
    for (size_t i = 0; i < count; i++) {
        char name[REFERENCE_TEXT_BYTES];
        if (strcmp(images[i].reference.digest, id) != 0)
            continue;
        reference_text(&images[i].reference, name);
        json_write_text(writer, NULL, name);
    }
    json_write_close(writer, ']');
}
