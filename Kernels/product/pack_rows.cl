// Brings weights into the order in which a product reads them:
//
//   packed[group][tile][k][r] = weight(group, filter = tile * ROWS + r, k) as float, 0 past the end
//
// with k = channel * TAPS + tap. With ROWS = 1 this is row-major. The weight is element
//
//   group * strides.s0 + filter * strides.s1 + channel * strides.s2 + tap's index
//
// of `weights`: floats, or 8-bit codes, which have their zero point subtracted.
#ifndef ROWS
#error "ROWS: rows of weights that are worked on together"
#endif
#ifndef WEIGHT
#error "WEIGHT: the type of an element of weights"
#endif
#ifndef ZERO_POINT
#define ZERO_POINT WEIGHT
#endif

// Work-items: k, tile, group. `sizes`: filters and channels of a group, taps, number of zero
// points, which rows share in turn.
__kernel void pack_rows(__global const WEIGHT *restrict weights,
                        __global const ZERO_POINT *restrict zeroPoints,
                        __global float *restrict packed, __global const int4 *restrict taps,
                        const int4 strides, const int4 sizes) {
  const int filters = sizes.s0, channels = sizes.s1, tapCount = sizes.s2;
  const int depth = channels * tapCount;
  const int k = get_global_id(0), tile = get_global_id(1), group = get_global_id(2);
  const int tiles = (filters + ROWS - 1) / ROWS;
  if (k >= depth) return;
  const int channel = k / tapCount;
  const int tap = taps[k - channel * tapCount].s3;
  __global float *out = packed + (((size_t)group * tiles + tile) * depth + k) * ROWS;
  for (int r = 0; r < ROWS; r++) {
    const int filter = tile * ROWS + r;
    if (filter >= filters) {
      out[r] = 0.0f;
      continue;
    }
    const int row = group * filters + filter;
    const int index = group * strides.s0 + filter * strides.s1 + channel * strides.s2 + tap;
    float value = (float)weights[index];
    if (sizes.s3 > 0) value -= (float)zeroPoints[row % sizes.s3];
    out[r] = value;
  }
}
