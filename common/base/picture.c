#include "common/base/picture.h"

#include "common/base/log.h"
#include "common/base/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    MOST_COLUMNS = 100,
    LEAST_COLUMNS = 40,
    TEXT_BYTES = 8192,
    BAR_COLUMNS = 20
};

static const char *picture_colour(const struct picture *picture,
                                  enum picture_ink ink)
{
    static const char *const colours[] = {"", "\033[2m", "\033[32m",
                                          "\033[33m"};
    return picture->coloured ? colours[ink] : "";
}

static const char *picture_colour_off(const struct picture *picture,
                                      enum picture_ink ink)
{
    return picture->coloured && ink != PICTURE_PLAIN ? "\033[0m" : "";
}

void picture_begin(struct picture *picture, FILE *file)
{
    const char *no_color = getenv("NO_COLOR");
    struct winsize size;
    *picture = (struct picture){.file = file, .columns = 80};
    picture->drawn = isatty(fileno(file));
    picture->coloured =
        picture->drawn && (no_color == NULL || no_color[0] == '\0');
    if (picture->drawn && ioctl(fileno(file), TIOCGWINSZ, &size) == 0 &&
        size.ws_col > 0)
        picture->columns = size.ws_col;
    if (picture->columns > MOST_COLUMNS)
        picture->columns = MOST_COLUMNS;
    if (picture->columns < LEAST_COLUMNS)
        picture->columns = LEAST_COLUMNS;
}

static void picture_repeat(const struct picture *picture, const char *what,
                           size_t times)
{
    while (times-- > 0)
        fputs(what, picture->file);
}

/* How many bytes of `text` take at most `columns`: up to a blank, where there is
 * one in the second half, else in the middle of a word. */
static size_t picture_break(const char *text, size_t columns)
{
    size_t length = 0, blank = 0, used = 0;
    while (text[length] != '\0' && used < columns) {
        if (text[length] == ' ' && used > columns / 2)
            blank = length;
        do
            length++;
        while (((unsigned char)text[length] & 0xc0) == 0x80);
        used++;
    }
    return text[length] == '\0' || text[length] == ' ' || blank == 0 ? length
                                                                     : blank;
}

static void picture_row(const struct picture *picture, enum picture_ink ink,
                        const char *indent, const char *text, size_t length)
{
    if (!picture->drawn) {
        fprintf(picture->file, "  %s%.*s\n", indent, (int)length, text);
        return;
    }
    char row[TEXT_BYTES];
    snprintf(row, sizeof row, "%s%.*s", indent, (int)length, text);
    size_t used = table_width(row);
    fprintf(picture->file, "│ %s%s%s", picture_colour(picture, ink), row,
            picture_colour_off(picture, ink));
    picture_repeat(picture, " ", picture->columns - 4 - used);
    fputs(" │\n", picture->file);
}

void picture_line(struct picture *picture, enum picture_ink ink,
                  const char *format, ...)
{
    static const char further[] = "    ";
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t length = strlen(text);
    log_mask_controls(text, length);
    if (!picture->drawn) {
        picture_row(picture, ink, "", text, length);
        return;
    }
    size_t room = picture->columns - 4;
    size_t first = picture_break(text, room);
    picture_row(picture, ink, "", text, first);
    for (const char *rest = text + first; *rest != '\0';) {
        rest += strspn(rest, " ");
        size_t more = picture_break(rest, room - (sizeof further - 1));
        if (more > 0)
            picture_row(picture, ink, further, rest, more);
        rest += more;
    }
}

void picture_heading(struct picture *picture, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_mask_controls(text, strlen(text));
    if (!picture->drawn) {
        fprintf(picture->file, "%s\n", text);
        return;
    }
    text[picture_break(text, picture->columns - 6)] = '\0';
    fprintf(picture->file, "%s %s%s%s ", picture->begun ? "├─" : "┌─",
            picture->coloured ? "\033[1m" : "", text,
            picture->coloured ? "\033[0m" : "");
    picture_repeat(picture, "─", picture->columns - 5 - table_width(text));
    fprintf(picture->file, "%s\n", picture->begun ? "┤" : "┐");
    picture->begun = true;
}

const char *picture_bar(const struct picture *picture, double part)
{
    static char bar[BAR_COLUMNS * 3 + 2];
    int full = part <= 0   ? 0
               : part >= 1 ? BAR_COLUMNS
                           : (int)(part * BAR_COLUMNS + 0.5);
    size_t used = 0;
    bar[0] = '\0';
    for (int i = 0; picture->drawn && i < BAR_COLUMNS; i++)
        used += (size_t)snprintf(bar + used, sizeof bar - used, "%s%s",
                                 i == 0 ? " " : "", i < full ? "█" : "░");
    return bar;
}

void picture_end(struct picture *picture)
{
    if (!picture->drawn || !picture->begun)
        return;
    fputs("└", picture->file);
    picture_repeat(picture, "─", picture->columns - 2);
    fputs("┘\n", picture->file);
    picture->begun = false;
}
