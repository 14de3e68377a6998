// Convolution of groups of one channel, on a processor with vectors: one work-item a group computes
// the plane of one filter, a vector of neighbours in a row at a time.
//
//   weights [groups * filters][taps], row-major as pack_rows.cl writes them with ROWS = 1
//
// After product/vectors.cl, product/result.cl and conv/geometry.cl. ELEMENT is the
// type of x.
#ifndef ELEMENT
#error "ELEMENT: float, or char or uchar with CODES"
#endif

// The factors of the outputs whose first reads coordinate (z, y, column) of the channel at `base`.
floatv load_factors(__constant Geometry *g, __global const ELEMENT *x, const float zeroPoint,
                    const int base, const int z, const int y, const int column) {
  if (z < 0 || z >= g->inputZ || y < 0 || y >= g->inputY) return 0.0f;
  const int stride = g->strideX;
  const int row = base + (z * g->inputY + y) * g->inputX;
  const int from = row + column;
  if (stride <= 2 && from >= 0 && from + VECTOR * stride <= g->elements) {
    JOIN(ELEMENT, VECTOR) elements = vloadv(0, x + from);
    if (stride == 2) {
      const JOIN(ELEMENT, VECTOR) more = vloadv(1, x + from);
      elements = (JOIN(ELEMENT, VECTOR))(elements.even, more.even);
    }
    const floatv factors = convert_floatv(elements) - zeroPoint;
    if (column >= 0 && column + (VECTOR - 1) * stride < g->inputX) return factors;
    const intv columns = column + LANE_NUMBERS * stride;
    return select((floatv)(0.0f), factors, (columns >= 0) & (columns < g->inputX));
  }
  float some[VECTOR];
  for (int lane = 0; lane < VECTOR; lane++) {
    const int c = column + lane * stride;
    some[lane] = c >= 0 && c < g->inputX ? (float)x[row + c] - zeroPoint : 0.0f;
  }
  return vloadv(0, some);
}

// Work-items: filters of all groups, images. `factors` and `zeroPointCount` are those of the other
// forms; planes are never shared and have one zero point.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
convolve_planes(__constant Geometry *g, __constant int4 *taps,
                __global const int2 *restrict factors, __global const ELEMENT *restrict x,
                __global const ELEMENT *restrict xZeroPoint, const int zeroPointCount,
                __global const float *restrict weights, RESULT_PARAMETERS) {
  const int row = get_global_id(0), image = get_global_id(1);
  const int group = row / g->filters;
#ifdef CODES
  const float inputZeroPoint = (float)xZeroPoint[0];
#else
  const float inputZeroPoint = 0.0f;
#endif
  weights += row * g->tapCount;
  for (int q = 0; q < g->countZ * g->countY; q++) {
    for (int column = 0; column < g->countX; column += VECTOR) {
      const int output = image * image_outputs(g) + q * g->countX + column;
      const Source s = source_of(g, group, output);
      floatv partial = 0.0f;
      totalv total = 0;
      for (int tap = 0; tap < g->tapCount; tap++) {
        const int4 t = taps[tap];
        partial =
            fma((floatv)(weights[tap]),
                load_factors(g, x, inputZeroPoint, s.base, s.z + t.s0, s.y + t.s1, s.x + t.s2),
                partial);
        if ((tap + 1) % BLOCK == 0 || tap + 1 == g->tapCount) {
          total = tap < BLOCK ? TO_TOTAL(partial) : total + TO_TOTAL(partial);
          partial = 0.0f;
        }
      }
      const RESULT_TYPE(VECTOR) value = RESULT(VECTOR, total, row);
      const int target = target_of(g, group, output) + row % g->filters * output_plane(g);
      if (column + VECTOR <= g->countX && g->stepX == 1) {
        vstorev(value, 0, y + target);
      } else {
        result_t some[VECTOR];
        vstorev(value, 0, some);
        for (int lane = 0; lane < min(VECTOR, g->countX - column); lane++)
          y[target + lane * g->stepX] = some[lane];
      }
    }
  }
}
