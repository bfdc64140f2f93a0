/* clgrad/optim.h: optimizers. Names, defaults and formulas are PyTorch's. */
#ifndef CLGRAD_OPTIM_H
#define CLGRAD_OPTIM_H

#include <clgrad/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An update rule with its states for parameters of one store. Child of the store. */
typedef struct clg_optimizer clg_optimizer;

typedef struct clg_optimizer_params {
    const char *name;             /* of its states in files, unique in the store, without
                                   * a point; default the rule's ("sgd", "adam") */
    const char *match;            /* parameters it trains: a pattern with * and ?; default "*" */
    const char *const *no_decay;  /* patterns of parameters without weight decay, NULL at the end */
    /* Options of the rules, which read those they have and check them; others are ignored. Meanings,
     * ranges and defaults are PyTorch's: docs/optimizers.md. */
    float weight_decay;              /* all but rprop, which refuses it */
    float momentum;                  /* sgd, rmsprop */
    bool nesterov;                   /* sgd, with a momentum and without dampening */
    float beta1, beta2;              /* adam and its kin, lion */
    float eps;                       /* what divides by a root, or by adamax's maximum; above 0 */
    float dampening;                 /* sgd, in [0, 1) */
    bool amsgrad;                    /* adam, adamw */
    float alpha;                     /* rmsprop: of the mean, in [0, 1); asgd: a power */
    bool centered;                   /* rmsprop */
    float rho;                       /* adadelta, in [0, 1) */
    float lr_decay;                  /* adagrad */
    float initial_accumulator_value; /* adagrad */
    float momentum_decay;            /* nadam */
    float eta_minus, eta_plus;       /* rprop, PyTorch's etas: in (0, 1) and above 1 */
    float step_min, step_max;        /* rprop, PyTorch's step_sizes: above 0 */
    float lambd, t0;                 /* asgd */
} clg_optimizer_params;

/* Defaults of every field for a rule ("sgd", "asgd", "adagrad", "rmsprop", "adadelta", "rprop", "adam",
 * "adamw", "adamax", "nadam", "radam", "lion", "lamb"); fields that it does not have are 0. */
CLG_API clg_optimizer_params clg_optimizer_defaults(const char *rule);

/* An optimizer by the name of its rule; NULL on failure. lr: the learning rate, >= 0. */
CLG_API clg_optimizer *clg_optimizer_create(clg_store *store, const char *rule, float lr,
                                            const clg_optimizer_params *params);

/* g += decay w; v = momentum v + (1-dampening) g (v = g at first);
 * w -= lr (nesterov ? g + momentum v : v). Sutskever et al. 2013. */
CLG_API clg_optimizer *clg_sgd_create(clg_store *store, float lr, const clg_optimizer_params *params);
/* g += decay w; m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2;
 * w -= lr / (1-b1^t) * m / (sqrt(v / (1-b2^t)) + eps). Kingma & Ba 2015. */
CLG_API clg_optimizer *clg_adam_create(clg_store *store, float lr, const clg_optimizer_params *params);
/* w -= lr decay w, then Adam without decay in g. Loshchilov & Hutter 2019. */
CLG_API clg_optimizer *clg_adamw_create(clg_store *store, float lr, const clg_optimizer_params *params);

/* ---- parameters by their names; before the first clg_minimize() ----
 *
 * A pattern has * (any characters) and ? (one). The first group or freeze whose pattern matches a
 * parameter's name decides; no_decay counts within groups too. A pattern that matches no parameter of
 * the store is an error of clg_minimize(), which names those there are. */

typedef struct clg_optimizer_group {
    const char *match;  /* pattern of the parameters; copied */
    float lr;           /* their learning rate, >= 0; default the optimizer's */
    float weight_decay; /* default the optimizer's */
} clg_optimizer_group;
/* Defaults of a group of this optimizer. */
CLG_API clg_optimizer_group clg_optimizer_group_defaults(const clg_optimizer *optimizer,
                                                         const char *match);

/* Gives parameters a learning rate and weight decay of their own. clg_optimizer_set_lr() changes all
 * rates in proportion, so a group with another rate needs an optimizer whose rate is not 0. */
CLG_API clg_status clg_optimizer_add_group(clg_optimizer *optimizer,
                                           const clg_optimizer_group *group);

/* Keeps the parameters as they are: clg_minimize() computes no gradient for them, and there is no
 * optimizer state. */
CLG_API clg_status clg_optimizer_freeze(clg_optimizer *optimizer, const char *match);

/* Changes the learning rate from the next step on, and those of groups in proportion; nothing is
 * compiled. */
CLG_API clg_status clg_optimizer_set_lr(clg_optimizer *optimizer, float lr);
CLG_API float clg_optimizer_get_lr(const clg_optimizer *optimizer);

/* Adds gradients of the scalar loss, and the update, for every parameter that it reaches and the
 * optimizer matches and that is not frozen. A parameter in two optimizers of one graph is an error, and
 * one that clg_assign() writes there.
 *
 * A step's updates are all or nothing: when one element's new value or state would not be finite, in
 * any optimizer of the graph, no parameter, optimizer state or assigned state changes, and the step is
 * the first bad one (clg_store_progress). */
CLG_API clg_status clg_minimize(clg_optimizer *optimizer, clg_tensor loss);

/* The same update from gradients that the application gives as tensors: gradients[i] (float32, shape of
 * parameters[i]) is what clg_minimize() would compute for it. They come from clg_grad(), changed by ops,
 * or from anywhere else. parameters: count > 0 different ones of one graph, from clg_parameter() or layers
 * (clg_parameter() again gives a layer's), which the optimizer matches and does not freeze. No loss is
 * looked at: a step is bad when its update would not be finite. */
CLG_API clg_status clg_minimize_gradients(clg_optimizer *optimizer, const clg_tensor *parameters,
                                          const clg_tensor *gradients, size_t count);

/* ---- gradients before the update ---- */

/* Clips by norm, as torch.nn.utils.clip_grad_norm_: all gradients of the optimizer's parameters together
 * are multiplied by min(1, max_norm / (norm + 1e-6)), norm being the root of the sum of their squares. It
 * costs a launch for each chunk of parameters. max_norm: above 0; INFINITY: the norm is measured alone.
 * Before the first clg_minimize(); later calls change the maximum from the next step on. A norm that
 * is not finite (in float32: squares are added up) makes the step a bad one. */
CLG_API clg_status clg_optimizer_clip_norm(clg_optimizer *optimizer, float max_norm);

/* Clips by value, as torch.nn.utils.clip_grad_value_: each gradient to [-clip_value, clip_value], after it
 * was clipped by norm. clip_value: above 0; default INFINITY. From the next step on; costs no launch. */
CLG_API clg_status clg_optimizer_clip_value(clg_optimizer *optimizer, float clip_value);

/* Waits, and gives the norm of the last step's gradients before they were clipped; CLG_ERR_STATE without
 * clg_optimizer_clip_norm(). The gradients in the store are not clipped. */
CLG_API clg_status clg_optimizer_grad_norm(clg_optimizer *optimizer, float *norm);

/* Makes clg_plan_accumulate() possible for plans with this optimizer, for which the device keeps a sum
 * of gradients beside them. Before the first clg_minimize(). */
CLG_API clg_status clg_optimizer_accumulate(clg_optimizer *optimizer);

/* Destroys the optimizer and sets the pointer to NULL. Training steps of graphs it was used in are then
 * refused with CLG_ERR_STATE. */
CLG_API void clg_optimizer_destroy(clg_optimizer **optimizer);

#ifdef __cplusplus
}
#endif
#endif
