/*
 * overlay_options: of which layers the root file system is to be, and where
 * what the container writes is to go.
 *
 * taught in: step 07, lessons/07-overlay.md
 */
#ifndef NSCTL_KERNEL_OVERLAY_OPTIONS_H
#define NSCTL_KERNEL_OVERLAY_OPTIONS_H

#include "common/kernel/layers.h"

#include <stddef.h>
#include <stdint.h>

/* What a container may write where nobody has said: docker's /dev/shm, /dev. */
enum { OVERLAY_DEFAULT_UPPER_BYTES = 64 << 20 };

struct overlay_options {
    const char *layers[LAYERS_MOST]; /* in full, the uppermost first */
    size_t layer_count;
    const char *upper; /* a directory, in full, that is kept; NULL: a tmpfs */
    uint64_t upper_bytes; /* of that tmpfs */
};

/* The option parser for --rootfs (see base/program.h): "DIR:DIR…", directories,
 * none of them /, the uppermost first. "\:" is a colon in a name. `options`
 * points to a struct overlay_options. Returns NULL, or what was expected. */
const char *overlay_options_parse_layers(const char *text, void *options);

/* The option parser for --upper: a directory, or a name for one in a directory that
 * is there, on a file system that can be an upper layer. Nothing is made. */
const char *overlay_options_parse_upper(const char *text, void *options);

/* The option parser for --upper-size: bytes, at least 64k. `bytes` points to
 * a uint64_t. */
const char *overlay_options_parse_upper_size(const char *text, void *bytes);

/* After the options: no layer lies in another, and none in what is written to, or
 * the other way round. Returns 0, or -1, reported. */
int overlay_options_check_overlap(const struct overlay_options *options);

/* Makes what is missing of --upper: the directory (mode 0700), and in it `upper`,
 * which is the layer, and `work`, which the kernel needs beside it; and locks
 * it against a second run for as long as the descriptor is open, which is
 * returned. -1 where that is so, or where others may enter the directory: what
 * the container's root leaves there may be a set-user-id program. flock(2). */
int overlay_options_open_upper(const struct overlay_options *options);

/* For --diff: prints what --upper holds that the layers below do not, as
 * layers_print_difference() does. Returns 0, or -1, reported. */
int overlay_options_print_difference(const struct overlay_options *options);

#endif
