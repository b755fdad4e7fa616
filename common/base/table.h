/*
 * table: rows and columns of text, each column as wide as what is in it.
 *
 *     static const char *const headings[] = {"NAME", "STATUS", NULL};
 *     struct table table = {.headings = headings};
 *     table_add(&table, "web");
 *     table_add(&table, "Up 5 minutes");
 *     table_print(&table, stdout);
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_TABLE_H
#define NSCTL_BASE_TABLE_H

#include "common/base/names.h"

#include <stdio.h>

struct table {
    const char *const *headings; /* ended by NULL: so many columns there are */
    struct names cells;          /* row after row */
};

/* The next cell: a copy of `text` in which control characters are masked, for it may
 * come from a container (log_mask_controls()). NULL is an empty one. Returns 0, or -1,
 * reported: no memory. */
int table_add(struct table *table, const char *text);

/* Prints headings and rows, and forgets the rows. Columns are counted in characters. */
void table_print(struct table *table, FILE *file);

/* Cuts it to `most` characters, the last of them … where there were more, for which it has
 * room. */
void table_shorten(char *text, size_t most);

/* How many columns of a terminal `text` (UTF-8) takes, if each character takes one. */
size_t table_width(const char *text);

#endif
