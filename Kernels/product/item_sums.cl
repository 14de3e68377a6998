// The 4 x 4 sums of an item of a work-group of SIDE x SIDE, which multiplies two tiles in local
// memory: its item (lx, ly) has rows ly + i SIDE by columns lx + j SIDE.
//
// The order of every sum is that of CanonicalFloats.md: partial sums of BLOCK products, added one
// after the other. CODES: totals are integers, of partial sums that are whole.
#ifndef SIDE
#error "SIDE: the work-group is SIDE x SIDE, 8 or 16"
#endif

// Products that are added into one partial sum; CanonicalProduct.blockLength.
#define BLOCK 256
// Rows and columns of a work-group.
#define TILE (4 * SIDE)
// Products between two barriers; divides BLOCK.
#define STEP 16
#define ITEMS (SIDE * SIDE)

#ifdef CODES
typedef uint total_t;
#define TO_TOTAL(sum) as_uint(convert_int(sum))
#else
typedef float total_t;
#define TO_TOTAL(sum) (sum)
#endif

typedef struct {
  float partial[4][4];
  total_t total[4][4];
} ItemSums;

LB_FUNCTION void clear_sums(ItemSums *sums) {
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) {
      sums->partial[i][j] = 0.0f;
      sums->total[i][j] = 0;
    }
}

// Adds the products of `count` steps.
LB_FUNCTION void add_products(ItemSums *sums, __local float (*rows)[TILE],
                              __local float (*columns)[TILE], const int lx, const int ly,
                              const int count) {
  for (int k = 0; k < count; k++) {
    float w[4], v[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      w[i] = rows[k][ly + i * SIDE];
      v[i] = columns[k][lx + i * SIDE];
    }
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
      for (int j = 0; j < 4; j++) sums->partial[i][j] = fma(w[i], v[j], sums->partial[i][j]);
  }
}

// Ends partial sums: they are added to the totals, or are them if `isFirst`.
LB_FUNCTION void end_block(ItemSums *sums, const int isFirst) {
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const total_t sum = TO_TOTAL(sums->partial[i][j]);
      sums->total[i][j] = isFirst ? sum : sums->total[i][j] + sum;
      sums->partial[i][j] = 0.0f;
    }
}
