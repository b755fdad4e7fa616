/* What is told of a build: see build_state.h. */
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/image/build_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Names in a Containerfile may be anything, and a terminal obeys some of it. */
void build_tell(const struct build *build, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    if (build->options->quiet || build->checking)
        return;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length == -1)
        return;
    log_mask_controls(text, (size_t)length);
    text[length] = '\n'; /* in the place of the NUL: one write(2), one line */
    if (write(STDERR_FILENO, text, (size_t)length + 1) == -1)
        errno = 0; /* nobody listens any more */
    free(text);
}

int build_refuse(struct build *build,
                 const struct containerfile_instruction *instruction,
                 const char *format, ...)
{
    va_list arguments;
    if (build->failed == 0)
        build->failed = EXIT_OURS;
    va_start(arguments, format);
    int result = containerfile_refuse_list(&build->file, instruction->line,
                                           format, arguments);
    va_end(arguments);
    return result;
}

void build_time_text(time_t time, char text[32])
{
    struct tm parts;
    if (gmtime_r(&time, &parts) == NULL ||
        strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        text[0] = '\0'; /* of a year that nobody can write */
}
