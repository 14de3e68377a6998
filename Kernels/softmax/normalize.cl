// Normalization of rows, one work-item a row: (x - mean) * (1 / sqrt(variance + epsilon))
__kernel LB_GROUP void normalize_rows(__global const float *restrict from,
                                      __global float *restrict to, const uint rows,
                                      const uint extent, const float epsilon) {
  const uint row = (uint)get_global_id(0);
  if (row >= rows) return;
  __global const float *restrict x = from + (size_t)row * extent;
  __global float *restrict y = to + (size_t)row * extent;
  const float mean = lb_divide(lb_row_sum(x, extent, false), (float)extent);
  for (uint i = 0; i < extent; i++) y[i] = x[i] - mean;
  const float variance = lb_divide(lb_row_sum(y, extent, true), (float)extent);
  const float factor = lb_divide(1.0f, lb_sqrt(variance + epsilon));
  for (uint i = 0; i < extent; i++) y[i] *= factor;
}
