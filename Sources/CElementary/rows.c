#include "CElementary.h"

#include <math.h>

// The compiler vectorises the loop in each clone; without FMA in hardware, fmaf is libm's.
#if defined(__x86_64__)
__attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#endif
void ce_fma_row(float a, const float *restrict x, float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = fmaf(a, x[i], y[i]);
}
