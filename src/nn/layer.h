/* What layers share: names and parameters. */
#ifndef CLG_NN_LAYER_H
#define CLG_NN_LAYER_H

#include <clgrad/nn.h>
#include "graph/graph.h"

/* Takes the layer's name in the graph of x; false, and a failure where there is one to record, when
 * x is invalid, the name is missing or taken. what: "conv2d", for messages. */
bool clg_layer_begin(clg_tensor x, const char *what, const char *name);

/* The parameter or the state NAME.WHAT. */
clg_tensor clg_layer_parameter(clg_graph *graph, const char *name, const char *what,
                               clg_shape shape, const clg_init *init);
clg_tensor clg_layer_state(clg_graph *graph, const char *name, const char *what, clg_shape shape,
                           const clg_init *init);

#endif
