// The results of a tile of TILE_PIXELS by TILE_FILTERS: sums are written where they belong, codes
// are collected in local memory, a byte each, and written channels last in whole words. After
// sum_result.cl.
//
//   SCATTERED       a group's filters do not fill whole words of a pixel: bytes are written; YBITS
//   8
#if !defined(TILE_PIXELS) || !defined(TILE_FILTERS) || !defined(ITEMS)
#error "TILE_PIXELS, TILE_FILTERS: extents of the tile; ITEMS: of its work-group"
#endif

// What the sums of a filter need. Those of filters that do not exist have that of the group's
// first.
typedef struct {
  bool exists;
  int channel, bias, multiplier, shift;
  int4 correction;
} FilterResult;

// row: the filter's number within the group. The others are RESULT_PARAMETERS.
LB_FUNCTION FilterResult filter_result(__constant Problem *g, const int group, const int row,
                                       __global const int4 *rows, __global const int *bias,
                                       const int hasBias, __global const int *multiplier,
                                       const int multiplierStep, __global const int *shift,
                                       const int shiftStep) {
  FilterResult f;
  f.exists = row < g->filters;
  f.channel = group * g->filters + (f.exists ? row : 0);
  f.correction = rows[f.channel];
  f.bias = hasBias ? bias[f.channel] : 0;
#ifndef SUMS
  f.multiplier = multiplier[f.channel * multiplierStep];
  f.shift = shift[f.channel * shiftStep];
#endif
  return f;
}

// The sum of a filter at `pixel` of all images, of which there may be fewer.
LB_FUNCTION int filter_sum(__constant Problem *g, const FilterResult *f, const int product,
                           const int group, const int pixel, const int inputZeroPoint,
                           __global const int *inputSums) {
#ifdef INPUT_SUMS
  const int inputSum = inputSums[min(pixel, g->pixels - 1) * g->groups + group];
#else
  const int inputSum = 0;
#endif
  return whole_sum(product, f->correction, inputZeroPoint, inputSum, f->bias);
}

#ifdef SUMS
LB_FUNCTION void put_sum(__constant Problem *g, const FilterResult *f, const int sum,
                         const int pixel, __global uint *y) {
  const int plane = g->outputY * g->outputX, image = pixel / plane;
  if (f->exists && pixel < g->pixels)
    y[(image * g->groups * g->filters + f->channel) * plane + pixel - image * plane] = (uint)sum;
}
#else
// Words from a pixel's codes in local memory to the next: one more than needed, for the banks.
#define CODE_PITCH (TILE_FILTERS / 4 + 1)
#define TILE_CODE_WORDS (TILE_PIXELS * CODE_PITCH)

// pixel, filter: within the tile.
LB_FUNCTION void put_code(__local uint *tile, const FilterResult *f, const int sum, const int pixel,
                          const int filter, const int4 codes) {
  ((__local uchar *)tile)[pixel * CODE_PITCH * 4 + filter] =
      (uchar)(f->exists ? code_of(sum, f->multiplier, f->shift, codes) : 0u);
}

// Writes the tile's codes. All work-items, behind a barrier.
LB_FUNCTION void write_codes(__constant Problem *g, __local const uint *tile, const int item,
                             const int group, const int firstPixel, const int firstFilter,
                             __global uint *y, const int4 codes, __global const uint *other,
                             const int4 otherCodes, const float4 scales) {
  const int firstChannel = group * g->filters + firstFilter;
  const bool isLast = group == g->groups - 1 && firstFilter + TILE_FILTERS >= g->filters;
#ifdef SCATTERED
  const int count = min(TILE_FILTERS, g->filters - firstFilter);
  const int end = isLast ? g->outputWords * 4 - firstChannel : count;
  for (int e = item; e < TILE_PIXELS * end; e += ITEMS) {
    const int row = e / end, filter = e - row * end, pixel = firstPixel + row;
    if (pixel >= g->pixels) continue;
    uint code = filter < count ? ((__local const uchar *)tile)[row * CODE_PITCH * 4 + filter] : 0u;
#ifdef RESIDUAL
    const int at = firstChannel + min(filter, count - 1);
    const uint others = ((__global const uchar *)other)[pixel * g->otherWords * 4 + at];
    code = add_residual(code, others, filter < count ? 1 : 0, codes, otherCodes, scales);
#endif
    ((__global uchar *)y)[pixel * g->outputWords * 4 + firstChannel + filter] = (uchar)code;
  }
#else
  // Words of a pixel from the first of the tile to the last that nobody else writes.
  const int firstWord = firstChannel * YBITS / 32;
  const int groupEnd = (group + 1) * g->filters * YBITS / 32;
  const int tileEnd = firstWord + TILE_FILTERS * YBITS / 32;
  const int count = (isLast ? g->outputWords : min(tileEnd, groupEnd)) - firstWord;
  for (int e = item; e < TILE_PIXELS * count; e += ITEMS) {
    const int row = e / count, word = e - row * count, pixel = firstPixel + row;
    if (pixel >= g->pixels) continue;
    uint packed = 0;
#pragma unroll
    for (int i = 0; i < 8 / YBITS; i++) {
      const int filter = (word * (8 / YBITS) + i) * 4;
      uint four = filter < TILE_FILTERS ? tile[row * CODE_PITCH + filter / 4] : 0u;
#ifdef RESIDUAL
      const int channel = firstChannel + filter, left = g->groups * g->filters - channel;
      if (left > 0)
        four = add_residual(four, other[pixel * g->otherWords + channel / 4], min(4, left), codes,
                            otherCodes, scales);
#endif
      packed |= narrow_codes(four) << (4 * YBITS * i);
    }
    y[pixel * g->outputWords + firstWord + word] = packed;
  }
#endif
}
#endif
