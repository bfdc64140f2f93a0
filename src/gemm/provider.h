/* The providers of matrix products, and what they share. */
#ifndef CLG_GEMM_PROVIDER_H
#define CLG_GEMM_PROVIDER_H

#include "gemm/gemm.h"

struct clg_gemm_provider {
    const char *name;
    size_t (*workspace)(const struct clg_device *device, const struct clg_gemm *gemm);
    void (*lower)(struct clg_launches *launches, const struct clg_gemm *gemm,
                  const struct clg_view *workspace, const char *label);
};

extern const struct clg_gemm_provider clg_gemm_native;  /* cl/gemm.cl */
extern const struct clg_gemm_provider clg_gemm_clblast; /* name NULL: not built in */

/* Of all products together: arithmetic, and memory that must be read or written. */
uint64_t clg_gemm_flops(const struct clg_gemm *gemm);
uint64_t clg_gemm_bytes(const struct clg_gemm *gemm);

/* PoCL compiles a kernel again above 65535 work-items; the item kernel loops over the rest. */
#define CLG_GEMM_ITEMS_MAX 4096

/* How the item form cuts a product: tiles of rows x cols of C, of K `depth` at a time. No tiles: the
 * machine's bound on loops is too low for this K. */
struct clg_gemm_tiling {
    int64_t rows, cols, depth;
    int64_t tiles; /* of all products */
};
/* What the item kernel is built for: the size of its blocks, KC of K by MC rows. */
struct clg_gemm_blocks {
    int64_t MR, NR, KC, MC;
};
/* Blocks of K that the item kernel adds up in C; what is longer goes on in a workspace. The same
 * number as SUM_BLOCKS of cl/common.clh. */
#define CLG_GEMM_RANGE 256
bool clg_gemm_in_one_range(const struct clg_machine *machine, const struct clg_gemm *gemm);

struct clg_gemm_blocks clg_gemm_blocks(const struct clg_machine *machine);
struct clg_gemm_tiling clg_gemm_tiling(const struct clg_machine *machine,
                                       const struct clg_gemm *gemm);

#endif
