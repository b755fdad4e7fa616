#include "common/image/containerfile_lines.h"

#include "common/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool containerfile_lines_next(struct containerfile_cursor *cursor,
                              const char **line, size_t *length)
{
    if (cursor->at >= cursor->end)
        return false;
    const char *newline =
        memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));
    *line = cursor->at;
    cursor->at = newline == NULL ? cursor->end : newline + 1;
    *length = (size_t)((newline == NULL ? cursor->end : newline) - *line);
    if (*length > 0 && (*line)[*length - 1] == '\r')
        --*length;
    cursor->line++;
    return true;
}

static size_t skip_blanks(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length && strchr(CONTAINERFILE_BLANKS, text[i]) != NULL &&
           text[i] != '\0')
        i++;
    return i;
}

/* Joins lines that end with the escape character to one; comments and empty lines
 * in between do not end it. */
int containerfile_lines_join(struct containerfile *file,
                             struct containerfile_cursor *cursor, char **text,
                             unsigned *first_line)
{
    const char *line;
    size_t length, used = 0;
    bool more = false;
    char *joined = NULL;
    while (containerfile_lines_next(cursor, &line, &length)) {
        size_t indent = skip_blanks(line, length);
        if (indent == length || line[indent] == '#')
            continue;
        if (!more) {
            *first_line = cursor->line;
            line += indent;
            length -= indent;
        }
        size_t end = length;
        while (end > 0 && strchr(CONTAINERFILE_BLANKS, line[end - 1]) != NULL)
            end--;
        more = end > 0 && line[end - 1] == file->escape;
        if (more)
            length = end - 1;
        char *larger = realloc(joined, used + length + 1);
        if (larger == NULL) {
            free(joined);
            return log_error("out of memory (ENOMEM)");
        }
        joined = larger;
        memcpy(joined + used, line, length);
        used += length;
        joined[used] = '\0';
        if (!more)
            break;
    }
    if (joined == NULL)
        return 0;
    if (more) {
        free(joined);
        return containerfile_refuse(file, *first_line,
                                    "it ends in the middle: a %c at the end of "
                                    "its last line says that there is more",
                                    file->escape);
    }
    while (used > 0 && strchr(CONTAINERFILE_BLANKS, joined[used - 1]) != NULL)
        joined[--used] = '\0';
    *text = names_keep(&file->texts, joined);
    return *text == NULL ? -1 : 1;
}

/* "# escape=`", only in the comments that the file begins with. */
static int read_directives(struct containerfile *file,
                           struct containerfile_cursor cursor)
{
    const char *line;
    size_t length;
    while (containerfile_lines_next(&cursor, &line, &length)) {
        size_t start = skip_blanks(line, length);
        if (start == length || line[start] != '#')
            break;
        start++;
        start += skip_blanks(line + start, length - start);
        const char *equals = memchr(line + start, '=', length - start);
        if (equals == NULL)
            break;
        size_t name = (size_t)(equals - line) - start;
        while (name > 0 &&
               strchr(CONTAINERFILE_BLANKS, line[start + name - 1]) != NULL)
            name--;
        if (name != 6 || strncasecmp(line + start, "escape", 6) != 0)
            continue;
        size_t value = (size_t)(equals + 1 - line);
        value += skip_blanks(line + value, length - value);
        if (value >= length || (line[value] != '\\' && line[value] != '`') ||
            skip_blanks(line + value + 1, length - value - 1) !=
                length - value - 1)
            return containerfile_refuse(file, cursor.line,
                                        "escape=: expected \\ or `");
        file->escape = line[value];
    }
    return 0;
}

int containerfile_lines_begin(struct containerfile *file,
                              struct containerfile_cursor *cursor,
                              const char *text, size_t size)
{
    *cursor = (struct containerfile_cursor){.at = text, .end = text + size};
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        cursor->at += 3; /* the mark that some editors write before UTF-8 */
    const char *nul = memchr(text, '\0', size);
    if (nul != NULL) {
        unsigned line = 1;
        for (const char *c = text; c < nul; c++)
            line += *c == '\n';
        return containerfile_refuse(file, line, "a NUL in it: is it text?");
    }
    return read_directives(file, *cursor);
}
