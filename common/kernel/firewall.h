/*
 * firewall: does somebody else's drop what is forwarded?
 *
 * Every chain of nf_tables at a hook is asked, and one that drops is enough: no rule of
 * ours can let a packet pass for all of them. So such a firewall has to be told about
 * our bridge by whoever wrote it.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_FIREWALL_H
#define NSCTL_KERNEL_FIREWALL_H

/* Looks for a chain at the hook "forward" whose policy is to drop, in a table
 * in which nothing mentions `bridge`, and names it in a warning. For root, in
 * the network namespace of the bridge. What can not be found out is no error. */
void firewall_warn(const char *bridge);

#endif
