#include "common/runtime/written.h"

#include "common/base/files.h"
#include "common/base/log.h"

#include <errno.h>
#include <unistd.h>

const char *written_place(const struct record *record)
{
    return record->upper != NULL ? record->upper : record->directory;
}

int written_find(const struct record *record, char *upper)
{
    const char *place = written_place(record);
    char work[PATH_MAX];
    if (files_path(upper, "%s/upper", place) == -1 ||
        files_path(work, "%s/work/work", place) == -1)
        return -1;
    /* Where overlay has written it has made that. */
    if (access(work, F_OK) == 0)
        return 0;
    if (errno != ENOENT)
        return (int)log_call(-1, "whether overlay has written here",
                             "access(\"%s\", F_OK)", work);
    return record->status == RECORD_RUNNING
               ? log_error("%s: what it writes is in memory, and not to be "
                           "seen from here: nothing has been written to %s",
                           record->name, upper)
               : log_error("%s does not run, and what it wrote went with it: "
                           "that was in memory",
                           record->name);
}
