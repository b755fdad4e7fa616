/*
 * presets_yaml: the part of YAML that presets are written in.
 *
 *     # a comment
 *     small: {memory: 64m, cpus: 0.25, pids: 64}
 *     web:
 *       memory: 256m
 *       publish: ["8080:80", 8443:443]
 *       volume:
 *         - /srv/www:/www:ro
 *
 * A mapping of names to mappings of keys to values or lists of values, in either of
 * YAML's two styles, values plain or in quotes, on one line each. There is nothing else:
 * what YAML would take for more (anchors, tags, blocks of text, deeper nesting) is
 * refused, and so is what it leaves in doubt: tabs, the same key twice. Every value is a
 * text. Every error names the file and the line.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_PRESETS_YAML_H
#define NSCTL_RUNTIME_PRESETS_YAML_H

#include <stdbool.h>
#include <stddef.h>

/* One value. A preset without any, or a list without any, has one whose text is NULL. */
struct presets_entry {
    unsigned line;
    char *preset, *key, *text; /* key: NULL for a preset without any */
    bool in_list;
};

struct presets {
    struct presets_entry *entries;
    size_t count;
};

/* Reads `text`, which ends with a NUL; `name` is for errors. Returns 0, or -1, reported.
 * presets_free() in any case. */
int presets_parse(const char *name, const char *text, struct presets *presets);
void presets_free(struct presets *presets);

#endif
