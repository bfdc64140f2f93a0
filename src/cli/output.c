#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static int failure; /* errno of the first write that failed */
static bool told, excused;

bool clg_output_begin(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

bool clg_output_flush(void)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && !failure)
        failure = errno ? errno : EIO;
    return !failure;
}

static void complain(const char *consequence)
{
    if (!told)
        clg_cli_fail(CLG_EXIT_FAILED, "cannot write to standard output: %s%s", strerror(failure),
                     consequence);
    told = true;
}

void clg_output_give_up(const char *consequence)
{
    if (failure == EPIPE || failure == EBADF)
        excused = true;
    else
        complain(consequence);
}

int clg_output_end(int status)
{
    if (clg_output_flush() || excused)
        return status;
    complain("");
    return status == CLG_EXIT_OK ? CLG_EXIT_FAILED : status;
}
