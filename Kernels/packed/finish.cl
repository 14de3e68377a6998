// What becomes of the sums of 16 filters for some pixels.
//
// ROUNDING is defined: codes, of RESULT `uchar`; else the sums, `int`, channels second.

// What is the same for all pixels.
typedef struct {
  // Filters that exist, of the 16, and the first one's channel in the result.
  int known, channel;
  // Channels and bytes of a pixel of the result; pixels of an image.
  int channels, pitch, plane;
  // Whether all 16 have a place in the result, and whether what no filter has is written with them.
  bool is_whole, is_last;
#ifdef ROUNDING
  Parameters parameters;
#else
  int16 addend;
#endif
} Finish;

LB_FUNCTION Finish prepare(__constant Geometry *g, __global const int *table, int group,
                           int filter) {
  const int place = group * g->blocks * BLOCK + filter;
  Finish finish;
  finish.known = clamp(g->filters - filter, 0, 16);
  finish.channel = group * g->filters + filter;
  finish.channels = g->groups * g->filters;
  finish.pitch = g->y_pixel;
  finish.plane = g->out_height * g->out_width;
  // Without groups, a pixel of more than four bytes has a place for every filter of a block.
  finish.is_whole = g->groups == 1 ? g->y_pixel > 4 : finish.known == 16 && g->filters % 16 == 0;
  finish.is_last = group == g->groups - 1 && finish.known > 0 &&
                   filter + finish.known == g->filters && (g->groups > 1 || g->y_pixel == 4);
#ifdef ROUNDING
  finish.parameters = load_parameters(g, table, g->groups * g->blocks * BLOCK, place);
#else
  finish.addend = *(__global const int16 *)(table + place);
#endif
  return finish;
}

#ifdef ROUNDING
// `count` pixels from `first` on; the sums of a pixel lie `step` vectors after those of the one
// before.
LB_FUNCTION void finish_pixels(const Finish *finish, const int16 *sums, int step,
                               const float4 scales, __global const uchar *other, __global uchar *y,
                               int first, int count) {
  const int16 lanes = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const int16 mask = lanes < (int16)finish->known;
  // A copy, which stores to y cannot change.
  const Parameters p = finish->parameters;
  const long pitch = finish->pitch;
  y += first * pitch;
  other += first * pitch + finish->channel;
  __global uchar *to = y + finish->channel;
  for (int i = 0; i < count; ++i, other += pitch, to += pitch) {
    int16 code = rounded_code(&p, sums[i * step]);
#ifdef RESIDUAL
    uchar16 summand = 0;
    if (finish->is_whole) {
      summand = *(__global const uchar16 *)other;
    } else {
      for (int f = 0; f < finish->known; ++f) ((uchar *)&summand)[f] = other[f];
    }
    code = joined_code(&p, code, convert_int16(summand), scales);
#endif
    const uchar16 codes = convert_uchar16(code & mask);
    if (finish->is_whole) {
      *(__global uchar16 *)to = codes;
    } else {
      for (int f = 0; f < finish->known; ++f) to[f] = ((const uchar *)&codes)[f];
    }
  }
  for (int i = 0; finish->is_last && i < count; ++i) {
    for (int c = finish->channels; c < pitch; ++c) y[i * pitch + c] = 0;
  }
}
#else
// The sums as they are.
LB_FUNCTION void finish_pixels(const Finish *finish, const int16 *sums, int step,
                               const float4 scales, __global const uchar *other, __global int *y,
                               int first, int count) {
  const long plane = finish->plane;
  for (int i = 0; i < count; ++i) {
    const int image = (first + i) / finish->plane, position = (first + i) % finish->plane;
    const int16 lanes = sums[i * step] + finish->addend;
    for (int f = 0; f < finish->known; ++f)
      y[((long)image * finish->channels + finish->channel + f) * plane + position] =
          ((const int *)&lanes)[f];
  }
}
#endif
