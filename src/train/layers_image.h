/* The layers of images, and normalisation, for the list of all layers. */
#ifndef CLG_TRAIN_LAYERS_IMAGE_H
#define CLG_TRAIN_LAYERS_IMAGE_H

#include "train/recipe.h"

extern const struct clg_kind clg_conv2d_kind, clg_maxpool2d_kind, clg_avgpool2d_kind,
    clg_adaptiveavgpool2d_kind, clg_batchnorm1d_kind, clg_batchnorm2d_kind, clg_layernorm_kind,
    clg_groupnorm_kind, clg_localresponsenorm_kind;

#define CLG_IMAGE_KINDS                                                                            \
    &clg_conv2d_kind, &clg_maxpool2d_kind, &clg_avgpool2d_kind, &clg_adaptiveavgpool2d_kind,       \
        &clg_batchnorm1d_kind, &clg_batchnorm2d_kind, &clg_layernorm_kind, &clg_groupnorm_kind,    \
        &clg_localresponsenorm_kind

#endif
