/* train.cl: what every training step needs, as one program: a program more costs a compiler's start, 0.16 s
 * on PoCL. */
#include "feed.cl"
#include "step.cl"
