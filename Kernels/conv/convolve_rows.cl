// Convolution of stride 1 on a processor with vectors and caches: one work-item a group computes a
// band of rows of an image for `partTiles` tiles of ROWS filters.
//
//   for every block of the sum
//     columns = the rows that are read of the block's channels, with their border of zeros, in
//     local
//               memory: `pitch` elements a row, so that a tap of neighbouring outputs is a vector
//               wherever it begins
//     for every tile of filters: fma of broadcast weights and vectors of columns
//   y = the totals' results
//
// Outputs of a band are numbered as if their rows had `pitch` of them, of which the last are left
// out. Nothing is gathered for each tap, as convolve_vector.cl does. The order of every sum is that
// of CanonicalFloats.md.
//
// After product/vectors.cl, product/each_row.cl, product/result.cl, conv/geometry.cl and
// conv/padded_rows.cl; of floats and over at most two axes.

#define PAIR (2 * VECTOR)

// Adds `count` products of ROWS filters and PAIR outputs to the totals, or makes them the totals if
// `isFirst`. `offsets`: where the taps of the outputs begin in `columns`.
void multiply_rows(__global const float *restrict weights, __local const float *restrict columns,
                   const int *restrict offsets, const int count, const int isFirst,
                   __local float *restrict totals, const int width) {
#define DECLARE(r) floatv a##r = 0.0f, b##r = 0.0f;
  EACH_ROW(DECLARE)
  for (int k = 0; k < count; k++) {
    const floatv xa = vloadv(0, columns + offsets[k]);
    const floatv xb = vloadv(1, columns + offsets[k]);
#define STEP(r)                                                                                    \
  a##r = fma((floatv)(weights[r]), xa, a##r);                                                      \
  b##r = fma((floatv)(weights[r]), xb, b##r);
    EACH_ROW(STEP)
    weights += ROWS;
  }
  if (isFirst) {
#define SET(r)                                                                                     \
  vstorev(a##r, 0, totals + r * width);                                                            \
  vstorev(b##r, 1, totals + r * width);
    EACH_ROW(SET)
  } else {
#define ADD(r)                                                                                     \
  vstorev(vloadv(0, totals + r * width) + a##r, 0, totals + r * width);                            \
  vstorev(vloadv(1, totals + r * width) + b##r, 1, totals + r * width);
    EACH_ROW(ADD)
  }
}

// Work-items: bands of all images, parts of filters, groups. `reach`: rows that an output reads.
// `width`: outputs of a band, a multiple of PAIR. `spread`: elements of a channel's columns.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
convolve_rows(__constant Geometry *g, __constant int4 *taps, __global const int2 *restrict factors,
              __global const float *restrict x, __global const float *restrict xZeroPoint,
              const int zeroPointCount, __global const float *restrict weights, RESULT_PARAMETERS,
              const int partTiles, const int bandRows, const int pitch, const int width,
              const int spread, const int4 reach, __local float *restrict columns,
              __local float *restrict totals) {
  const int group = get_global_id(2);
  const int bands = (g->countY + bandRows - 1) / bandRows;
  const int image = get_global_id(0) / bands;
  const int firstRow = (get_global_id(0) - image * bands) * bandRows;
  const int rows = min(bandRows, g->countY - firstRow);
  const int depth = g->channels * g->tapCount;
  const int allTiles = (g->filters + ROWS - 1) / ROWS;
  const int firstTile = get_global_id(1) * partTiles;
  const int tiles = min(partTiles, allTiles - firstTile);
  const int used = (rows - 1) * pitch + g->countX;
  // reach: the first row and column that an output reads, and how many rows.
  const int top = g->originY + firstRow + reach.s0, left = g->originX + reach.s1;
  weights += (size_t)(group * allTiles + firstTile) * ROWS * depth;
  int offsets[BLOCK];

  for (int start = 0; start == 0 || start < depth; start += BLOCK) {
    const int count = min(BLOCK, depth - start);
    const int firstChannel = start / g->tapCount;
    const int endChannel = count > 0 ? (start + count - 1) / g->tapCount + 1 : 0;
    for (int channel = firstChannel; channel < endChannel; channel++) {
      const int plane = ((image * g->groups + group) * g->channels + channel) * input_plane(g);
      __local float *to = columns + (channel - firstChannel) * spread;
      for (int r = 0; r < rows + reach.s2 - 1; r++)
        copy_padded(g, x, plane, top + r, left, pitch, to + r * pitch);
    }
    for (int k = 0; k < count; k++) {
      const int channel = (start + k) / g->tapCount;
      const int4 t = taps[start + k - channel * g->tapCount];
      offsets[k] = (channel - firstChannel) * spread + (t.s1 - reach.s0) * pitch + t.s2 - reach.s1;
    }
    for (int tile = 0; tile < tiles; tile++)
      for (int at = 0; at < used; at += PAIR)
        multiply_rows(weights + ((size_t)tile * depth + start) * ROWS, columns + at, offsets, count,
                      start == 0, totals + tile * ROWS * width + at, width);
  }

  const int filters = min(tiles * ROWS, g->filters - firstTile * ROWS);
  for (int f = 0; f < filters; f++) {
    const int filter = group * g->filters + firstTile * ROWS + f;
    for (int r = 0; r < rows; r++) {
      __local const float *from = totals + f * width + r * pitch;
      __global float *to = y + ((size_t)image * g->groups * g->filters + filter) * output_plane(g) +
                           (g->firstY + (firstRow + r) * g->stepY) * g->outputX + g->firstX;
      int column = 0;
      if (g->stepX == 1)
        for (; column + VECTOR <= g->countX; column += VECTOR)
          vstorev(RESULT(VECTOR, vloadv(0, from + column), filter), 0, to + column);
      for (; column < g->countX; column++) to[column * g->stepX] = RESULT(, from[column], filter);
    }
  }
}
