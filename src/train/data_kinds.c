/* The kinds of data in recipes. */
#include <string.h>
#include <unistd.h>

#include "train/recipe.h"

/* After a failure: says of a file that is not there where it could come from. */
static void hint_missing(clg_ctx *ctx, const char *path)
{
    static const char *const mnist[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    const char *package = "";

    if (access(path, F_OK) == 0)
        return;
    for (size_t i = 0; i < sizeof(mnist) / sizeof(mnist[0]); i++)
        if (strstr(path, mnist[i]))
            package = "; Debian's package dataset-fashion-mnist has it in "
                      "/usr/share/datasets/fashion-mnist";
    clg_fail(ctx, clg_error_status(ctx), "%s; --data DIR names the folder of the data%s",
             clg_error(ctx), package);
}

/* ---- IDX ---- */

struct images {
    const char *images, *labels;
};
static const struct clg_key images_keys[] = {
    {"images", CLG_KEY_DATA_PATH, NULL, offsetof(struct images, images),
     "IDX file of bytes or float32, plain or .gz", .required = true},
    {"labels", CLG_KEY_DATA_PATH, NULL, offsetof(struct images, labels),
     "IDX file with a label for each image", .required = true},
    {0},
};
static clg_dataset *open_images(clg_ctx *ctx, const struct clg_data_request *request,
                                const void *args)
{
    const struct images *images = args;
    clg_dataset *data;

    if (request->file)
        return clg_dataset_open_idx(ctx, request->file, NULL);
    data = clg_dataset_open_idx(ctx, images->images, images->labels);
    if (!data)
        hint_missing(ctx, access(images->images, F_OK) != 0 ? images->images : images->labels);
    return data;
}
static const struct clg_kind images_kind = {
    .name = "images",
    .doc = "IDX files, as MNIST and Fashion-MNIST come",
    .keys = images_keys,
    .size = sizeof(struct images),
    .open = open_images,
};
static const struct clg_kind *const data_kinds[] = {&images_kind, NULL};
const struct clg_family clg_data_family = {"kind of data", data_kinds};
