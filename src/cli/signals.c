/* LLVM, inside of drivers, puts handlers of its own in place whenever it compiles; they remove the
 * files it works on and put back what stood before. So there are no handlers here: the signals are
 * blocked in all threads, and one thread waits for them. */
#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* `timeout` sends its signal to the process and again to its group; so many milliseconds long more
 * of them are the same request. */
enum { COPIES_MS = 20 };

static const struct {
    int number;
    const char *name;
} signals[] = {{SIGHUP, "SIGHUP"}, {SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGPIPE, "SIGPIPE"}};
enum { COUNT = sizeof(signals) / sizeof(signals[0]) };

static sigset_t watched;
static _Atomic(const char *) prefix; /* of the announcement; NULL: none is made */
static atomic_bool catching;
static atomic_int came;
static pthread_mutex_t announcing = PTHREAD_MUTEX_INITIALIZER; /* held from `came` to the words */

static int64_t milliseconds(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void drop_copies(void)
{
    int64_t end = milliseconds() + COPIES_MS, left;

    while ((left = end - milliseconds()) > 0)
        sigtimedwait(&watched, NULL, &(struct timespec){.tv_nsec = (long)left * 1000000});
}

static void announce(int number)
{
    const char *before = atomic_load(&prefix), *name = "";

    for (int i = 0; i < COUNT; i++)
        if (signals[i].number == number)
            name = signals[i].name;
    if (before)
        fprintf(stderr,
                "%sclgrad: %s: the training ends after this step and saves; a second signal ends "
                "it at once\n",
                before, name);
}

static void end_at_once(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t one;

    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
    sigemptyset(&one);
    sigaddset(&one, number);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    raise(number);
}

/* When a terminal closes, its shell sends SIGHUP and later the kernel does. */
static bool is_copy(const siginfo_t *info)
{
    return info->si_signo == SIGHUP && info->si_code == SI_KERNEL;
}

static void *watch(void *user)
{
    siginfo_t info;

    (void)user;
    for (;;) {
        int number = sigwaitinfo(&watched, &info);

        if (number < 0)
            continue; /* the process was stopped and goes on */
        if (!atomic_load(&catching) || (atomic_load(&came) && !is_copy(&info))) {
            end_at_once(number);
        } else if (!atomic_load(&came)) {
            pthread_mutex_lock(&announcing);
            atomic_store(&came, number);
            drop_copies();
            announce(number);
            pthread_mutex_unlock(&announcing);
        }
    }
    return NULL;
}

/* Those that are ignored are blocked too, as LLVM catches them; nobody waits for them. */
void clg_signals_begin(void)
{
    struct sigaction action;
    sigset_t all, before;
    pthread_t thread;

    sigemptyset(&all);
    sigemptyset(&watched);
    for (int i = 0; i < COUNT; i++) {
        sigaddset(&all, signals[i].number);
        if (sigaction(signals[i].number, NULL, &action) != 0 || action.sa_handler != SIG_IGN)
            sigaddset(&watched, signals[i].number);
    }
    pthread_sigmask(SIG_BLOCK, &all, &before);
    if (pthread_create(&thread, NULL, watch, NULL) == 0)
        pthread_detach(thread);
    else
        pthread_sigmask(SIG_SETMASK, &before, NULL); /* then they end the process */
}

void clg_signals_catch(const char *before)
{
    atomic_store(&prefix, before);
    atomic_store(&catching, true);
}

void clg_signals_release(void)
{
    pthread_mutex_lock(&announcing); /* a short training ends before it is said why */
    atomic_store(&catching, false);
    pthread_mutex_unlock(&announcing);
}

bool clg_signals_came(void)
{
    return atomic_load(&came) != 0;
}
