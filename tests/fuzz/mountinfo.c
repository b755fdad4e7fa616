/*
 * fuzz: /proc/self/mountinfo. The kernel writes it, but the paths in it are
 * chosen by whoever may mount.
 */
#include "tests/fuzz/fuzz.h"

#include "common/kernel/cgroup_tree.c" /* for their static functions */
#include "common/kernel/mountinfo.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cgroup cgroup;
    const unsigned all = (1U << CGROUP_CONTROLLERS) - 1;
    char *text = fuzz_text(data, size);
    char *rest = NULL;
    struct mountinfo mount;
    memset(&cgroup, 0, sizeof cgroup);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (!mountinfo_read_line(&mount, line))
            continue;
        fuzz_require(strchr(mount.type, ' ') == NULL);
        fuzz_require(mount.target < mount.type && mount.type < mount.options);
        if (cgroup_tree_read_mount(&cgroup, all, &mount) == -1)
            break;
    }
    free(text);

    unsigned seen = 0;
    fuzz_require(cgroup.count <= CGROUP_CONTROLLERS);
    for (size_t i = 0; i < cgroup.count; i++) {
        fuzz_require(cgroup.hierarchies[i].controllers != 0);
        fuzz_require((seen & cgroup.hierarchies[i].controllers) == 0);
        seen |= cgroup.hierarchies[i].controllers;
        fuzz_require(memchr(cgroup.hierarchies[i].top, '\0', PATH_MAX) != NULL);
    }
    return 0;
}
