/* Standard output, and the descriptors that every program expects. */
#ifndef CLG_CLI_OUTPUT_H
#define CLG_CLI_OUTPUT_H

#include <stdbool.h>

/* Opens those of the descriptors 0 to 2 that are closed, so that no file gets their number and with
 * it what is printed. Reading and writing them fail as before. False: /dev/null does not open. */
bool clg_output_begin(void);

/* Sends off what was printed. False since the first time that something could not be written; what
 * is printed from then on is lost. */
bool clg_output_flush(void);

/* For a command that goes on when its output is lost: says so on stderr, once, with what follows
 * from it. Where nobody listens, as the reader of the pipe ended or the descriptor was closed from
 * the beginning, nothing is said, and it is no failure. */
void clg_output_give_up(const char *consequence);

/* The exit status: as given, or that of a failure (said on stderr) when output was lost. */
int clg_output_end(int status);

#endif
