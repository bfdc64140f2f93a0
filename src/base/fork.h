/* fork() copies memory and one thread: what other threads do for us (a driver's, our own) is not done
 * in the child. */
#ifndef CLG_BASE_FORK_H
#define CLG_BASE_FORK_H

#include <stdbool.h>

/* From now on forks are counted; before the first thread or driver call. false: no memory. */
bool clg_fork_watch(void);
/* How often this process's memory was forked since: differs between parent and child. */
unsigned clg_fork_count(void);

#endif
