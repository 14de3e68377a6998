// The derivative of a convolution's weights on a processor with vectors and caches: one work-item a
// group computes a run of RUN products for some of the weights.
//
//   for every block of the run
//     filters = dy of the block's outputs, transposed                 [BLOCK][filters], local
//     columns = the input that they read, with its border of zeros    [channels][spread], local
//     for every ROWS weights of a filter: fma of broadcast columns and vectors of filters
//   result = the run's totals                                         [run][group][filter][weight]
//
// Vectors run across filters, never along the sum, whose order is that of `WeightGradient` in
// Swift. sum_runs.cl adds the runs where there are several.
//
// After product/vectors.cl, product/each_row.cl, conv/geometry.cl and conv/padded_rows.cl, of a
// convolution over at most two axes. VECTORS: vectors of filters that are worked on together, 1
// or 2.
#if VECTORS != 1 && VECTORS != 2
#error "VECTORS: 1 or 2"
#endif

// Products that are added before sums are: WeightGradient.runLength.
#define RUN 4096
#define LANES (VECTORS * VECTOR)
#if VECTOR == 16
#define LOW(u, v)                                                                                  \
  ((float16)(u.s0, v.s0, u.s1, v.s1, u.s2, v.s2, u.s3, v.s3, u.s4, v.s4, u.s5, v.s5, u.s6, v.s6,   \
             u.s7, v.s7))
#define HIGH(u, v)                                                                                 \
  ((float16)(u.s8, v.s8, u.s9, v.s9, u.sa, v.sa, u.sb, v.sb, u.sc, v.sc, u.sd, v.sd, u.se, v.se,   \
             u.sf, v.sf))
#elif VECTOR == 8
#define LOW(u, v) ((float8)(u.s0, v.s0, u.s1, v.s1, u.s2, v.s2, u.s3, v.s3))
#define HIGH(u, v) ((float8)(u.s4, v.s4, u.s5, v.s5, u.s6, v.s6, u.s7, v.s7))
#else
#define LOW(u, v) ((float4)(u.s0, v.s0, u.s1, v.s1))
#define HIGH(u, v) ((float4)(u.s2, v.s2, u.s3, v.s3))
#endif

// Neighbouring outputs of one row: where their first tap lies in `columns`, and how many they are.
typedef struct {
  int from, length;
} Stretch;

// Brings what the outputs `start` to `start + count - 1` read of channels `first` to `end - 1` into
// `columns`: every image's rows from the first that is read to the last, `pitch` elements each, a
// channel after `spread` elements. Returns the number of stretches.
int fill_columns(__constant Geometry *g, __global const float *x, const int group, const int start,
                 const int count, const int reach, const int pitch, const int spread,
                 const int first, const int end, __local float *columns, Stretch *stretches) {
  int n = 0, at = 0, base = 0;
  while (at < count) {
    // The rest of an image, or of the block.
    const Source s = source_of(g, group, start + at);
    const int imageEnd = min(count, at + image_outputs(g) - (start + at) % image_outputs(g));
    const int firstRow = (start + at) % image_outputs(g) / g->countX;
    int rows = reach;
    while (at < imageEnd) {
      const int output = (start + at) % image_outputs(g);
      const int row = output / g->countX, column = output - row * g->countX;
      const int down = (row - firstRow) * g->strideY;
      stretches[n].from = base + down * pitch + column * g->strideX;
      stretches[n].length = min(imageEnd - at, g->countX - column);
      at += stretches[n++].length;
      rows = down + reach;
    }
    for (int channel = first; channel < end; channel++) {
      __local float *to = columns + (channel - first) * spread + base;
      const int plane = s.base + channel * input_plane(g);
      for (int r = 0; r < rows; r++, to += pitch)
        copy_padded(g, x, plane, s.y + r, g->originX, pitch, to);
    }
    base += rows * pitch;
  }
  return n;
}

// VECTOR filters of VECTOR outputs, transposed; `count` filters lie `plane` elements apart, the
// others are 0.
void transpose_tile(__global const float *from, const int count, const int plane, __local float *to,
                    const int width) {
  floatv a[VECTOR], b[VECTOR];
#pragma unroll
  for (int i = 0; i < VECTOR; i++) a[i] = i < count ? vloadv(0, from + i * plane) : (floatv)(0.0f);
#define STAGE(a, b)                                                                                \
  _Pragma("unroll") for (int i = 0; i < VECTOR / 2; i++) {                                         \
    b[2 * i] = LOW(a[i], a[i + VECTOR / 2]);                                                       \
    b[2 * i + 1] = HIGH(a[i], a[i + VECTOR / 2]);                                                  \
  }
  STAGE(a, b)
  STAGE(b, a)
#if VECTOR >= 8
  STAGE(a, b)
#if VECTOR == 8
#pragma unroll
  for (int i = 0; i < VECTOR; i++) a[i] = b[i];
#else
  STAGE(b, a)
#endif
#endif
#pragma unroll
  for (int i = 0; i < VECTOR; i++) vstorev(a[i], 0, to + i * width);
}

// Brings dy of the outputs `start` to `start + count - 1` into `filters` [count][width]:
// `filterCount` filters from `firstFilter` on, 0 behind them.
void pack_filters(__constant Geometry *g, __global const float *dy, const int group,
                  const int start, const int count, const int firstFilter, const int filterCount,
                  const int width, __local float *filters) {
  const int plane = output_plane(g);
  for (int at = 0; at < count;) {
    const int image = (start + at) / plane, q = (start + at) - image * plane;
    const int length = min(count - at, plane - q);
    __global const float *from =
        dy + ((image * g->groups + group) * g->filters + firstFilter) * plane + q;
    for (int f = 0; f < width; f += VECTOR) {
      int j = 0;
      for (; j + VECTOR <= length; j += VECTOR)
        transpose_tile(from + f * plane + j, filterCount - f, plane, filters + (at + j) * width + f,
                       width);
      for (int i = f; i < f + VECTOR; i++)
        for (int l = j; l < length; l++)
          filters[(at + l) * width + i] = i < filterCount ? from[i * plane + l] : 0.0f;
    }
    at += length;
  }
}

// Adds the products of a block to the totals [ROWS][width] of LANES filters, or makes them the
// totals if `isFirst`. `offsets`: where the weights' columns begin.
void multiply_stretches(const Stretch *stretches, const int n, const int stride,
                        __local const float *restrict columns, const int *offsets,
                        __local const float *restrict filters, const int width, const int isFirst,
                        __local float *restrict totals) {
#define DECLARE(r)                                                                                 \
  __local const float *restrict x##r = columns + offsets[r];                                       \
  floatv a##r = 0.0f;
  EACH_ROW(DECLARE)
#if VECTORS == 2
#define DECLARE_SECOND(r) floatv b##r = 0.0f;
  EACH_ROW(DECLARE_SECOND)
#endif
  for (int s = 0; s < n; s++) {
    const int end = stretches[s].from + stretches[s].length * stride;
    for (int i = stretches[s].from; i < end; i += stride) {
      const floatv fa = vloadv(0, filters);
#if VECTORS == 2
      const floatv fb = vloadv(1, filters);
#define STEP(r)                                                                                    \
  a##r = fma((floatv)(x##r[i]), fa, a##r);                                                         \
  b##r = fma((floatv)(x##r[i]), fb, b##r);
#else
#define STEP(r) a##r = fma((floatv)(x##r[i]), fa, a##r);
#endif
      EACH_ROW(STEP)
      filters += width;
    }
  }
#define ADD(r, v, sum)                                                                             \
  vstorev(isFirst ? sum : vloadv(v, totals + r * width) + sum, v, totals + r * width);
#if VECTORS == 2
#define FINISH(r) ADD(r, 0, a##r) ADD(r, 1, b##r)
#else
#define FINISH(r) ADD(r, 0, a##r)
#endif
  EACH_ROW(FINISH)
}

// Work-items: runs, parts of filters within parts of weights, groups. A part has `partTiles` times
// ROWS weights of a filter, `partFilters` filters, a multiple of LANES. `pitch` and `spread` are
// those of fill_columns.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
weight_gradient(__constant Geometry *g, __constant int4 *taps, __global const float *restrict x,
                __global const float *restrict dy, __global float *restrict result,
                const int partTiles, const int partFilters, const int pitch, const int spread,
                __local float *restrict columns, __local float *restrict filters,
                __local float *restrict totals) {
  const int group = get_global_id(2);
  const int filterParts = (g->filters + partFilters - 1) / partFilters;
  const int rowPart = get_global_id(1) / filterParts;
  const int firstFilter = (get_global_id(1) - rowPart * filterParts) * partFilters;
  const int filterCount = min(partFilters, g->filters - firstFilter);
  const int width = (filterCount + LANES - 1) / LANES * LANES;
  const int rowCount = g->channels * g->tapCount;
  const int firstRow = rowPart * partTiles * ROWS;
  const int endRow = min(rowCount, firstRow + partTiles * ROWS);
  const int firstChannel = firstRow / g->tapCount, endChannel = (endRow - 1) / g->tapCount + 1;
  const int reach = taps[g->tapCount - 1].s1 + 1;
  const int first = get_global_id(0) * RUN, end = min(first + RUN, all_outputs(g));

  Stretch stretches[BLOCK];
  for (int start = first; start < end; start += BLOCK) {
    const int count = min(BLOCK, end - start);
    pack_filters(g, dy, group, start, count, firstFilter, filterCount, width, filters);
    const int n = fill_columns(g, x, group, start, count, reach, pitch, spread, firstChannel,
                               endChannel, columns, stretches);
    for (int tile = firstRow; tile < endRow; tile += ROWS) {
      int offsets[ROWS];
      for (int r = 0; r < ROWS; r++) {
        const int row = min(tile + r, endRow - 1), channel = row / g->tapCount;
        const int4 t = taps[row - channel * g->tapCount];
        offsets[r] = (channel - firstChannel) * spread + t.s1 * pitch + t.s2;
      }
      for (int f = 0; f < width; f += LANES)
        multiply_stretches(stretches, n, g->strideX, columns, offsets, filters + f, width,
                           start == first, totals + (tile - firstRow) * width + f);
    }
  }

  result += ((get_global_id(0) * g->groups + group) * g->filters + firstFilter) * rowCount;
  for (int f = 0; f < filterCount; f++)
    for (int row = firstRow; row < endRow; row++)
      result[f * rowCount + row] = totals[(row - firstRow) * width + f];
}
