// Softmax of rows, one work-item a row: exp(x - max) / sum(exp(x - max)), or (x - max) - log(sum)
__kernel LB_GROUP void softmax(__global const float *restrict from, __global float *restrict to,
                               const uint rows, const uint extent, const int logarithm) {
  const uint row = (uint)get_global_id(0);
  if (row >= rows) return;
  __global const float *restrict x = from + (size_t)row * extent;
  __global float *restrict y = to + (size_t)row * extent;
  float top = -INFINITY;
  for (uint i = 0; i < extent; i++) top = x[i] > top || x[i] != x[i] ? x[i] : top;
  for (uint i = 0; i < extent; i++) y[i] = lb_exp(x[i] - top);
  const float sum = lb_row_sum(y, extent, false);
  if (logarithm != 0) {
    const float log_sum = lb_log(sum);
    for (uint i = 0; i < extent; i++) y[i] = (x[i] - top) - log_sum;
  } else {
    for (uint i = 0; i < extent; i++) y[i] = lb_divide(y[i], sum);
  }
}
