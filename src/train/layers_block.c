/* Blocks in recipes: layers that consist of layers. */
#include "train/layers.h"

struct sequential {
    struct clg_choices layers;
};
static const struct clg_key sequential_keys[] = {
    {"layers", CLG_KEY_LIST, NULL, offsetof(struct sequential, layers), "layers, one after another",
     .required = true, .detail = &clg_layer_family},
    {0},
};
static clg_tensor build_sequential(struct clg_build *build, const char *name, clg_tensor x,
                                   const void *args)
{
    return clg_build_layers(build, &((const struct sequential *)args)->layers, name, x);
}
const struct clg_kind clg_sequential_layer_kind = {
    .name = "sequential",
    .doc = "a block: its parameters are named NAME.POSITION",
    .bare = "layers",
    .keys = sequential_keys,
    .size = sizeof(struct sequential),
    .block = true,
    .layer = build_sequential,
};
