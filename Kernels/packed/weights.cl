// Weights in the order of the products, less their zero points, and what is known of each filter.
//
// CODE: the type of an element of the weights. BITS < 8: codes are packed low bits first, every
// filter beginning at a whole byte; SIGNED_CODES: they are signed. ZERO_POINT: the type of zero
// points, which the filters share in turn. FACTOR: the type in which a difference is stored; GROUP:
// factors of a filter that lie together: 4 bytes for `vpdpbusd` and `vpmaddubsw`, 2 for `vpmaddwd`,
// 1 for products in plain C.
#if !defined(CODE) || !defined(ZERO_POINT) || !defined(FACTOR) || !defined(GROUP)
#error "CODE, ZERO_POINT, FACTOR, GROUP"
#endif
#ifndef BITS
#define BITS 8
#endif

LB_FUNCTION int code_at(__global const CODE *codes, int row, int length, int k) {
#if BITS == 8
  return (int)codes[(long)row * length + k];
#else
  const long bytes = (length * BITS + 7) / 8;
  const int code =
      ((int)(uchar)codes[row * bytes + k * BITS / 8] >> (k * BITS % 8)) & ((1 << BITS) - 1);
#ifdef SIGNED_CODES
  return code >= 1 << (BITS - 1) ? code - (1 << BITS) : code;
#else
  return code;
#endif
#endif
}

// Where factor k of a block's filter f lies.
LB_FUNCTION int factor_place(int k, int f) {
#if GROUP == 2
  return (k / 4 * 4 + f / 8) * 32 + k % 2 * 16 + f % 8 * 2 + k % 4 / 2;
#else
  return (k / GROUP * BLOCK + f) * GROUP + k % GROUP;
#endif
}

#if GROUP == 4
// The two products of codes up to 1 that `vpmaddubsw` adds in a word, where they have the sign of
// the largest or the smallest sum: `side` is 0 or 1 for one pair of bytes, 2 or 3 for the other.
LB_FUNCTION int side_sum(__global const FACTOR *factors, int word, int f, int side) {
  const int place = factor_place(4 * word + side / 2 * 2, f), sign = side % 2 == 0 ? 1 : -1;
  return max(sign * factors[place], 0) + max(sign * factors[place + 1], 0);
}

// The most words one after the other whose products by filter f, added in 16 bits, stay in them,
// whatever the codes up to `largest` and wherever the words begin; all where `largest` is 0.
LB_FUNCTION int safe_run(__global const FACTOR *factors, int words, int f, int largest) {
  int run = words;
  for (int side = 0; side < 4 && largest > 0; ++side) {
    int first = 0, sum = 0;
    for (int word = 0; word < words; ++word) {
      sum += side_sum(factors, word, f, side);
      for (; sum * largest > 32767; ++first) {
        run = min(run, word - first);
        sum -= side_sum(factors, first, f, side);
      }
    }
  }
  return run;
}
#endif

// Work-items: blocks, groups. `facts`: [2][filters of all groups, filled up to blocks]: the sum of
// a filter's factors, and for how many words sums of products with codes up to `largest` stay
// right: none where a factor does not fit a byte. Where factors are no bytes, the second is unused.
__kernel LB_GROUP void pack_weights(__global const CODE *codes,
                                    __global const ZERO_POINT *zero_points, int zero_point_count,
                                    __global FACTOR *factors, __global int *facts, int largest,
                                    __constant Geometry *g) {
  const int block = get_global_id(0), group = get_global_id(1);
  const int taps = g->kernel_height * g->kernel_width;
  const int place = group * g->blocks + block;
  __global FACTOR *to = factors + (long)place * taps * g->tap * BLOCK;
  for (int f = 0; f < BLOCK; ++f) {
    const int filter = block * BLOCK + f, row = group * g->filters + filter;
    const bool exists = filter < g->filters;
    const int zero = exists && zero_point_count > 0 ? (int)zero_points[row % zero_point_count] : 0;
    int sum = 0, misfits = 0;
    for (int tap = 0; tap < taps; ++tap) {
      for (int c = 0; c < g->tap; ++c) {
        const int k = tap * g->tap + c;
        const int factor = exists && c < g->channels
                               ? code_at(codes, row, g->channels * taps, c * taps + tap) - zero
                               : 0;
        to[factor_place(k, f)] = (FACTOR)factor;
        sum += factor;
        misfits |= factor < -128 || factor > 127;
      }
    }
    facts[place * BLOCK + f] = sum;
    int run = !misfits;
#if GROUP == 4
    if (run) run = safe_run(to, taps * g->tap / 4, f, largest);
#endif
    facts[(g->groups * g->blocks + place) * BLOCK + f] = run;
  }
}

// The same for convolutions of every channel with a filter of its own, as `depthwise.cl` reads
// them: [taps][filters, filled up to blocks]. Work-items: blocks.
__kernel LB_GROUP void pack_depthwise(__global const CODE *codes,
                                      __global const ZERO_POINT *zero_points, int zero_point_count,
                                      __global FACTOR *factors, __global int *facts,
                                      __constant Geometry *g) {
  const int taps = g->kernel_height * g->kernel_width, count = g->blocks * BLOCK;
  for (int f = 0; f < BLOCK; ++f) {
    const int row = (int)get_global_id(0) * BLOCK + f;
    const bool exists = row < g->filters;
    const int zero = exists && zero_point_count > 0 ? (int)zero_points[row % zero_point_count] : 0;
    int sum = 0;
    for (int tap = 0; tap < taps; ++tap) {
      const int factor = exists ? code_at(codes, row, taps, tap) - zero : 0;
      factors[tap * count + row] = (FACTOR)factor;
      sum += factor;
    }
    facts[row] = sum;
  }
}

#if GROUP == 4
// Weights of 3 x 3 taps for `winograd.cl`: [blocks][16][tap / 4][32 filters][4], four times what
// they are at each position. Work-items: blocks. `facts` has four more rows: what the sums of each
// pixel of 2 x 2 have too much of, because the data's differences are offset.
__kernel LB_GROUP void pack_winograd(__global const CODE *codes,
                                     __global const ZERO_POINT *zero_points, int zero_point_count,
                                     __global char *factors, __global int *facts, int offset,
                                     int largest, __constant Geometry *g) {
  const int block = get_global_id(0), places = g->blocks * BLOCK;
  const long position_bytes = (long)g->tap * BLOCK;
  __global char *to = factors + block * 16 * position_bytes;
  for (int f = 0; f < BLOCK; ++f) {
    const int row = block * BLOCK + f;
    const bool exists = row < g->filters;
    const int zero = exists && zero_point_count > 0 ? (int)zero_points[row % zero_point_count] : 0;
    int sums[16], all = 0, misfits = 0;
    for (int i = 0; i < 16; ++i) sums[i] = 0;
    for (int c = 0; c < g->tap; ++c) {
      int w[9], half_way[12];
      for (int tap = 0; tap < 9; ++tap) {
        w[tap] = exists && c < g->channels
                     ? code_at(codes, row, g->channels * 9, c * 9 + tap) - zero
                     : 0;
        all += w[tap];
      }
      for (int x = 0; x < 3; ++x) {
        half_way[x] = 2 * w[x];
        half_way[3 + x] = w[x] + w[3 + x] + w[6 + x];
        half_way[6 + x] = w[x] - w[3 + x] + w[6 + x];
        half_way[9 + x] = 2 * w[6 + x];
      }
      for (int i = 0; i < 16; ++i) {
        const int *r = half_way + i / 4 * 3;
        const int column = i % 4;
        const int u = column == 0   ? 2 * r[0]
                      : column == 1 ? r[0] + r[1] + r[2]
                      : column == 2 ? r[0] - r[1] + r[2]
                                    : 2 * r[2];
        to[i * position_bytes + factor_place(c, f)] = (char)u;
        sums[i] += i == 5 ? 0 : offset * u;
        misfits |= u < -128 || u > 127;
      }
    }
    facts[row] = all;
    int run = misfits ? 0 : g->tap / 4;
    for (int i = 0; i < 16 && run > 0; ++i)
      run = min(run, safe_run(to + i * position_bytes, g->tap / 4, f, largest));
    facts[places + row] = run;
    for (int y = 0; y < 2; ++y) {
      int r[4];
      for (int x = 0; x < 4; ++x)
        r[x] =
            y == 0 ? sums[x] + sums[4 + x] + sums[8 + x] : sums[4 + x] - sums[8 + x] - sums[12 + x];
      facts[(2 + 2 * y) * places + row] = r[0] + r[1] + r[2];
      facts[(3 + 2 * y) * places + row] = r[1] - r[2] - r[3];
    }
  }
}
#endif

// The parameters of an epilogue, as `epilogue.cl` reads them. Work-items: filters of all groups,
// filled up to blocks. A step is 0 where all filters have the first number.
__kernel LB_GROUP void fold_parameters(__global const int *facts, __global const int *biases,
                                       int has_bias, __global const int *multipliers,
                                       int multiplier_step, __global const int *shifts,
                                       int shift_step, __global int *table,
                                       __constant Geometry *g) {
  const int place = get_global_id(0), count = g->groups * g->blocks * BLOCK;
  const int filter = place % (g->blocks * BLOCK);
  const bool exists = filter < g->filters;
  const int row = exists ? place / (g->blocks * BLOCK) * g->filters + filter : 0;
  const uint bias = exists && has_bias ? (uint)biases[row] : 0u;
  // Codes are multiplied with their zero point in them: the same for every pixel, as borders have
  // it.
  table[place] = (int)(bias - (uint)g->x_zero * (uint)facts[place]);
  table[count + place] = multipliers[row * multiplier_step];
  table[2 * count + place] = shifts[row * shift_step];
}
