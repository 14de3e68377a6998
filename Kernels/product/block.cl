// One block of canonical products on a processor with vectors and caches.
//
// ROWS x 2 vectors of sums stay in registers while the weights stream past, as in BLIS (Van Zee and
// van de Geijn, 2015):
//
//   weights [count][ROWS]            columns [count][LANES]        totals [ROWS][LANES]
//   packed by pack_rows.cl           filled by the caller          in local memory
//
// Vectors run across columns, never along the sum: the order is that of CanonicalFloats.md for any
// ROWS and VECTOR.
//
// After product/vectors.cl and product/each_row.cl.

// Columns of a panel.
#define LANES (2 * VECTOR)

// Adds a partial sum of `count` products to the totals, or makes it the totals if `isFirst`.
void multiply_block(__global const float *restrict weights, __local const float *restrict columns,
                    const int count, const int isFirst, __local total_t *restrict totals) {
#define DECLARE(r) floatv a##r = 0.0f, b##r = 0.0f;
  EACH_ROW(DECLARE)
  for (int k = 0; k < count; k++) {
    const floatv xa = vloadv(0, columns);
    const floatv xb = vloadv(1, columns);
#define STEP(r)                                                                                    \
  a##r = fma((floatv)(weights[r]), xa, a##r);                                                      \
  b##r = fma((floatv)(weights[r]), xb, b##r);
    EACH_ROW(STEP)
    weights += ROWS;
    columns += LANES;
  }
  if (isFirst) {
#define SET(r)                                                                                     \
  vstorev(TO_TOTAL(a##r), 2 * r, totals);                                                          \
  vstorev(TO_TOTAL(b##r), 2 * r + 1, totals);
    EACH_ROW(SET)
  } else {
#define ADD(r)                                                                                     \
  vstorev(vloadv(2 * r, totals) + TO_TOTAL(a##r), 2 * r, totals);                                  \
  vstorev(vloadv(2 * r + 1, totals) + TO_TOTAL(b##r), 2 * r + 1, totals);
    EACH_ROW(ADD)
  }
}
