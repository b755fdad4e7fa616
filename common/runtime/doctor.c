/* doctor: what this machine can run. The tests ask the same program what to skip. */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/runtime/subcommands.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

int subcommand_doctor(const struct store *store, char **argv)
{
    (void)store;
    static const struct program_option options[] = {{0}};
    const struct program program = {
        .name = argv[0],
        .summary = "Says what this machine can run, and what to do about the "
                   "rest.",
        .usage = "",
        .example = "doctor",
        .options = options,
    };
    char path[PATH_MAX];
    subcommands_read(&program, argv, 0, 0);
    if (files_find_above_program("tests/doctor", path) == -1 &&
        files_find_above_program("libexec/nsctl/doctor", path) == -1) {
        log_error("tests/doctor is not beside this program, nor above it");
        log_advice("it belongs to the workbook, and is installed with nsctl: "
                   "run that of either");
        return EXIT_OURS;
    }
    log_before_call("a program of its own", "execve(\"%s\", [\"%s\"])", path,
                    path);
    execl(path, path, (char *)NULL);
    log_call(-1, "a program of its own", "execve(\"%s\")", path);
    return EXIT_OURS;
}
