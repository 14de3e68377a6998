#include "CElementary.h"

// Vectors run across columns, never along the sum, so the order of additions is the same in every
// clone; without FMA in hardware the compiler calls libm's fmaf, which rounds once as well.
#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CLONES
#endif

// A row of columns, loaded from any address.
typedef float lanes __attribute__((ext_vector_type(CE_LANES), aligned(4)));
// Unsigned, because sums of codes wrap.
typedef uint32_t lanes_uint32 __attribute__((ext_vector_type(CE_LANES), aligned(4)));

CLONES void ce_product_block(const float *weights, size_t stride, size_t rows, const float *columns,
                             size_t count, float *sums) {
  size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float *w = weights + r * stride;
    lanes s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (size_t k = 0; k < count; k++) {
      const lanes x = *(const lanes *)(columns + k * CE_LANES);
      s0 = __builtin_elementwise_fma((lanes)w[k], x, s0);
      s1 = __builtin_elementwise_fma((lanes)w[k + stride], x, s1);
      s2 = __builtin_elementwise_fma((lanes)w[k + 2 * stride], x, s2);
      s3 = __builtin_elementwise_fma((lanes)w[k + 3 * stride], x, s3);
    }
    lanes *out = (lanes *)(sums + r * CE_LANES);
    out[0] = s0, out[1] = s1, out[2] = s2, out[3] = s3;
  }
  for (; r < rows; r++) {
    lanes s = 0;
    for (size_t k = 0; k < count; k++)
      s = __builtin_elementwise_fma((lanes)weights[r * stride + k],
                                    *(const lanes *)(columns + k * CE_LANES), s);
    *(lanes *)(sums + r * CE_LANES) = s;
  }
}

CLONES void ce_product_block_int32(const int32_t *weights, size_t stride, size_t rows,
                                   const int32_t *columns, size_t count, int32_t *sums) {
  for (size_t r = 0; r < rows; r++) {
    lanes_uint32 s = 0;
    for (size_t k = 0; k < count; k++)
      s += (lanes_uint32)(uint32_t)weights[r * stride + k] *
           *(const lanes_uint32 *)(columns + k * CE_LANES);
    *(lanes_uint32 *)(sums + r * CE_LANES) = s;
  }
}
