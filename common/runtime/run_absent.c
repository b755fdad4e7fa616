#include "common/runtime/run_absent.h"

#include <stddef.h>

const struct program_absent run_absent[] = {
    {"--restart", "nothing starts a container again; a service of the host's "
                  "can, with `run` in its foreground"},
    {"--replace", "rm -f NAME before it"},
    {"-a --attach", "all three are attached; -d for none of them"},
    {"--sig-proxy", "signals are always passed on"},
    {"--detach-keys", "^P ^Q leaves an `attach`, not a `run`: begin with "
                      "run -dit, then attach"},
    {"--stop-timeout", "stop -t SECONDS says how long it has"},
    {"--timeout", "stop -t SECONDS, or timeout(1) before the command"},
    {"--pull --platform", "images are never fetched: load, import and build "
                          "make them, of this machine's kind"},
    {"--log-driver --log-opt", "its log is a file, as long as --log-max-size "
                               "and --log-max-files say"},
    {"--label -l --label-file --annotation",
     "only images have labels; --name is what to call a container by"},
    {"--env-host", "-e NAME, without a value, takes ours over"},
    {"--expose", "-p publishes a port; between containers all are open"},
    {"--link --network-alias", "containers find each other by the address that "
                               "`ps` shows"},
    {"--ip --ip6 --mac-address", "its address is the next that is free; `ps` "
                                 "shows it"},
    {"--dns-search --dns-option --dns-opt",
     "all but the name servers is as in the host's /etc/resolv.conf"},
    {"--domainname", "--hostname may have dots"},
    {"--volumes-from --volume-driver",
     "name the same directories: -v HOST:DIR"},
    {"--shm-size", "--tmpfs /dev/shm:size=256m"},
    {"--storage-opt", "--upper-size SIZE"},
    {"--device --gpus", "-v /dev/NAME:/dev/NAME, for a device that the user "
                        "inside may open; else --privileged"},
    {"--group-add", "-u USER has the groups that /etc/group inside says"},
    {"--pid --ipc --uts --cgroupns", "those namespaces are always its own"},
    {"--cgroup-parent", "it is where all our cgroups are"},
    {"--memory-swap --memory-swappiness --memory-reservation "
     "--kernel-memory --oom-kill-disable",
     "-m is the limit, and nothing is swapped beyond it"},
    {"-c --cpu-shares --cpu-quota --cpu-period --cpuset-cpus --cpuset-mems",
     "--cpus 0.5 is the limit"},
    {"--blkio-weight --device-read-bps --device-write-bps --device-read-iops "
     "--device-write-iops",
     "--io-max /dev/sda:rbps=1m,wbps=1m,riops=100"},
    {"--oom-score-adj", "-m limits what it can take from others"},
    {"--sysctl", "--privileged, and it can be written to /proc/sys inside"},
    {"--health-cmd --health-interval --health-retries --health-timeout "
     "--health-start-period --no-healthcheck",
     "nothing asks how it is; `exec` does, when it is run"},
    {"--runtime --isolation", "this is the runtime"},
    {0},
};

const struct program_absent exec_absent[] = {
    {"--privileged", "it is what the container is: run --privileged, or "
                     "--cap-add"},
    {"--detach-keys", "^P ^Q leaves an `attach`, not an `exec`: exec -d waits "
                      "for nothing"},
    {0},
};
