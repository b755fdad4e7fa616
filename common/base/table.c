#include "common/base/table.h"

#include "common/base/log.h"

#include <stdlib.h>
#include <string.h>

enum { BETWEEN = 3 };

size_t table_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

void table_shorten(char *text, size_t most)
{
    char *end = text;
    for (size_t i = 0; i + 1 < most && *end != '\0'; i++)
        do
            end++;
        while ((*end & 0xc0) == 0x80);
    if (table_width(end) > 1)
        memcpy(end, "…", sizeof "…");
}

int table_add(struct table *table, const char *text)
{
    if (names_add(&table->cells, text == NULL ? "" : text) == -1)
        return -1;
    char *cell = table->cells.all[table->cells.count - 1];
    log_mask_controls(cell, strlen(cell));
    return 0;
}

/* A cell, and blanks up to where the next one begins; none after the last. */
static void table_print_cell(const char *text, size_t width, FILE *file)
{
    fputs(text, file);
    for (size_t used = table_width(text); used < width; used++)
        putc(' ', file);
}

void table_print(struct table *table, FILE *file)
{
    size_t columns = 1; /* at least */
    while (table->headings[columns] != NULL)
        columns++;
    size_t *widths = calloc(columns + 1, sizeof *widths);
    for (size_t i = 0; widths != NULL && i < columns + table->cells.count;
         i++) {
        const char *text =
            i < columns ? table->headings[i] : table->cells.all[i - columns];
        size_t width = table_width(text) + BETWEEN;
        if (width > widths[i % columns])
            widths[i % columns] = width;
    }
    for (size_t i = 0; widths != NULL && i < columns + table->cells.count;
         i++) {
        bool last = i % columns == columns - 1;
        table_print_cell(i < columns ? table->headings[i]
                                     : table->cells.all[i - columns],
                         last ? 0 : widths[i % columns], file);
        if (last)
            putc('\n', file);
    }
    free(widths);
    names_free(&table->cells);
}
