/* gnuplot as a child process. */
#ifndef CLG_CLI_GNUPLOT_H
#define CLG_CLI_GNUPLOT_H

#include <stdio.h>
#include "base/text.h"

/* Runs gnuplot on a script, which reaches it by a pipe; what it draws to its standard output goes
 * to `drawing`. Settings of the user's are not read. The sentence of a failure says what gnuplot
 * said. */
clg_status clg_gnuplot(const struct clg_text *script, FILE *drawing);

/* A text as a string of gnuplot's in which nothing has a meaning, at most 40 columns wide. Needs
 * terminals without `enhanced`. */
void clg_gnuplot_quote(struct clg_text *script, const char *text);

#endif
