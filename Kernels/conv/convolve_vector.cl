// Convolution on a processor with vectors and caches: one work-item a group computes LANES outputs
// for `partTiles` tiles of ROWS filters.
//
//   for every block of the sum
//     columns = the block's inputs of every output     [BLOCK][LANES], in local memory
//     for every tile of filters: multiply_block        [tiles][ROWS][LANES] totals, in local memory
//   y = the totals' results
//
// Outputs are numbered image by image, so a vector of them can reach over rows and images. Its
// neighbours in a row are a run; a vector of few runs is loaded with a masked vector load a run.
//
// After product/vectors.cl, product/each_row.cl, product/block.cl, product/result.cl and
// conv/geometry.cl. ELEMENT is the type of x.
#ifndef ELEMENT
#error "ELEMENT: float, or char or uchar with CODES"
#endif

// Runs beyond which a vector is loaded lane by lane.
#define MAX_RUNS 4

// Lanes `first` to `end - 1` of a vector read one row of the input; `source` is lane 0's, as if the
// row went on to the left.
typedef struct {
  int first, end;
  Source source;
} Run;

// What is read: the input and, for codes, what is subtracted in every lane.
typedef struct {
  __global const ELEMENT *x;
  floatv zeroPoints;
} Input;

#ifdef CODES
#define FACTORS(input, elements) (convert_floatv(elements) - (input)->zeroPoints)
#else
#define FACTORS(input, elements) (elements)
#endif

// The runs of `lanes` outputs from `output` on, at most MAX_RUNS + 1.
int find_runs(__constant Geometry *g, const int xGroup, const int output, const int lanes,
              Run *runs) {
  int count = 0;
  for (int lane = 0; lane < lanes && count <= MAX_RUNS; count++) {
    Run run;
    run.first = lane;
    run.source = source_of(g, xGroup, output + lane);
    run.source.x -= lane * g->strideX;
    lane = min(lanes, lane + g->countX - (output + lane) % g->countX);
    run.end = lane;
    runs[count] = run;
  }
  return count;
}

// The channels c, first.s0 <= c < first.s1, whose products with `tap` lie in a block of the sum.
int2 channels_of_block(const int tap, const int tapCount, const int start, const int count) {
  return (int2)(max(0, (start - tap + tapCount - 1) / tapCount),
                (start + count - tap + tapCount - 1) / tapCount);
}

// Loads a block's factors for `lanes` outputs lane by lane; the other lanes become zero.
void load_lanes(__constant Geometry *g, __constant int4 *taps, const Input *input, const int xGroup,
                const int output, const int lanes, const int start, const int count,
                __local float *columns) {
  const int plane = input_plane(g), tapCount = g->tapCount;
  float zeroPoints[VECTOR];
  vstorev(input->zeroPoints, 0, zeroPoints);
  for (int lane = 0; lane < VECTOR; lane++) {
    const Source s = source_of(g, xGroup, output + min(lane, max(lanes - 1, 0)));
    for (int tap = 0; tap < tapCount; tap++) {
      const int4 t = taps[tap];
      const int isRead = lane < lanes && is_inside(g, s.z + t.s0, s.y + t.s1, s.x + t.s2);
      const int2 channels = channels_of_block(tap, tapCount, start, count);
      const int base = s.base + ((s.z + t.s0) * g->inputY + s.y + t.s1) * g->inputX + s.x + t.s2;
      for (int c = channels.s0; c < channels.s1; c++)
        columns[(c * tapCount + tap - start) * LANES + lane] =
            isRead ? (float)input->x[base + c * plane] - zeroPoints[lane] : 0.0f;
    }
  }
}

// The factors of VECTOR elements from `from` on, or of every other one of twice as many.
floatv load_row(const Input *input, const int from, const int stride) {
  __global const ELEMENT *x = input->x + from;
  if (stride == 1) return FACTORS(input, vloadv(0, x));
  return FACTORS(input, (JOIN(ELEMENT, VECTOR))(vloadv(0, x).even, vloadv(1, x).even));
}

// Loads a block's factors for one vector of outputs of few runs and a stride of at most 2. Returns
// 0 without having loaded everything if a vector load would reach beyond the input.
int load_runs(__constant Geometry *g, __constant int4 *taps, const Input *input, const int runCount,
              const Run *runs, const int start, const int count, __local float *columns) {
  const int plane = input_plane(g), tapCount = g->tapCount, stride = g->strideX;
  for (int tap = 0; tap < tapCount; tap++) {
    const int4 t = taps[tap];
    const int2 channels = channels_of_block(tap, tapCount, start, count);
    if (channels.s0 >= channels.s1) continue;
    int base[MAX_RUNS];
    intv mask[MAX_RUNS];
    for (int r = 0; r < runCount; r++) {
      const Source s = runs[r].source;
      const int z = s.z + t.s0, y = s.y + t.s1, x = s.x + t.s2;
      const int isRow = z >= 0 && z < g->inputZ && y >= 0 && y < g->inputY;
      const intv column = x + LANE_NUMBERS * stride;
      mask[r] = (LANE_NUMBERS >= runs[r].first) & (LANE_NUMBERS < runs[r].end) & (column >= 0) &
                (column < g->inputX);
      if (!isRow) mask[r] = 0;
      base[r] = isRow ? s.base + (z * g->inputY + y) * g->inputX + x : 0;
      if (base[r] + channels.s0 * plane < 0 ||
          base[r] + (channels.s1 - 1) * plane + VECTOR * stride > g->elements)
        return 0;
    }
    __local float *to = columns + (channels.s0 * tapCount + tap - start) * LANES;
    const int step = tapCount * LANES;
    // One run after the other: masks and addresses stay in registers.
    for (int r = 0; r < runCount; r++) {
      const intv lanes = mask[r];
      const int from = base[r];
      __local float *out = to;
      if (r == 0) {
        for (int c = channels.s0; c < channels.s1; c++, out += step) {
          const floatv row = load_row(input, from + c * plane, stride);
          vstorev(select((floatv)(0.0f), row, lanes), 0, out);
        }
      } else {
        for (int c = channels.s0; c < channels.s1; c++, out += step) {
          const floatv row = load_row(input, from + c * plane, stride);
          vstorev(select(vloadv(0, out), row, lanes), 0, out);
        }
      }
    }
  }
  return 1;
}

// The zero points of the lanes from `output` on: one for all, or one a column of every matrix.
#ifdef CODES
floatv zero_points(__constant Geometry *g, __global const ELEMENT *zeroPoints,
                   const int zeroPointCount, const int xGroup, const int output, const int lanes) {
  float some[VECTOR];
  for (int lane = 0; lane < VECTOR; lane++) {
    const int column = xGroup * g->inputX + output + min(lane, max(lanes - 1, 0));
    some[lane] = (float)zeroPoints[zeroPointCount == 1 ? 0 : column % zeroPointCount];
  }
  return vloadv(0, some);
}
#endif

// Turns the totals of one vector of outputs into results.
void store_vector(__constant Geometry *g, const int group, const int output, const int lanes,
                  const int firstRow, const int rows, __local const total_t *totals,
                  RESULT_PARAMETERS) {
  const int plane = output_plane(g);
  int targets[VECTOR];
  targets[0] = target_of(g, group, output);
  const int isWhole =
      lanes == VECTOR && target_of(g, group, output + VECTOR - 1) == targets[0] + VECTOR - 1;
  if (!isWhole)
    for (int lane = 1; lane < lanes; lane++) targets[lane] = target_of(g, group, output + lane);
  for (int r = 0; r < rows; r++) {
    const totalv total = vloadv(0, totals + r * LANES);
    const RESULT_TYPE(VECTOR) value = RESULT(VECTOR, total, group * g->filters + firstRow + r);
    const int offset = (firstRow + r) * plane;
    if (isWhole) {
      vstorev(value, 0, y + targets[0] + offset);
    } else {
      result_t some[VECTOR];
      vstorev(value, 0, some);
      for (int lane = 0; lane < lanes; lane++) y[targets[lane] + offset] = some[lane];
    }
  }
}

// Work-items: LANES outputs, parts of filters, groups. `factors` gives the groups of x and of
// the weights that a group of the result multiplies.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
convolve_vector(__constant Geometry *g, __constant int4 *taps,
                __global const int2 *restrict factors, __global const ELEMENT *restrict x,
                __global const ELEMENT *restrict xZeroPoint, const int zeroPointCount,
                __global const float *restrict weights, RESULT_PARAMETERS, const int partTiles,
                __local float *restrict columns, __local total_t *restrict totals) {
  const int group = get_global_id(2);
  const int xGroup = factors[group].s0;
  const int firstOutput = get_global_id(0) * LANES;
  const int depth = g->channels * g->tapCount;
  const int allTiles = (g->filters + ROWS - 1) / ROWS;
  const int firstTile = get_global_id(1) * partTiles;
  const int tiles = min(partTiles, allTiles - firstTile);
  const int outputs = all_outputs(g);
  weights += (size_t)(factors[group].s1 * allTiles + firstTile) * ROWS * depth;

  for (int start = 0; start == 0 || start < depth; start += BLOCK) {
    const int count = min(BLOCK, depth - start);
    for (int v = 0; v < 2; v++) {
      const int output = firstOutput + v * VECTOR;
      const int lanes = clamp(outputs - output, 0, VECTOR);
      __local float *to = columns + v * VECTOR;
      Input input = {x, 0.0f};
#ifdef CODES
      input.zeroPoints =
          zero_points(g, xZeroPoint, zeroPointCount, xGroup, min(output, outputs - 1), lanes);
#endif
      Run runs[MAX_RUNS + 1];
      const int runCount = find_runs(g, xGroup, output, lanes, runs);
      if (runCount == 0 || runCount > MAX_RUNS || g->strideX > 2 ||
          !load_runs(g, taps, &input, runCount, runs, start, count, to))
        load_lanes(g, taps, &input, xGroup, min(output, outputs - 1), lanes, start, count, to);
    }
    for (int tile = 0; tile < tiles; tile++)
      multiply_block(weights + ((size_t)tile * depth + start) * ROWS, columns, count, start == 0,
                     totals + tile * ROWS * LANES);
  }

  const int rows = min(tiles * ROWS, g->filters - firstTile * ROWS);
  for (int v = 0; v < 2; v++) {
    const int output = firstOutput + v * VECTOR;
    if (output >= outputs) break;
    store_vector(g, group, output, min(outputs - output, VECTOR), firstTile * ROWS, rows,
                 totals + v * VECTOR, y, bias, hasBias);
  }
}
