// What becomes of the sums of 16 filters for some pixels.
//
// ROUNDING is defined: codes, of RESULT `uchar`; else the sums, `int`, channels second.

#ifdef ROUNDING
// The codes of 16 filters for the pixels of a tile, the first `known` of which exist, from sums
// that lie `step` vectors apart; `other` and `y` are at the first one's, `pitch` bytes lie between
// pixels. `is_whole`: all 16 have a place.
LB_FUNCTION void store_codes(const int16 *sums, int step, const Parameters *parameters,
                             const float4 scales, __global const uchar *other, __global uchar *y,
                             long pitch, int pixels, int known, bool is_whole) {
  const int16 lanes = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const int16 mask = lanes < (int16)known;
  const Parameters p = *parameters;
  for (int i = 0; i < pixels; ++i, other += pitch, y += pitch) {
    int16 code = rounded_code(&p, sums[i * step]);
#ifdef RESIDUAL
    uchar16 summand = 0;
    if (is_whole) {
      summand = *(__global const uchar16 *)other;
    } else {
      for (int f = 0; f < known; ++f) ((uchar *)&summand)[f] = other[f];
    }
    code = joined_code(&p, code, convert_int16(summand), scales);
#endif
    const uchar16 codes = convert_uchar16(code & mask);
    if (is_whole) {
      *(__global uchar16 *)y = codes;
    } else {
      for (int f = 0; f < known; ++f) y[f] = ((const uchar *)&codes)[f];
    }
  }
}

// The codes of 16 filters of `group`, from `filter` on, for `count` pixels from `first` on; `sums`
// of a pixel lie `step` vectors after those of the one before.
LB_FUNCTION void finish_pixels(__constant Geometry *g, const int16 *sums, int step,
                               __global const int *table, const float4 scales,
                               __global const uchar *other, __global uchar *y, int first, int count,
                               int group, int filter) {
  const Parameters parameters =
      load_parameters(g, table, g->groups * g->blocks * BLOCK, group * g->blocks * BLOCK + filter);
  const int known = clamp(g->filters - filter, 0, 16);
  // Without groups, a pixel of more than four bytes has a place for every filter of a block.
  const bool is_whole = g->groups == 1 ? g->y_pixel > 4 : known == 16 && g->filters % 16 == 0;
  const long at = (long)first * g->y_pixel + group * g->filters + filter;
  store_codes(sums, step, &parameters, scales, other + at, y + at, g->y_pixel, count, known,
              is_whole);
  // What no filter has is written with the last filter.
  const int channels = g->groups * g->filters;
  if (group == g->groups - 1 && filter + known == g->filters && known > 0 &&
      (g->groups > 1 || g->y_pixel == 4)) {
    for (int i = 0; i < count; ++i) {
      for (int c = channels; c < g->y_pixel; ++c) y[(long)(first + i) * g->y_pixel + c] = 0;
    }
  }
}
#else
// The sums as they are.
LB_FUNCTION void finish_pixels(__constant Geometry *g, const int16 *sums, int step,
                               __global const int *table, const float4 scales,
                               __global const uchar *other, __global int *y, int first, int count,
                               int group, int filter) {
  const int plane = g->out_height * g->out_width;
  const int known = clamp(g->filters - filter, 0, 16);
  const long channels = (long)g->groups * g->filters;
  for (int i = 0; i < count; ++i) {
    const int image = (first + i) / plane, position = (first + i) % plane;
    const int *lanes = (const int *)(sums + i * step);
    for (int f = 0; f < known; ++f) {
      const uint addend = (uint)table[group * g->blocks * BLOCK + filter + f];
      y[(image * channels + group * g->filters + filter + f) * plane + position] =
          (int)((uint)lanes[f] + addend);
    }
  }
}
#endif
