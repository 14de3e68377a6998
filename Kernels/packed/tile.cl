// Convolution of packed codes as a product of tiles in local memory: a work-group computes
// TILE_PIXELS pixels by TILE_FILTERS filters of a group, an item ITEM_PIXELS by ITEM_FILTERS of
// them. After dot.cl, problem.cl and tile_result.cl.
//
//   weights [groups][rows][steps][words of a step], as `TileWeights` packs them
//
// A step takes STEP_WORDS words of x for every pixel, in one of two forms:
//
//   bytes    Codes of x and weights of WBITS bits (8, 4 or 2) are unpacked to a byte each where
//            tiles are filled, and multiplied by DOT4. A weight stands in the top bits of its byte,
//            which multiplies it by 2^(8 - WBITS); the sum is shifted back.
//   planes   (PLANES: planes of weights) Words of one bit of 32 codes and of 32 weights, unsigned:
//            popcount(x & w) << (plane of x + plane of w). Weights are STRIDE times these codes.
//
// Two buffers: while one is multiplied, the units for the other are on their way.
#ifndef STEP_WORDS
#error "STEP_WORDS: words of x of a step, a multiple of UNIT"
#endif

#define ITEMS_X (TILE_PIXELS / ITEM_PIXELS)
#define ITEMS_Y (TILE_FILTERS / ITEM_FILTERS)

#ifdef PLANES
#define X_ROWS STEP_WORDS
#define W_ROWS (STEP_WORDS / XBITS * PLANES)
#define W_STEP W_ROWS
#else
#define X_ROWS (STEP_WORDS * (8 / XBITS))
#define W_ROWS X_ROWS
#define W_STEP (W_ROWS * WBITS / 8)
#endif

// Words of weights that are loaded together.
#if W_STEP % 4 == 0
#define W_UNIT 4
typedef uint4 weight_vector;
#elif W_STEP % 2 == 0
#define W_UNIT 2
typedef uint2 weight_vector;
#else
#define W_UNIT 1
typedef uint weight_vector;
#endif
typedef union {
  weight_vector vector;
  uint words[W_UNIT];
} WeightUnit;

// Words from a row of a tile to the next. Two more than the tile has, so that items that store the
// units of one pixel meet in no bank.
#define X_PITCH (TILE_PIXELS + 2)
#define W_PITCH (TILE_FILTERS + 2)
#define BUFFER_WORDS (X_ROWS * X_PITCH + W_ROWS * W_PITCH)

// Units of x and of weights that an item loads for a step.
#define X_UNITS (STEP_WORDS / UNIT)
#define X_LOADS ((TILE_PIXELS * X_UNITS + ITEMS - 1) / ITEMS)
#define W_UNITS (W_STEP / W_UNIT)
#define W_LOADS ((TILE_FILTERS * W_UNITS + ITEMS - 1) / ITEMS)

#if !defined(SUMS) && 2 * BUFFER_WORDS < TILE_CODE_WORDS
#define LOCAL_WORDS TILE_CODE_WORDS
#else
#define LOCAL_WORDS (2 * BUFFER_WORDS)
#endif

// The lowest bit of every code of a word.
#define LOW_BITS (0xffffffffu / ((1u << XBITS) - 1u))

// Puts a unit of x into column `pixel` of a tile.
LB_FUNCTION void store_x(__local uint *xs, const Unit loaded, const int unit, const int pixel) {
#ifdef PLANES
#pragma unroll
  for (int q = 0; q < UNIT / XBITS; q++)
#pragma unroll
    for (int plane = 0; plane < XBITS; plane++) {
      uint bits = 0;
#pragma unroll
      for (int m = 0; m < XBITS; m++)
        bits |= (loaded.words[q * XBITS + m] >> plane & LOW_BITS) << m;
      xs[(unit * UNIT + q * XBITS + plane) * X_PITCH + pixel] = bits;
    }
#else
#pragma unroll
  for (int word = 0; word < UNIT; word++)
#pragma unroll
    for (int part = 0; part < 8 / XBITS; part++) {
      const uint bytes = loaded.words[word] >> (XBITS * part) & 0x01010101u * ((1u << XBITS) - 1u);
      xs[((unit * (8 / XBITS) + part) * UNIT + word) * X_PITCH + pixel] = CODE_BYTES(bytes);
    }
#endif
}

// Puts a unit of weights into column `filter` of a tile.
LB_FUNCTION void store_weights(__local uint *ws, const WeightUnit loaded, const int unit,
                               const int filter) {
#pragma unroll
  for (int word = 0; word < W_UNIT; word++) {
#if defined(PLANES) || WBITS == 8
    ws[(unit * W_UNIT + word) * W_PITCH + filter] = loaded.words[word];
#else
#pragma unroll
    for (int part = 0; part < 8 / WBITS; part++) {
      const uint top = 0x01010101u * (256u - (1u << (8 - WBITS)));
      ws[((unit * (8 / WBITS) + part) * W_UNIT + word) * W_PITCH + filter] =
          loaded.words[word] << (8 - WBITS * (part + 1)) & top;
    }
#endif
  }
}

// Adds the products of a tile.
LB_FUNCTION void multiply(__local const uint *xs, __local const uint *ws,
                          int sums[ITEM_FILTERS][ITEM_PIXELS]) {
#ifdef PLANES
  for (int q = 0; q < STEP_WORDS / XBITS; q++) {
    uint a[XBITS][ITEM_PIXELS], b[PLANES][ITEM_FILTERS];
#pragma unroll
    for (int plane = 0; plane < XBITS; plane++)
#pragma unroll
      for (int j = 0; j < ITEM_PIXELS; j++)
        a[plane][j] = xs[(q * XBITS + plane) * X_PITCH + j * ITEMS_X];
#pragma unroll
    for (int plane = 0; plane < PLANES; plane++)
#pragma unroll
      for (int i = 0; i < ITEM_FILTERS; i++)
        b[plane][i] = ws[(q * PLANES + plane) * W_PITCH + i * ITEMS_Y];
#pragma unroll
    for (int i = 0; i < ITEM_FILTERS; i++)
#pragma unroll
      for (int j = 0; j < ITEM_PIXELS; j++)
#pragma unroll
        for (int p = 0; p < XBITS; p++)
#pragma unroll
          for (int r = 0; r < PLANES; r++) sums[i][j] += popcount(a[p][j] & b[r][i]) << (p + r);
  }
#else
// Where a product is many instructions, the loop costs nothing beside them and compiles sooner.
#ifdef PORTABLE_DOT
#pragma unroll 1
#else
#pragma unroll 4
#endif
  for (int k = 0; k < X_ROWS; k++) {
    uint a[ITEM_PIXELS], b[ITEM_FILTERS];
#pragma unroll
    for (int j = 0; j < ITEM_PIXELS; j++) a[j] = xs[k * X_PITCH + j * ITEMS_X];
#pragma unroll
    for (int i = 0; i < ITEM_FILTERS; i++) b[i] = ws[k * W_PITCH + i * ITEMS_Y];
#pragma unroll
    for (int i = 0; i < ITEM_FILTERS; i++)
#pragma unroll
      for (int j = 0; j < ITEM_PIXELS; j++) sums[i][j] = DOT4(a[j], b[i], sums[i][j]);
  }
#endif
}

// The product of the weights themselves.
#ifdef PLANES
#define PRODUCT(sum) ((int)((uint)(sum)*STRIDE))
#else
#define PRODUCT(sum) ((sum) >> (8 - WBITS))
#endif

// Work-items: pixels, filters, groups.
__kernel __attribute__((reqd_work_group_size(ITEMS_X, ITEMS_Y, 1))) void
convolve_packed_tile(__constant Problem *g, __global const int4 *restrict units,
                     __global const uint *restrict x, const uint border,
                     __global const uint *restrict weights, RESULT_PARAMETERS) {
  __local uint memory[LOCAL_WORDS];
  const int lx = get_local_id(0), ly = get_local_id(1), item = ly * ITEMS_X + lx;
  const int group = get_group_id(2);
  const int firstPixel = get_group_id(0) * TILE_PIXELS;
  const int firstFilter = get_group_id(1) * TILE_FILTERS;

  Window windows[X_LOADS];
#pragma unroll
  for (int l = 0; l < X_LOADS; l++)
    windows[l] = window_of(g, group, firstPixel + (item + l * ITEMS) / X_UNITS);
  weights += (size_t)(group * g->rows + firstFilter) * g->steps * W_STEP;

  int sums[ITEM_FILTERS][ITEM_PIXELS];
#pragma unroll
  for (int i = 0; i < ITEM_FILTERS; i++)
#pragma unroll
    for (int j = 0; j < ITEM_PIXELS; j++) sums[i][j] = 0;

  Unit loadedX[X_LOADS];
  WeightUnit loadedW[W_LOADS];
  // Step -1 multiplies nothing: it fills the first buffer.
  for (int step = -1; step < g->steps; step++) {
    const int next = min(step + 1, g->steps - 1);
#pragma unroll
    for (int l = 0; l < X_LOADS; l++) {
      const int e = item + l * ITEMS;
      if (e < TILE_PIXELS * X_UNITS)
        loadedX[l] = load_unit(g, x, windows[l], units[next * X_UNITS + e % X_UNITS], border);
    }
#pragma unroll
    for (int l = 0; l < W_LOADS; l++) {
      const int e = item + l * ITEMS;
      if (e < TILE_FILTERS * W_UNITS)
        loadedW[l].vector =
            *(__global const weight_vector *)(weights + (e / W_UNITS * g->steps + next) * W_STEP +
                                              e % W_UNITS * W_UNIT);
    }
    __local uint *const current = memory + (step & 1) * BUFFER_WORDS;
    if (step >= 0) multiply(current + lx, current + X_ROWS * X_PITCH + ly, sums);
    __local uint *const other_ = memory + (~step & 1) * BUFFER_WORDS;
#pragma unroll
    for (int l = 0; l < X_LOADS; l++) {
      const int e = item + l * ITEMS;
      if (e < TILE_PIXELS * X_UNITS) store_x(other_, loadedX[l], e % X_UNITS, e / X_UNITS);
    }
#pragma unroll
    for (int l = 0; l < W_LOADS; l++) {
      const int e = item + l * ITEMS;
      if (e < TILE_FILTERS * W_UNITS)
        store_weights(other_ + X_ROWS * X_PITCH, loadedW[l], e % W_UNITS, e / W_UNITS);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }

#pragma unroll
  for (int i = 0; i < ITEM_FILTERS; i++) {
    const int filter = ly + i * ITEMS_Y;
    const FilterResult f = filter_result(g, group, firstFilter + filter, rows, bias, hasBias,
                                         multiplier, multiplierStep, shift, shiftStep);
#pragma unroll
    for (int j = 0; j < ITEM_PIXELS; j++) {
      const int pixel = lx + j * ITEMS_X;
      const int sum = filter_sum(g, &f, PRODUCT(sums[i][j]), group, firstPixel + pixel,
                                 inputZeroPoint, inputSums);
#ifdef SUMS
      put_sum(g, &f, sum, firstPixel + pixel, y);
#else
      put_code(memory, &f, sum, pixel, filter, codes);
#endif
    }
  }
#ifndef SUMS
  barrier(CLK_LOCAL_MEM_FENCE);
  write_codes(g, memory, item, group, firstPixel, firstFilter, y, codes, other, otherCodes, scales);
#endif
}
