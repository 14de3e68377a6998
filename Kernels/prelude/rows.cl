// The sum of a row, or of its squares, in the canonical order of reduce.cl.
//
// The pragma keeps Intel's CPU compiler from adding several elements at once, which it otherwise
// does although the language does not allow it.
LB_FUNCTION float lb_row_sum(__global const float *x, uint extent, bool squares) {
  float total = 0.0f;
  for (uint start = 0; start < extent; start += 512u) {
    const uint end = min(start + 512u, extent);
    float sum = 0.0f;
#pragma clang loop vectorize(disable)
    for (uint i = start; i < end; i++) sum = squares ? fma(x[i], x[i], sum) : sum + x[i];
    total += sum;
  }
  return total;
}
