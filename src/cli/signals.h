/* Signals that end a training after its step, with everything saved: SIGHUP, SIGINT, SIGTERM and
 * SIGPIPE. */
#ifndef CLG_CLI_SIGNALS_H
#define CLG_CLI_SIGNALS_H

#include <stdbool.h>

/* From here on the signals are a thread's alone, and end the process as ever. To be called before a
 * driver starts threads. A write to a pipe that nobody reads fails with EPIPE. Signals that this
 * process was told to ignore (nohup) stay ignored. */
void clg_signals_begin(void);

/* From here on the first one is kept for clg_signals_came() and announced on stderr, with `before`
 * (a static text; NULL: no announcement) in front; one that is sent after that ends the process. */
void clg_signals_catch(const char *before);

/* From here on they end the process again. */
void clg_signals_release(void);

bool clg_signals_came(void);

#endif
