#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/layers.h"
#include "common/runtime/monitor.h"
#include "common/runtime/run_options.h"
#include "common/runtime/self.h"
#include "common/runtime/subcommands.h"

#include <limits.h>

static int run_print_difference(const struct container *container)
{
    const struct overlay_options *layers = &container->overlay.options;
    char upper[PATH_MAX];
    if (layers->upper == NULL) {
        log_error("--diff: of what is written where? Name it with --upper");
        return EXIT_OURS;
    }
    if (files_path(upper, "%s/upper", layers->upper) == -1)
        return EXIT_OURS;
    return layers_print_difference(upper, layers->layers,
                                   layers->layer_count) == -1
               ? EXIT_OURS
               : 0;
}

static int run_container(const struct store *store, struct container *container)
{
    if (run_options_check(container, store) == -1)
        return EXIT_OURS;
    if (container->difference)
        return run_print_difference(container);
    if (self_protect(container->userns_host, true) == -1)
        return EXIT_OURS;
    return container->detached ? monitor_detach(store, container)
                               : monitor_run(store, container, -1);
}

int subcommand_run(const struct store *store, char **argv)
{
    static struct container container;
    run_options_read(&container, argv);
    return run_container(store, &container);
}

int subcommand_simple(const struct store *store, char **argv)
{
    static struct container container;
    run_options_read_simple(&container, argv);
    return run_container(store, &container);
}
