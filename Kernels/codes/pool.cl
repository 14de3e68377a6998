// Pooling of packed 8-bit codes x [images, inputs_y, inputs_x, pixel_bytes] into y [images,
// outputs_y, outputs_x, pixel_bytes], of whose bytes `channels` are codes. Taps outside of the
// input are left out.
//
// FORM: 0 the largest code; 1 the average of floats, added in row-major order:
// rint(sum / counted / scale + zero); 2 the mean of exact sums: rint(sum * factor) + zero; 3 the
// quotient sum * multiplier / (counted << shift) of integers, halves up or all down, + zero.
// BLOCK: channels that are computed together. BORDER: whether an average counts taps on the border.
#if !defined(FORM) || !defined(BLOCK) || !defined(BORDER)
#error "FORM, BLOCK, BORDER"
#endif
#if FORM == 1
typedef float Sum;
#else
typedef int Sum;
#endif

typedef struct {
  int inputs[2], outputs[2], kernels[2], strides[2], dilations[2], before[2], after[2];
  int channels, pixel_bytes, x_zero, multiplier, shift, rounds_half_up;
} CodePool;

// Taps of a window that begins at `start` which an average counts, along one axis.
LB_FUNCTION int lb_counted(__constant CodePool *pool, int axis, int start) {
  int counted = 0;
  for (int k = 0; k < pool->kernels[axis]; k++) {
    const int at = start + k * pool->dilations[axis];
    counted += BORDER ? (at >= -pool->before[axis] && at < pool->inputs[axis] + pool->after[axis])
                      : (at >= 0 && at < pool->inputs[axis]);
  }
  return counted;
}

#if FORM == 3
// The quotient of a window, within what a float holds exactly; division is towards zero.
LB_FUNCTION long lb_quotient(__constant CodePool *pool, long sum, int counted) {
  if (counted == 0) return 0;
  const long divisor = (long)counted << pool->shift;
  const long dividend = 2 * sum * pool->multiplier + (pool->rounds_half_up ? divisor : 0);
  const long quotient = dividend / (2 * divisor);
  const long rest = dividend - quotient * (2 * divisor);
  return clamp(quotient - (rest < 0 ? 1 : 0), -65536l, 65536l);
}
#endif

LB_FUNCTION void lb_pool_block(__global const uchar *restrict image, __global uchar *restrict to,
                               __constant CodePool *pool, int oy, int ox, int first, float unit,
                               float scale, float factor, float zero, float lowest, float highest) {
  const int start_y = oy * pool->strides[0] - pool->before[0];
  const int start_x = ox * pool->strides[1] - pool->before[1];
  Sum sums[BLOCK];
  for (int c = 0; c < BLOCK; c++) sums[c] = 0;
  for (int ky = 0; ky < pool->kernels[0]; ky++) {
    const int iy = start_y + ky * pool->dilations[0];
    if (iy < 0 || iy >= pool->inputs[0]) continue;
    for (int kx = 0; kx < pool->kernels[1]; kx++) {
      const int ix = start_x + kx * pool->dilations[1];
      if (ix < 0 || ix >= pool->inputs[1]) continue;
      __global const uchar *restrict from =
          image + ((size_t)iy * pool->inputs[1] + ix) * pool->pixel_bytes + first;
      for (int c = 0; c < BLOCK; c++) {
#if FORM == 0
        sums[c] = max(sums[c], (int)from[c]);
#elif FORM == 1
        sums[c] = sums[c] + (float)((int)from[c] - pool->x_zero) * unit;
#else
        sums[c] += (int)from[c] - pool->x_zero;
#endif
      }
    }
  }
#if FORM == 1 || FORM == 3
  const int counted = lb_counted(pool, 0, start_y) * lb_counted(pool, 1, start_x);
#endif
  for (int c = 0; c < BLOCK; c++) {
#if FORM == 0
    const uchar code = (uchar)sums[c];
#else
#if FORM == 1
    const float value = rint(lb_divide(lb_divide(sums[c], (float)counted), scale) + zero);
#elif FORM == 3
    const float value = (float)lb_quotient(pool, sums[c], counted) + zero;
#else
    const float value = rint((float)sums[c] * factor) + zero;
#endif
    const float clipped = value < lowest ? lowest : value > highest ? highest : value;
    const uchar code = (uchar)(int)(clipped == clipped ? clipped : zero);
#endif
    to[first + c] = first + c < pool->channels ? code : (uchar)0;
  }
}

__kernel LB_GROUP void pool_codes(__global const uchar *restrict x, __global uchar *restrict y,
                                  __constant CodePool *pool, const float unit, const float scale,
                                  const float factor, const float zero, const float lowest,
                                  const float highest, const int rows) {
  const int blocks = pool->pixel_bytes / BLOCK;
  const size_t image_bytes = (size_t)pool->inputs[0] * pool->inputs[1] * pool->pixel_bytes;
#ifdef CPU
  // A work-item takes a row of one image.
  const int row = (int)get_global_id(0);
  if (row >= rows) return;
  for (int ox = 0; ox < pool->outputs[1]; ox++) {
    for (int block = 0; block < blocks; block++) {
#else
  const int item = (int)get_global_id(0);
  const int row = (int)get_global_id(1);
  const int ox = item / blocks, block = item % blocks;
  if (row < rows && ox < pool->outputs[1]) {
    {
#endif
      const int image = row / pool->outputs[0], oy = row % pool->outputs[0];
      lb_pool_block(x + image * image_bytes,
                    y + ((size_t)row * pool->outputs[1] + ox) * pool->pixel_bytes, pool, oy, ox,
                    block * BLOCK, unit, scale, factor, zero, lowest, highest);
    }
  }
}
