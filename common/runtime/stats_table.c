/* stats for people. */
#include "common/base/number.h"
#include "common/base/table.h"
#include "common/runtime/stats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BAR_COLUMNS = 10, CELL_BYTES = 160 };

/* ---- Words ---- */

/* "12.3KiB / 4.0KiB" */
static void stats_write_two(int64_t first, int64_t second, char *text,
                            size_t size)
{
    char one[NUMBER_BYTES_TEXT], other[NUMBER_BYTES_TEXT];
    snprintf(text, size, "%s / %s", number_format_bytes(first, 1024, "", one),
             number_format_bytes(second, 1024, "", other));
}

/* "[#####     ]", of a share from 0 to 1; or with the blocks that Unicode has. */
static void stats_write_bar(double share, const struct stats_look *look,
                            char *text, size_t size)
{
    int full = (int)(share * BAR_COLUMNS + 0.5);
    size_t used = 0;
    if (!look->bars) {
        text[0] = '\0';
        return;
    }
    if (full > BAR_COLUMNS)
        full = BAR_COLUMNS;
    for (int i = 0; i < BAR_COLUMNS; i++) {
        const char *piece = i < full ? "#" : ".";
        if (look->utf8)
            piece = i < full ? "█" : "░";
        used += (size_t)snprintf(text + used, size - used, "%s", piece);
    }
    snprintf(text + used, size - used, " ");
}

/* ---- Cells ---- */

static void stats_add_cpu(struct table *table, const struct stats_row *row,
                          const struct stats_look *look)
{
    char cell[CELL_BYTES], bar[CELL_BYTES / 2];
    int64_t limit = row->sample.figures[STATS_CPU_LIMIT];
    int64_t most =
        limit > 0 && limit != STATS_NO_LIMIT ? limit : look->cpus * 1000;
    if (row->cpu_thousandths == STATS_UNKNOWN) {
        table_add(table, "-");
        return;
    }
    stats_write_bar((double)row->cpu_thousandths / (double)most, look, bar,
                    sizeof bar);
    snprintf(cell, sizeof cell, "%s%.1f%%", bar,
             (double)row->cpu_thousandths / 10);
    table_add(table, cell);
}

static void stats_add_memory(struct table *table, const struct stats_row *row,
                             const struct stats_look *look)
{
    char cell[CELL_BYTES], bar[CELL_BYTES / 2];
    int64_t used = row->sample.figures[STATS_MEMORY];
    int64_t limit = row->sample.figures[STATS_MEMORY_LIMIT];
    if (limit < 0 || limit > look->memory_bytes)
        limit = look->memory_bytes;
    if (used == STATS_UNKNOWN || limit <= 0) {
        table_add(table, "-");
        table_add(table, "-");
        return;
    }
    double share = (double)used / (double)limit;
    stats_write_two(used, limit, cell, sizeof cell);
    table_add(table, cell);
    stats_write_bar(share, look, bar, sizeof bar);
    snprintf(cell, sizeof cell, "%s%.1f%%", bar, share * 100);
    table_add(table, cell);
}

/* How much of the time of its CPU limit it stood still: "3 of 10 periods". */
static void stats_add_throttled(struct table *table,
                                const int64_t figures[STATS_FIGURES])
{
    char cell[CELL_BYTES];
    int64_t periods = figures[STATS_PERIODS];
    snprintf(cell, sizeof cell, "%.1fs, %.0f%%",
             (double)figures[STATS_THROTTLED_NS] / 1e9,
             periods > 0 ? 100.0 * (double)figures[STATS_THROTTLED_PERIODS] /
                               (double)periods
                         : 0.0);
    table_add(table,
              figures[STATS_THROTTLED_NS] < 0 || periods <= 0 ? "-" : cell);
}

/* "0.0 1.5 12.0": the share of the last ten seconds in which it waited, in percent. */
static void stats_add_pressure(struct table *table,
                               const int64_t figures[STATS_FIGURES])
{
    char cell[CELL_BYTES];
    size_t used = 0;
    for (int i = STATS_CPU_WAITING; i <= STATS_IO_WAITING; i++)
        used += figures[i] < 0
                    ? (size_t)snprintf(cell + used, sizeof cell - used, "- ")
                    : (size_t)snprintf(cell + used, sizeof cell - used, "%.1f ",
                                       (double)figures[i] / 100);
    cell[used - 1] = '\0';
    table_add(table, strcmp(cell, "- - -") == 0 ? "-" : cell);
}

static void stats_add_row(struct table *table, const struct stats_row *row,
                          const struct stats_look *look)
{
    const int64_t *figures = row->sample.figures;
    char cell[CELL_BYTES];
    snprintf(cell, sizeof cell, "%.*s", RECORD_SHORT_ID_LENGTH, row->id);
    table_add(table, cell);
    table_add(table, row->name);
    stats_add_cpu(table, row, look);
    stats_add_memory(table, row, look);
    stats_write_two(figures[STATS_RECEIVED_BYTES], figures[STATS_SENT_BYTES],
                    cell, sizeof cell);
    table_add(table, figures[STATS_RECEIVED_BYTES] < 0 ? "-" : cell);
    stats_write_two(figures[STATS_READ_BYTES], figures[STATS_WRITTEN_BYTES],
                    cell, sizeof cell);
    table_add(table, figures[STATS_READ_BYTES] < 0 ? "-" : cell);
    snprintf(cell, sizeof cell, "%" PRId64, figures[STATS_PIDS]);
    table_add(table, figures[STATS_PIDS] < 0 ? "-" : cell);
    stats_add_throttled(table, figures);
    stats_add_pressure(table, figures);
}

/* ---- The whole ---- */

/* How many pieces of a bar stand at `text`, and how many of these are full. */
static size_t stats_measure_bar(const char *text, size_t *full, size_t *bytes)
{
    static const char *const pieces[] = {"#", ".", "█", "░"};
    size_t count = 0;
    *full = *bytes = 0;
    for (size_t i = 0; i < 4;) {
        size_t length = strlen(pieces[i]);
        if (strncmp(text + *bytes, pieces[i], length) != 0) {
            i++;
            continue;
        }
        *full += i % 2 == 0;
        *bytes += length;
        count++;
        i = 0;
    }
    return count;
}

/* Prints a table in which the bars get colours: they would have no place in a cell,
 * whose columns are counted and whose control characters are masked. */
static void stats_print_coloured(const char *text, FILE *file)
{
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
    while (*text != '\0') {
        size_t full, bytes, count = stats_measure_bar(text, &full, &bytes);
        if (count < BAR_COLUMNS) {
            putc(*text++, file);
            continue;
        }
        fputs(colours[(full * 2 >= count) + (full * 5 >= count * 4)], file);
        fwrite(text, 1, bytes, file);
        fputs("\033[m", file);
        text += bytes;
    }
}

void stats_write_table(const struct stats_row *rows, size_t count,
                       const struct stats_look *look, FILE *file)
{
    static const char *const headings[] = {"CONTAINER ID",
                                           "NAME",
                                           "CPU %",
                                           "MEM USAGE / LIMIT",
                                           "MEM %",
                                           "NET I/O",
                                           "BLOCK I/O",
                                           "PIDS",
                                           "THROTTLED",
                                           "WAITED FOR CPU MEM I/O %",
                                           NULL};
    struct table table = {.headings = headings};
    char *text = NULL;
    size_t size = 0;
    FILE *memory = look->coloured ? open_memstream(&text, &size) : NULL;
    for (const struct stats_row *row = rows; row < rows + count; row++)
        stats_add_row(&table, row, look);
    table_print(&table, memory == NULL ? file : memory);
    if (memory == NULL)
        return;
    fclose(memory);
    if (text != NULL)
        stats_print_coloured(text, file);
    free(text);
}
