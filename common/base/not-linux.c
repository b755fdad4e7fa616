/*
 * not-linux: what every step is built from where the kernel is not Linux.
 *
 * Namespaces, cgroups and pivot_root are Linux's own: there is nothing that
 * the steps could call instead, so they say so.
 */
#include <stdio.h>

int main(void)
{
    fputs("nsctl: this system is not Linux, so it has no namespaces and no "
          "cgroups to build a container from.\n"
          "       Run the workbook in a Linux virtual machine: any "
          "distribution with a kernel from 5.10 on will do.\n",
          stderr);
    return 125;
}
