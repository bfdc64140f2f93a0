/* Stored cases of PyTorch (tests/ops/parity, written by tools/pytorch_cases.py) as graphs. */
#ifndef TEST_OPS_PARITY_H
#define TEST_OPS_PARITY_H

#include <clgrad/clgrad.h>
#include <jansson.h>

enum { PARITY_INPUTS = 12, PARITY_OUTPUTS = 4 };

/* A case while it is built: its inputs are there, its builder sets the outputs. */
struct parity {
    clg_graph *graph;
    const json_t *params;
    char name[32]; /* of a layer that the builder makes; its parameters are NAME.weight ... */
    clg_tensor x[PARITY_INPUTS], y[PARITY_OUTPUTS];
    size_t n_in, n_out;
};

/* What a case's op stands for: exactly one function. */
struct parity_op {
    const char *name;
    clg_tensor (*unary)(clg_tensor x);
    clg_tensor (*binary)(clg_tensor a, clg_tensor b);
    clg_tensor (*build)(struct parity *p); /* sets n_out itself when it has other outputs too */
};

extern const struct parity_op parity_ops[], parity_layers[];
extern const size_t parity_op_count, parity_layer_count;

/* Builds the outputs; false when there is no such op. */
bool parity_build(struct parity *p, const char *op);

/* Parameters; a key that is not there gives 0, false, and a list that keeps what it has.
 * parity_list: how many numbers there are. */
int32_t parity_integer(const struct parity *p, const char *key);
float parity_number(const struct parity *p, const char *key);
bool parity_flag(const struct parity *p, const char *key);
bool parity_is(const struct parity *p, const char *key, const char *word);
bool parity_has(const struct parity *p, const char *key);
size_t parity_list(const struct parity *p, const char *key, int32_t *to);

#endif
