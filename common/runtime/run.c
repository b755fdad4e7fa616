/* run, simple: a new container; its monitor is this process, or one that stays. */
#include "common/runtime/monitor.h"
#include "common/runtime/run_options.h"
#include "common/runtime/self.h"
#include "common/runtime/subcommands.h"

int run_container(const struct store *store, struct container *container)
{
    if (run_options_check(container, store) == -1)
        return EXIT_OURS;
    if (container->difference) {
        int result =
            overlay_options_print_difference(&container->overlay.options);
        return result == -1 ? EXIT_OURS : 0;
    }
    if (self_protect(container->userns_host, 0) == -1)
        return EXIT_OURS;
    return container->detached ? monitor_detach(store, container)
                               : monitor_run(store, container, -1);
}

int subcommand_run(const struct store *store, char **argv)
{
    static struct container container;
    if (self_protect_early(argv) == -1)
        return EXIT_OURS;
    run_options_read(&container, store, argv, NULL);
    return run_container(store, &container);
}

int subcommand_simple(const struct store *store, char **argv)
{
    static struct container container;
    if (self_protect_early(argv) == -1)
        return EXIT_OURS;
    run_options_read_simple(&container, argv);
    return run_container(store, &container);
}
