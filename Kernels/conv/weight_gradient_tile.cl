// The derivative of a convolution's weights on a device with many threads: a work-group of SIDE x
// SIDE items computes a run of RUN products for 4 SIDE filters by 4 SIDE weights, as
// convolve_tile.cl does for outputs; every item computes 4 x 4 of them.
//
// The order of every sum is that of `WeightGradient` in Swift; sum_runs.cl adds the runs where
// there are several. After product/item_sums.cl and conv/geometry.cl.

// Products that are added before sums are: WeightGradient.runLength.
#define RUN 4096

// Work-items: weights, filters, groups of all runs.
__kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void
weight_gradient_tile(__constant Geometry *g, __constant int4 *taps,
                     __global const float *restrict x, __global const float *restrict dy,
                     __global float *restrict result) {
  __local float rows[STEP][TILE];
  __local float columns[STEP][TILE];
  const int lx = get_local_id(0), ly = get_local_id(1);
  const uint item = ly * SIDE + lx;  // unsigned: divisions by TILE and STEP are shifts
  const int run = (int)get_global_id(2) / g->groups;
  const int group = (int)get_global_id(2) - run * g->groups;
  const int weights = g->channels * g->tapCount, plane = output_plane(g);
  const int firstWeight = get_group_id(0) * TILE, firstFilter = get_group_id(1) * TILE;
  const int first = run * RUN, end = min(first + RUN, all_outputs(g));

  ItemSums sums;
  clear_sums(&sums);

  for (int start = first; start < end; start += STEP) {
    const int count = min(STEP, end - start);
    // Neighbours load neighbouring outputs.
    for (uint e = item; e < STEP * TILE; e += ITEMS) {
      const int k = e % STEP, r = e / STEP;
      float column = 0.0f, row = 0.0f;
      if (k < count) {
        const int output = start + k;
        if (firstWeight + r < weights) {
          const int channel = (firstWeight + r) / g->tapCount;
          const int4 t = taps[firstWeight + r - channel * g->tapCount];
          const Source s = source_of(g, group, output);
          const int iz = s.z + t.s0, iy = s.y + t.s1, ix = s.x + t.s2;
          if (is_inside(g, iz, iy, ix))
            column = x[s.base + channel * input_plane(g) + (iz * g->inputY + iy) * g->inputX + ix];
        }
        if (firstFilter + r < g->filters) {
          const int image = output / plane;
          const int channel = (image * g->groups + group) * g->filters + firstFilter + r;
          row = dy[channel * plane + output - image * plane];
        }
      }
      columns[k][r] = column;
      rows[k][r] = row;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    add_products(&sums, rows, columns, lx, ly, count);
    barrier(CLK_LOCAL_MEM_FENCE);
    if ((start + STEP - first) % BLOCK == 0 || start + STEP >= end)
      end_block(&sums, start - first < BLOCK);
  }

  result += (run * g->groups + group) * g->filters * weights;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const int filter = firstFilter + ly + i * SIDE;
    if (filter >= g->filters) continue;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int weight = firstWeight + lx + j * SIDE;
      if (weight < weights) result[filter * weights + weight] = sums.total[i][j];
    }
  }
}
