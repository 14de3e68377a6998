// Convolution of packed codes by warps: 256 items, 8 warps of 64 pixels by 32 filters, compute 128
// pixels by 128 filters. After dot.cl, warp.cl, problem.cl and tile_result.cl.
//
//   weights [groups][rows][passes][steps][words of a step], as `TileWeights` packs them
//
// A step has 64 bytes of K of every pixel and filter: codes of XBITS 8, 4 or 2 by weights of WBITS
// 8, 4 or 2 bits, which lie packed in local memory and are brought to bytes in registers; or,
// BITWISE, 512 bits. Three steps are on their way in 48 KB of local memory or less; the 16-byte
// chunks of a row are exchanged so that neither copies nor loads of matrices meet in a bank.
//
// BITWISE: x is taken as it lies, and the weights' planes are rows of K of their own, one pass of K
// for each pair of a plane of x and one of the weights, a weight's bit where that plane of x has
// its code's. Passes come in falling order of the pair's power of two; after pass p the sums are
// doubled if bit p of SHIFTS is set. Weights are STRIDE times these codes.
#ifdef BITWISE
#define X_BYTES 64
#define W_BYTES 64
#else
#define PASSES 1
#define X_BYTES (64 * XBITS / 8)
#define W_BYTES (64 * WBITS / 8)
#endif
#define X_CHUNKS (X_BYTES / 16)
#define W_CHUNKS (W_BYTES / 16)

#define STAGES 3
#define STAGE_BYTES (128 * (X_BYTES + W_BYTES))
#if !defined(SUMS) && STAGES * STAGE_BYTES / 4 < TILE_CODE_WORDS
#define LOCAL_WORDS TILE_CODE_WORDS
#else
#define LOCAL_WORDS (STAGES * STAGE_BYTES / 4)
#endif

// The place of a chunk in rows of `bytes` bytes: 8 rows of a chunk fill the 8 banks of 16 bytes.
#define PLACE(bytes, row, chunk)                                                                   \
  ((row) * (bytes) + (((chunk) ^ ((bytes) == 64   ? (row) >> 1 & 3                                 \
                                  : (bytes) == 32 ? (row) >> 2 & 1                                 \
                                                  : 0))                                            \
                      << 4))

// Chunks that an item copies.
#define X_COPIES ((128 * X_CHUNKS + 255) / 256)
#define W_COPIES ((128 * W_CHUNKS + 255) / 256)

// Codes of part `part` of a word in bytes; and weights in the top bits of theirs.
#define X_PART(word, part) ((word) >> (XBITS * (part)) & (0x01010101u * ((1u << XBITS) - 1u)))
#define W_PART(word, part)                                                                         \
  ((word) << (8 - WBITS * ((part) + 1)) & (0x01010101u * (256u - (1u << (8 - WBITS)))))

// The fragments of x of four tiles of 16 pixels for 32 of the 64 bytes of a step.
LB_FUNCTION void load_x(uint a[4][4], const shared_t memory, const uint stage, const uint firstRow,
                        const uint lane, const uint slice) {
#if defined(BITWISE) || XBITS == 8
#pragma unroll
  for (uint i = 0; i < 4; i++) {
    const uint row = firstRow + i * 16 + (lane & 15);
    LOAD_MATRICES(a[i], memory, stage + PLACE(64, row, slice * 2 + (lane >> 4)));
  }
#elif XBITS == 4
#pragma unroll
  for (uint i = 0; i < 4; i += 2) {
    // Rows 0 to 7 and 8 to 15 of this tile and of the next.
    uint r[4];
    const uint row = firstRow + i * 16 + lane;
    LOAD_MATRICES(r, memory, stage + PLACE(32, row, slice));
#pragma unroll
    for (uint m = 0; m < 4; m++) {
      a[i + (m >> 1)][m & 1] = X_PART(r[m], 0);
      a[i + (m >> 1)][2 + (m & 1)] = X_PART(r[m], 1);
    }
  }
#else
#pragma unroll
  for (uint i = 0; i < 4; i += 2) {
    uint r[4];
    LOAD_MATRICES(r, memory, stage + PLACE(16, firstRow + i * 16 + lane, 0));
#pragma unroll
    for (uint m = 0; m < 4; m++) {
      a[i + (m >> 1)][m & 1] = X_PART(r[m], 2 * slice);
      a[i + (m >> 1)][2 + (m & 1)] = X_PART(r[m], 2 * slice + 1);
    }
  }
#endif
}

// The fragments of the weights of four tiles of 8 filters.
LB_FUNCTION void load_weights(uint b[4][2], const shared_t memory, const uint stage,
                              const uint firstRow, const uint lane, const uint slice) {
#if defined(BITWISE) || WBITS == 8
#pragma unroll
  for (uint j = 0; j < 4; j += 2) {
    uint r[4];
    const uint row = firstRow + j * 8 + (lane & 7) + (lane >> 4 << 3);
    LOAD_MATRICES(r, memory, stage + PLACE(64, row, slice * 2 + (lane >> 3 & 1)));
    b[j][0] = r[0];
    b[j][1] = r[1];
    b[j + 1][0] = r[2];
    b[j + 1][1] = r[3];
  }
#else
  uint r[4];
#if WBITS == 4
  LOAD_MATRICES(r, memory, stage + PLACE(32, firstRow + lane, slice));
  const uint part = 0;
#else
  LOAD_MATRICES(r, memory, stage + PLACE(16, firstRow + lane, 0));
  const uint part = 2 * slice;
#endif
#pragma unroll
  for (uint j = 0; j < 4; j++) {
    b[j][0] = W_PART(r[j], part);
    b[j][1] = W_PART(r[j], part + 1);
  }
#endif
}

// Starts the copies of a step, of which there are as many as g says in every pass.
LB_FUNCTION void copy_step(__constant Problem *g, __global const int4 *units,
                           __global const uint *x, __global const uint *weights,
                           const Window windows[X_COPIES], const shared_t memory, const uint stage,
                           const int step, const int item) {
  const int4 unit = units[step % g->steps * X_CHUNKS + item % X_CHUNKS];
  __global const uint *const border = (__global const uint *)(units + g->steps * X_CHUNKS);
#pragma unroll
  for (int l = 0; l < X_COPIES; l++) {
    const int row = item / X_CHUNKS + l * (256 / X_CHUNKS);
    if (row >= 128) continue;
    const bool isInside = (uint)(windows[l].y + unit.y) < (uint)g->inputY &&
                          (uint)(windows[l].x + unit.z) < (uint)g->inputX;
    COPY_16(memory + (stage + PLACE(X_BYTES, row, item % X_CHUNKS)),
            (__global const uint4 *)(isInside ? x + windows[l].base + unit.x : border));
  }
#pragma unroll
  for (int l = 0; l < W_COPIES; l++) {
    const int row = item / W_CHUNKS + l * (256 / W_CHUNKS), chunk = item % W_CHUNKS;
    if (row >= 128) continue;
    COPY_16(memory + (stage + 128 * X_BYTES + PLACE(W_BYTES, row, chunk)),
            (__global const uint4 *)(weights + (row * (PASSES * g->steps) + step) * (W_BYTES / 4) +
                                     chunk * 4));
  }
}

#ifdef BITWISE
#define PRODUCT(sum) ((int)((uint)(sum)*STRIDE))
#else
#define PRODUCT(sum) ((sum) >> (8 - WBITS))
#endif

// Work-items: 256 for 128 pixels, 128 filters, groups.
__kernel __attribute__((reqd_work_group_size(256, 1, 1))) WARP_ATTRIBUTES void
convolve_packed_warp(__constant Problem *g, __global const int4 *restrict units,
                     __global const uint *restrict x, const uint border,
                     __global const uint *restrict weights, RESULT_PARAMETERS) {
  __local uint4 buffers[LOCAL_WORDS / 4];
  const shared_t memory = SHARED(buffers);
  const int item = get_local_id(0), group = get_group_id(2);
  const uint lane = item & 31, warp = item >> 5;
  const uint firstRow = (warp >> 2) * 64, firstColumn = (warp & 3) * 32;
  const int firstPixel = get_group_id(0) * 128, firstFilter = get_group_id(1) * 128;

  Window windows[X_COPIES];
#pragma unroll
  for (int l = 0; l < X_COPIES; l++)
    windows[l] = window_of(g, group, firstPixel + item / X_CHUNKS + l * (256 / X_CHUNKS));
  const int steps = PASSES * g->steps;
  weights += (size_t)(group * g->rows + firstFilter) * steps * (W_BYTES / 4);

  int sums[4][4][4];
  UNROLL_WARP
  for (int i = 0; i < 4; i++) UNROLL_WARP
  for (int j = 0; j < 4; j++) UNROLL_WARP
  for (int k = 0; k < 4; k++) sums[i][j][k] = 0;

  UNROLL_WARP
  for (int step = 0; step < STAGES - 1; step++) {
    if (step < steps)
      copy_step(g, units, x, weights, windows, memory, step * STAGE_BYTES, step, item);
    COMMIT_COPIES;
  }
  uint stage = 0, nextStage = (STAGES - 1) * STAGE_BYTES;
  for (int step = 0; step < steps; step++) {
    WAIT_COPIES(1);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (step + STAGES - 1 < steps)
      copy_step(g, units, x, weights, windows, memory, nextStage, step + STAGES - 1, item);
    COMMIT_COPIES;
#ifdef BITWISE
    if (PASSES > 1 && step > 0 && step % g->steps == 0 && (SHIFTS >> (step / g->steps - 1) & 1)) {
      UNROLL_WARP
      for (int i = 0; i < 4; i++) UNROLL_WARP
      for (int j = 0; j < 4; j++) UNROLL_WARP
      for (int k = 0; k < 4; k++) sums[i][j][k] <<= 1;
    }
#endif
    UNROLL_WARP
    for (uint slice = 0; slice < 2; slice++) {
      uint a[4][4], b[4][2];
      load_x(a, memory, stage, firstRow, lane, slice);
      load_weights(b, memory, stage + 128 * X_BYTES, firstColumn, lane, slice);
      UNROLL_WARP
      for (int i = 0; i < 4; i++) UNROLL_WARP
      for (int j = 0; j < 4; j++) MULTIPLY_MATRICES(sums[i][j], a[i], b[j][0], b[j][1]);
    }
    stage = stage == (STAGES - 1) * STAGE_BYTES ? 0 : stage + STAGE_BYTES;
    nextStage = nextStage == (STAGES - 1) * STAGE_BYTES ? 0 : nextStage + STAGE_BYTES;
  }
  // The codes take the place of the tiles.
  WAIT_COPIES(0);
  barrier(CLK_LOCAL_MEM_FENCE);

  UNROLL_WARP
  for (int j = 0; j < 4; j++) UNROLL_WARP
  for (int odd = 0; odd < 2; odd++) {
    const int filter = firstColumn + j * 8 + (lane & 3) * 2 + odd;
    const FilterResult f = filter_result(g, group, firstFilter + filter, rows, bias, hasBias,
                                         multiplier, multiplierStep, shift, shiftStep);
    UNROLL_WARP
    for (int i = 0; i < 8; i++) {
      const int pixel = firstRow + i * 8 + (lane >> 2);
      const int sum = filter_sum(g, &f, PRODUCT(sums[i >> 1][j][(i & 1) * 2 + odd]), group,
                                 firstPixel + pixel, inputZeroPoint, inputSums);
#ifdef SUMS
      put_sum(g, &f, sum, firstPixel + pixel, y);
#else
      put_code((__local uint *)buffers, &f, sum, pixel, filter, codes);
#endif
    }
  }
#ifndef SUMS
  barrier(CLK_LOCAL_MEM_FENCE);
  write_codes(g, (__local uint *)buffers, item, group, firstPixel, firstFilter, y, codes, other,
              otherCodes, scales);
#endif
}
