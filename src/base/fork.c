#include "base/fork.h"

#include <pthread.h>
#include <stdatomic.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool watching;
static atomic_uint forks;

static void in_child(void)
{
    atomic_fetch_add(&forks, 1);
}

static void start(void)
{
    watching = pthread_atfork(NULL, NULL, in_child) == 0;
}

bool clg_fork_watch(void)
{
    pthread_once(&once, start);
    return watching;
}

unsigned clg_fork_count(void)
{
    return atomic_load(&forks);
}
