/* clgrad train --folds: a training for each part of the training set. */
#ifndef CLG_CLI_FOLDS_H
#define CLG_CLI_FOLDS_H

#include <clgrad/train.h>
#include "cli/cli.h"

/* Returns the exit status. out NULL: runs/RECIPE-N. */
int clg_cli_train_folds(struct clg_cli *cli, const char *path, const char *out,
                        const clg_recipe_params *recipe, int64_t folds);

#endif
