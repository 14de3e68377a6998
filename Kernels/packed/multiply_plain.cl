// Products of PIXELS pixels with a block of 32 filters in plain OpenCL C, for processors without
// `vpdpbusd` and for weights less their zero points that do not fit a byte.
//
// Weights: [depth][32 filters] of `short`. ROWS pixels are worked on together, so that their sums
// stay in registers.
#if PIXELS % ROWS != 0
#error "PIXELS, ROWS"
#endif

// sums[PIXELS][32] of `segments` runs of `words` words, which begin `segment_step` bytes after the
// end of the last; a pixel lies `pitch` bytes after the one before.
LB_FUNCTION void multiply_block(__global const uchar *pixels, long pitch, long words, long segments,
                                long segment_step, __global const short *weights, int *sums,
                                long run) {
  for (int first = 0; first < PIXELS; first += ROWS) {
    int16 low[ROWS], high[ROWS];
#pragma unroll
    for (int row = 0; row < ROWS; ++row) low[row] = high[row] = 0;
    __global const short16 *factors = (__global const short16 *)weights;
    __global const uchar *x = pixels + first * pitch;
    for (long segment = 0; segment < segments; ++segment, x += segment_step) {
      for (long k = 0; k < 4 * words; ++k, ++x, factors += 2) {
        const int16 f0 = convert_int16(factors[0]), f1 = convert_int16(factors[1]);
#pragma unroll
        for (int row = 0; row < ROWS; ++row) {
          const int16 code = (int)x[row * pitch];
          low[row] += code * f0;
          high[row] += code * f1;
        }
      }
    }
    int16 *to = (int16 *)sums + 2 * first;
#pragma unroll
    for (int row = 0; row < ROWS; ++row) {
      to[2 * row] = low[row];
      to[2 * row + 1] = high[row];
    }
  }
}
