#pragma once
#include "CElementaryFunctions.h"

#include <stddef.h>
#include <stdint.h>
#pragma clang assume_nonnull begin

/// y[i] = fma(a, x[i], y[i]) for i in 0..<count, each correctly rounded, in the machine's widest
/// vectors.
void ce_fma_row(float a, const float *x, float *y, size_t count);

/// Columns that one call of a block product covers.
enum { CE_LANES = 32 };

/// One block of a canonical matrix product: for every row r and column j
///
///     sums[r][j] = fma(weights[r][count - 1], columns[count - 1][j], ... fma(weights[r][0],
///                  columns[0][j], +0) ...)
///
/// `weights` has `stride` elements a row, `columns` and `sums` have CE_LANES.
void ce_product_block(const float *weights, size_t stride, size_t rows, const float *columns,
                      size_t count, float *sums);

/// The same with integers that wrap.
void ce_product_block_int32(const int32_t *weights, size_t stride, size_t rows,
                            const int32_t *columns, size_t count, int32_t *sums);

#pragma clang assume_nonnull end
