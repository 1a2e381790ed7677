/* This process as the kernel sees it: what it may do, and what it uses. */
#ifndef HLIDKA_PROCESS_H
#define HLIDKA_PROCESS_H

#include "result.h"

#include <stdint.h>

/*
 * No core dump and no ptrace by others of the same user (RLIMIT_CORE, PR_SET_DUMPABLE), so that nothing secret
 * leaves memory; as much locked memory as we are allowed (RLIMIT_MEMLOCK to its hard limit); no SIGPIPE.
 * RESULT_DENIED.
 */
MUST_USE enum result process_harden(void);

/*
 * A message's buffers are up to a megabyte and live for one request. glibc would give such memory back to the system
 * every time, and have each page of it cleared and mapped again: from here on it keeps up to 16 MiB.
 */
void process_keep_memory(void);

struct process_usage {
    double cpu_seconds;
    double resident_bytes;
    double open_fds;
    double max_fds;
};

/* What cannot be read is 0. */
void process_usage(struct process_usage *out);

/*
 * Ends the process by _exit(status), whatever the loop is doing, unless process_rescue is called within `seconds`.
 * message is static and goes to stderr. One at a time; from one thread.
 */
void process_doom(unsigned seconds, int status, const char *message);
void process_rescue(void);

#endif
