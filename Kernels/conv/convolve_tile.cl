// Convolution on a device with many threads: a work-group of SIDE x SIDE items computes 4 SIDE
// filters by 4 SIDE outputs as a matrix product of tiles in local memory, the inputs gathered as
// they are needed; every item computes 4 x 4 of them.
//
//   weights [groups][filters][depth], row-major as pack_rows.cl writes them with ROWS = 1
//
// After product/item_sums.cl, product/result.cl and conv/geometry.cl. ELEMENT is the type of x.
#ifndef ELEMENT
#error "ELEMENT: float, or char or uchar with CODES"
#endif
// Products between two inputs that one item loads; divides STEP.
#define STRIDE (ITEMS / TILE)

// Work-items: outputs, filters, groups. `factors` gives the groups of x and of the weights that a
// group of the result multiplies.
__kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void
convolve_tile(__constant Geometry *g, __constant int4 *taps, __global const int2 *restrict factors,
              __global const ELEMENT *restrict x, __global const ELEMENT *restrict xZeroPoint,
              const int zeroPointCount, __global const float *restrict weights, RESULT_PARAMETERS) {
  __local float rows[STEP][TILE];
  __local float columns[STEP][TILE];
  const int lx = get_local_id(0), ly = get_local_id(1);
  const uint item = ly * SIDE + lx;  // unsigned: divisions by TILE and STEP are shifts
  const int group = get_global_id(2);
  const int firstOutput = get_group_id(0) * TILE, firstFilter = get_group_id(1) * TILE;
  const int outputs = all_outputs(g), plane = input_plane(g);
  const int depth = g->channels * g->tapCount;
  weights += (size_t)factors[group].s1 * g->filters * depth;

  // Every item loads one column of all steps.
  const int column = item % TILE;
  const int isColumn = firstOutput + column < outputs;
  const int output = isColumn ? firstOutput + column : 0;
  const Source s = source_of(g, factors[group].s0, output);
#ifdef CODES
  const float inputZeroPoint =
      xZeroPoint[zeroPointCount == 1 ? 0
                                     : (factors[group].s0 * g->inputX + output) % zeroPointCount];
#else
  const float inputZeroPoint = 0.0f;
#endif
  // The channel and the tap of the item's next k, kept without a division a step.
  const int tapCount = max(1, g->tapCount);
  const int channelStep = STRIDE / tapCount, tapStep = STRIDE - channelStep * tapCount;
  int channel = (int)(item / TILE) / tapCount;
  int tap = (int)(item / TILE) - channel * tapCount;

  ItemSums sums;
  clear_sums(&sums);

  for (int start = 0; start < depth; start += STEP) {
    const int count = min(STEP, depth - start);
    const int columnCount = isColumn ? count : 0;
    for (int k = item / TILE; k < STEP; k += STRIDE) {
      float value = 0.0f;
      if (k < columnCount) {
        const int4 t = taps[tap];
        const int iz = s.z + t.s0, iy = s.y + t.s1, ix = s.x + t.s2;
        if (is_inside(g, iz, iy, ix))
          value = (float)x[s.base + channel * plane + (iz * g->inputY + iy) * g->inputX + ix] -
                  inputZeroPoint;
      }
      columns[k][column] = value;
      channel += channelStep;
      tap += tapStep;
      if (tap >= tapCount) {
        tap -= tapCount;
        channel++;
      }
    }
    for (uint e = item; e < STEP * TILE; e += ITEMS) {
      const int k = e % STEP, r = e / STEP;
      const int isWeight = firstFilter + r < g->filters && k < count;
      rows[k][r] = isWeight ? weights[(size_t)(firstFilter + r) * depth + start + k] : 0.0f;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    add_products(&sums, rows, columns, lx, ly, count);
    barrier(CLK_LOCAL_MEM_FENCE);
    if ((start + STEP) % BLOCK == 0 || start + STEP >= depth) end_block(&sums, start < BLOCK);
  }

#pragma unroll
  for (int j = 0; j < 4; j++) {
    const int o = firstOutput + lx + j * SIDE;
    if (o >= outputs) continue;
    const int target = target_of(g, group, o);
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const int filter = firstFilter + ly + i * SIDE;
      if (filter < g->filters)
        y[target + filter * output_plane(g)] =
            RESULT(, sums.total[i][j], group * g->filters + filter);
    }
  }
}
