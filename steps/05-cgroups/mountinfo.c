#include "steps/05-cgroups/mountinfo.h"

#include "common/base/log.h"

#include <stdlib.h>
#include <string.h>

#define MOUNTINFO_PATH "/proc/self/mountinfo"

/* A space separates fields, so one that is in a path stands there as \040. */
static void mountinfo_unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
            from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
            from[3] <= '7') {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 |
                         (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* Exactly one space: a source may be empty, and then there are two in a row.
 * How many fields there are before the dash is not said anywhere. */
static bool mountinfo_read_line(struct mountinfo *mounts, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < 4; i++) /* its number, parent, device, and which part */
        strsep(&line, " ");
    mounts->target = strsep(&line, " ");
    char *second_half = line == NULL ? NULL : strstr(line, " - ");
    if (second_half == NULL)
        return false;
    second_half += strlen(" - ");
    mounts->type = strsep(&second_half, " ");
    strsep(&second_half, " "); /* the source */
    mounts->options = second_half;
    mountinfo_unescape(mounts->target);
    return mounts->options != NULL;
}

int mountinfo_open(struct mountinfo *mounts, const char *intention)
{
    *mounts = (struct mountinfo){
        .intention = intention,
        .file = fopen(MOUNTINFO_PATH, "re"),
    };
    if (mounts->file == NULL)
        return (int)log_call(-1, intention,
                             "openat(\"" MOUNTINFO_PATH "\", O_RDONLY)");
    return 0;
}

bool mountinfo_next(struct mountinfo *mounts)
{
    while (getline(&mounts->line, &mounts->size, mounts->file) != -1)
        if (mountinfo_read_line(mounts, mounts->line))
            return true;
    if (!feof(mounts->file)) {
        mounts->failed = true;
        log_call(-1, mounts->intention, "read(\"" MOUNTINFO_PATH "\")");
    }
    return false;
}

int mountinfo_close(struct mountinfo *mounts)
{
    free(mounts->line);
    fclose(mounts->file);
    return mounts->failed ? -1 : 0;
}
