/* How the item form cuts a product into tiles, one for a work-item at a time: a pure function of
 * the machine and the shape, by a model of the cycles that cl/gemm_item.clh takes. */
#include "gemm/provider.h"

/* Cycles to copy one element into a strip of A or a panel of B, to store one register tile, and to
 * start a tile. A costs more: strips are 6 of 8 wide, and leave the first cache. */
#define COPY_A 1.2
#define COPY_B 0.45
#define STORE  60.0
#define START  400.0

/* More cuts of M or N than this are not looked at. */
#define CUTS_MAX 256

static int64_t cuts(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

static int64_t round_up(int64_t n, int64_t multiple)
{
    return cuts(n, multiple) * multiple;
}

struct clg_gemm_blocks clg_gemm_blocks(const struct clg_machine *machine)
{
    struct clg_gemm_blocks b = {
        .MR = machine->vector == 16 ? 8 : 6,
        .NR = 2 * (int64_t)machine->vector,
        .KC = machine->local_memory >= 128 << 10 ? 256 : 64,
    };
    /* Mesa 22.3 (llvmpipe, 32 KiB) takes twice the size of a kernel's arrays. */
    uint64_t local =
        machine->local_memory > 32 << 10 ? machine->local_memory : machine->local_memory / 2;
    int64_t floats = (int64_t)(local / sizeof(float)) - b.KC * b.NR;
    int64_t strips = floats / ((b.KC + 2) * 8);

    /* About 256 rows, so that a batch of that many is one tile high: 258 to 355 KiB of the second
     * cache. */
    int64_t most = cuts(256, b.MR);
    b.MC = b.MR * (strips > most ? most : strips < 1 ? 1 : strips);
    return b;
}

/* Blocks are as even as they can be: as many as there would be whole ones. */
static int64_t depth_of(const struct clg_gemm_blocks *b, const struct clg_gemm *gemm)
{
    return round_up(cuts(gemm->K, cuts(gemm->K, b->KC)), 4);
}

bool clg_gemm_in_one_range(const struct clg_machine *machine, const struct clg_gemm *gemm)
{
    struct clg_gemm_blocks b = clg_gemm_blocks(machine);

    return gemm->K <= CLG_GEMM_RANGE * depth_of(&b, gemm);
}

/* Cycles until the last unit is done. */
static double cost(const struct clg_machine *machine, const struct clg_gemm_blocks *b,
                   const struct clg_gemm *gemm, const struct clg_gemm_tiling *t)
{
    double strips = (double)cuts(t->rows, b->MR), panels = (double)cuts(t->cols, b->NR);
    double width = t->cols < gemm->N ? (double)t->cols : (double)gemm->N;
    double rows = t->rows < gemm->M ? (double)t->rows : (double)gemm->M;
    bool direct = !gemm->transpose_a && gemm->N <= b->NR; /* A is read as it lies */
    double copied = (direct ? 0 : COPY_A * rows) + COPY_B * (width > 4 ? width : 4);
    double step = strips * panels * (double)b->MR + copied;
    double blocks = (double)cuts(gemm->K, t->depth);
    double rounds = (double)cuts(t->tiles, machine->units);

    return rounds * (START + step * (double)gemm->K + STORE * strips * panels * blocks);
}

/* At most so many iterations of the kernel's loops for a work-item: nothing is unrolled but by four
 * in K, and every block is at an edge. */
static double iterations(const struct clg_gemm_blocks *b, const struct clg_gemm *gemm,
                         const struct clg_gemm_tiling *t)
{
    double strips = (double)cuts(t->rows, b->MR), panels = (double)cuts(t->cols, b->NR);
    double quarter = (double)t->depth / 4 + 4, depth = (double)t->depth, NR = (double)b->NR;
    double pack_a = gemm->transpose_a ? depth * (strips + 8) : strips * 2 * quarter;
    double pack_b = gemm->transpose_b   ? NR / 4 * quarter
                    : gemm->N % b->NR   ? depth * NR
                                        : depth;
    bool direct = !gemm->transpose_a && gemm->N <= b->NR;
    double multiply = direct ? depth : quarter;
    double edge = gemm->N % b->NR ? (double)b->MR * (2 * NR + 1) : (double)b->MR;
    double block = (direct ? 0 : pack_a) + panels * (pack_b + NR + strips * (multiply + edge));
    double ranges = (double)(cuts(gemm->K, t->depth * CLG_GEMM_RANGE) - 1);
    double tile =
        (double)cuts(gemm->K, t->depth) * block + 2 * ranges * (double)(t->rows * t->cols);

    return (double)cuts(t->tiles, CLG_GEMM_ITEMS_MAX) * tile;
}

struct clg_gemm_tiling clg_gemm_tiling(const struct clg_machine *machine,
                                       const struct clg_gemm *gemm)
{
    struct clg_gemm_blocks b = clg_gemm_blocks(machine);
    int64_t first = cuts(gemm->M, b.MC), most_m = cuts(gemm->M, b.MR), most_n = cuts(gemm->N, b.NR);
    struct clg_gemm_tiling best = {0};
    double least = 0;

    for (int64_t m = first; m <= most_m && m < first + CUTS_MAX; m++)
        for (int64_t n = 1; n <= most_n && n <= CUTS_MAX; n++) {
            struct clg_gemm_tiling t = {
                .rows = round_up(cuts(gemm->M, m), b.MR),
                .cols = round_up(cuts(gemm->N, n), b.NR),
                .depth = depth_of(&b, gemm),
            };

            t.tiles = cuts(gemm->M, t.rows) * cuts(gemm->N, t.cols) * gemm->batch;
            double cycles = cost(machine, &b, gemm, &t);
            bool allowed = machine->loops == 0 || iterations(&b, gemm, &t) <= machine->loops;
            if (allowed && (best.tiles == 0 || cycles < least)) {
                best = t;
                least = cycles;
            }
            if (allowed && t.tiles > 16 * (int64_t)machine->units)
                break; /* more of them only cost more */
        }
    return best;
}
