#pragma once
#include <stddef.h>
#pragma clang assume_nonnull begin

/// y[i] = fma(a, x[i], y[i]) for i in 0..<count, each correctly rounded, in the machine's widest
/// vectors.
void ce_fma_row(float a, const float *x, float *y, size_t count);

#pragma clang assume_nonnull end
