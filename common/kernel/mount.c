#include "common/kernel/mount.h"

#include "common/base/log.h"

#include <stdio.h>
#include <sys/mount.h>

void mount_name_flags(unsigned long flags, char *text, size_t size)
{
    static const struct {
        unsigned long flag;
        const char *name;
    } names[] = {
        {MS_RDONLY, "MS_RDONLY"},   /* through this mount: others may write */
        {MS_NOSUID, "MS_NOSUID"},   /* set-user-id bits mean nothing here */
        {MS_NODEV, "MS_NODEV"},     /* device nodes open nothing */
        {MS_NOEXEC, "MS_NOEXEC"},   /* no program starts from here */
        {MS_REMOUNT, "MS_REMOUNT"}, /* change the flags of one that is there */
        {MS_BIND, "MS_BIND"},       /* show a directory at another place */
        {MS_MOVE, "MS_MOVE"},
        {MS_REC, "MS_REC"},         /* and all that is mounted below */
        {MS_PRIVATE, "MS_PRIVATE"}, /* what is mounted here stays here */
        {MS_SLAVE, "MS_SLAVE"},     /* and what others mount comes in */
        {MS_SHARED, "MS_SHARED"},   /* both ways */
        {MS_UNBINDABLE, "MS_UNBINDABLE"},
    };
    size_t used = (size_t)snprintf(text, size, "%s", flags == 0 ? "0" : "");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((flags & names[i].flag) != 0 && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used == 0 ? "" : "|", names[i].name);
}

int mount_file_system(const char *source, const char *target, const char *type,
                      unsigned long flags, const char *options,
                      const char *intention)
{
    char flag_names[128];
    const char *quote = options == NULL ? "" : "\"";
    int result = mount(source, target, type, flags, options);
    if (result == 0 && log_is_quiet())
        return 0;
    mount_name_flags(flags, flag_names, sizeof flag_names);
    return (int)log_call(result, intention,
                         "mount(\"%s\", \"%s\", \"%s\", %s, %s%s%s)", source,
                         target, type, flag_names, quote,
                         options == NULL ? "NULL" : options, quote);
}

int mount_make_private(void)
{
    /* A new mount namespace copies the table, and with it which mounts are
     * shared: one made below a shared mount appears in every copy, the host's
     * too. systemd shares all there is. MS_PRIVATE ends it, MS_REC for each
     * mount below / as well. mount_namespaces(7). */
    if (mount_file_system("none", "/", "none", MS_REC | MS_PRIVATE, NULL,
                          "no mount from here reaches the host") == -1)
        return -1;
    return 0;
}

int mount_proc(void)
{
    /* /proc shows the PID namespace of whoever mounted it, and the copied one
     * was mounted by the host. */
    if (mount_file_system("proc", "/proc", "proc",
                          MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL,
                          "/proc shows this PID namespace") == -1)
        return -1;
    return 0;
}
