#include "common/runtime/show.h"

#include "common/base/clock.h"
#include "common/runtime/proc.h"
#include "common/runtime/record_text.h"
#include "common/runtime/subcommands.h"

#include <unistd.h>

/* The only box that is from the record: what people call it. */
static void show_title(struct picture *picture, const struct record *record)
{
    char text[4096];
    picture_heading(picture, "%s", record->name);
    record_text_status(record, clock_now_ns(CLOCK_REALTIME), text, sizeof text);
    picture_line(picture, PICTURE_PLAIN, "%.*s  %s  process %d",
                 RECORD_SHORT_ID_LENGTH, record->id, text,
                 (int)record->init_process.pid);
    record_text_command(record, text, sizeof text);
    picture_line(picture, PICTURE_PLAIN, "%s", text);
}

static int show_one(const struct record *record)
{
    struct picture picture;
    int proc_fd = proc_open(record);
    if (proc_fd == -1)
        return EXIT_NOT_DONE;
    picture_begin(&picture, stdout);
    show_title(&picture, record);
    show_namespaces(&picture, proc_fd);
    show_ids(&picture, proc_fd);
    show_mounts(&picture, proc_fd);
    show_cgroup(&picture, proc_fd);
    show_network(&picture, proc_fd);
    show_privileges(&picture, proc_fd);
    picture_end(&picture);
    close(proc_fd);
    return 0;
}

int subcommand_show(const struct store *store, char **argv)
{
    static const struct program_option options[] = {{0}};
    const struct program program = {
        .name = argv[0],
        .summary = "Draws containers that run: namespaces, ids, mounts, "
                   "cgroup, network, privileges.",
        .usage = "NAME...",
        .example = "show web",
        .options = options,
    };
    char **words = subcommands_read(&program, argv, 1, SIZE_MAX);
    int first_status = 0;
    for (; *words != NULL; words++) {
        struct record record;
        int status = EXIT_NOT_DONE;
        if (store_look_up(store, *words, &record) == 0)
            status = show_one(&record);
        record_free(&record);
        if (first_status == 0)
            first_status = status;
    }
    return subcommands_end_output(first_status);
}
