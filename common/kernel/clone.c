#include "common/kernel/clone.h"

#include <sys/syscall.h>
#include <unistd.h>

pid_t clone_process(struct clone_args *arguments)
{
    /* The size tells the kernel which fields we know of, so that the structure
     * can grow without breaking us. clone(2). */
    return (pid_t)syscall(SYS_clone3, arguments, sizeof *arguments);
}
