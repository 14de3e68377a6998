// Makes a table of every row and searches it.
//
// A group takes one row after the other, so that its scratch memory stays in the cache:
//
//   contents          [groups][2 * BINS]        number of values (high half) and sum of their
//                                               distances from the nearer border (low half), in
//                                               ticks
//   counts, excesses  [groups][2][BINS + 1]
//   results           [rows][8]                 see put_result

#define BUFFER 512

// The extrema of the finite values and zero, and the number of finite values.
LB_INLINE void find_range(__global const float *restrict row, uint count, float *lowest,
                          float *highest, uint *finite) {
  float16 low = 0.0f, high = 0.0f;
  int16 others = 0;
  const uint whole = WORK_ITEMS == 1 ? count / 16 * 16 : 0;
  for (uint i = 0; i < whole; i += 16) {
    const float16 x = vload16(0, row + i);
    const int16 is_other = (as_int16(x) & 0x7fffffff) >= 0x7f800000;
    const float16 value = select(x, (float16)(0.0f), is_other);
    low = fmin(low, value);
    high = fmax(high, value);
    others -= is_other;
  }
  float8 l8 = fmin(low.lo, low.hi), h8 = fmax(high.lo, high.hi);
  float4 l4 = fmin(l8.lo, l8.hi), h4 = fmax(h8.lo, h8.hi);
  float l = fmin(fmin(l4.x, l4.y), fmin(l4.z, l4.w)), h = fmax(fmax(h4.x, h4.y), fmax(h4.z, h4.w));
  int8 o8 = others.lo + others.hi;
  int4 o4 = o8.lo + o8.hi;
  uint o = (uint)(o4.x + o4.y + o4.z + o4.w);
  uint seen = whole;
  for (uint i = whole + get_local_id(0); i < count; i += WORK_ITEMS) {
    const float x = row[i];
    ++seen;
    if ((as_int(x) & 0x7fffffff) >= 0x7f800000) {
      ++o;
    } else {
      l = fmin(l, x);
      h = fmax(h, x);
    }
  }
  *lowest = l;
  *highest = h;
  *finite = seen - o;
}

// Adds the values of a row to the bins; returns the sum of the squared ticks in two parts, low and
// high halves summed apart.
LB_INLINE ulong2 fill(__global ulong *restrict contents, __global const float *restrict row,
                      uint count, float ticks_per_unit, int tick_bits) {
  const uint mask = (1u << tick_bits) - 1;
  ulong low = 0, high = 0;
#if WORK_ITEMS == 1
  uint ticks[BUFFER], positions[BUFFER], ones[BUFFER];
  for (uint start = 0; start < count; start += BUFFER) {
    const uint length = min((uint)BUFFER, count - start);
    __global const float *restrict values = row + start;
    for (uint i = 0; i < length; ++i) {
      const uint bits = as_uint(values[i]), magnitude = bits & 0x7fffffffu;
      const bool is_counted = magnitude != 0 && magnitude < 0x7f800000u;
      const uint t = convert_uint_rtz(as_float(is_counted ? magnitude : 0u) * ticks_per_unit);
      ticks[i] = t & mask;
      ones[i] = is_counted;
      positions[i] = (t >> tick_bits) + (bits >> 31 ? BINS : 0);
      const ulong square = (ulong)t * t;
      low += square & 0xffffffffu;
      high += square >> 32;
    }
    for (uint i = 0; i < length; ++i) contents[positions[i]] += (ulong)ones[i] << 32 | ticks[i];
  }
#else
  for (uint i = get_local_id(0); i < count; i += WORK_ITEMS) {
    const uint bits = as_uint(row[i]), magnitude = bits & 0x7fffffffu;
    if (magnitude == 0 || magnitude >= 0x7f800000u) continue;
    const uint t = convert_uint_rtz(as_float(magnitude) * ticks_per_unit);
    // Little endian: the low half comes first. Neither half overflows into the other.
    volatile __global uint *bin =
        (volatile __global uint *)(contents + (t >> tick_bits) + (bits >> 31 ? BINS : 0));
    atomic_add(bin, t & mask);
    atomic_inc(bin + 1);
    const ulong square = (ulong)t * t;
    low += square & 0xffffffffu;
    high += square >> 32;
  }
#endif
  return (ulong2)(low, high);
}

// Continues the sums of a table from the entry `to` down to `from`; the sums at `to` come in, those
// at `from` go out.
LB_INLINE void sum_down(__global const ulong *restrict contents, __global uint *restrict counts,
                        __global long *restrict excesses, int from, int to, int tick_bits,
                        bool stores, uint *count, long *excess) {
  uint n = *count;
  long sum = *excess;
  for (int bin = to - 1; bin >= from; --bin) {
    const ulong content = contents[bin];
    sum += ((long)n << tick_bits) + (long)(content & 0xffffffffu);
    n += (uint)(content >> 32);
    if (stores) {
      counts[bin] = n;
      excesses[bin] = sum;
    }
  }
  *count = n;
  *excess = sum;
}

// Sums the bins of one side from the far end.
LB_INLINE void sum_side(__global const ulong *restrict contents, __global uint *restrict counts,
                        __global long *restrict excesses, int tick_bits, SHARED uint *local_counts,
                        SHARED long *local_excesses) {
  const int item = (int)get_local_id(0);
  const int length = BINS / WORK_ITEMS;
  uint count = 0;
  long excess = 0;
#if WORK_ITEMS > 1
  // Every work-item sums its bins alone, then with what lies beyond them.
  sum_down(contents, counts, excesses, item * length, (item + 1) * length, tick_bits, false, &count,
           &excess);
  local_counts[item] = count;
  local_excesses[item] = excess;
  SYNCHRONIZE;
  count = 0;
  excess = 0;
  for (int other = WORK_ITEMS - 1; other > item; --other) {
    excess += ((long)count * length << tick_bits) + local_excesses[other];
    count += local_counts[other];
  }
#endif
  sum_down(contents, counts, excesses, item * length, (item + 1) * length, tick_bits, true, &count,
           &excess);
  if (item == 0) {
    counts[BINS] = 0;
    excesses[BINS] = 0;
  }
  SYNCHRONIZE;
}

// Bits of a bin that ticks may resolve, so that neither a bin's low half nor a sum overflows;
// `length` is not 0. As ExcessTable.mostTickBits.
LB_INLINE int most_tick_bits(uint length) {
  const int length_bits = 32 - (int)clz(length);
  const int bin_bits = 31 - (int)clz((uint)BINS), level_bits = 32 - (int)clz((uint)(LEVELS - 1));
  return min(min(12, 62 - length_bits - bin_bits - level_bits), 32 - length_bits);
}

// places: where a row begins and its length
__kernel GROUP void
search_rows(__global const float *restrict x, __global const uint2 *restrict places,
            __global ulong *restrict all_contents, __global uint *restrict all_counts,
            __global long *restrict all_excesses, __global ulong *restrict results, uint rows) {
  SHARED bracket_state state;
  SHARED uint counts_of[WORK_ITEMS];
  SHARED long excesses_of[WORK_ITEMS];
  SHARED ulong2 squares_of[WORK_ITEMS];
#if WORK_ITEMS > 1
  __local float lows[WORK_ITEMS], highs[WORK_ITEMS];
#endif
  const uint item = get_local_id(0), group = get_group_id(0);
  __global ulong *contents = all_contents + (ulong)group * 2 * BINS;
  __global uint *counts = all_counts + (ulong)group * 2 * ENTRIES;
  __global long *excesses = all_excesses + (ulong)group * 2 * ENTRIES;
  for (uint index = group; index < rows; index += get_num_groups(0)) {
    __global const float *row = x + places[index].x;
    const uint length = places[index].y;
    float low, high;
    uint finite;
    find_range(row, length, &low, &high, &finite);
    for (uint i = item; i < 2 * BINS; i += WORK_ITEMS) contents[i] = 0;
#if WORK_ITEMS > 1
    lows[item] = low;
    highs[item] = high;
    counts_of[item] = finite;
    SYNCHRONIZE;
    finite = 0;
    for (uint other = 0; other < WORK_ITEMS; ++other) {
      low = fmin(low, lows[other]);
      high = fmax(high, highs[other]);
      finite += counts_of[other];
    }
#endif
    scale_grid grid;
    const bool is_found = make_grid(-low, high, &grid);
    ulong squares_low = 0, squares_high = 0;
    if (is_found) {  // the same for all work-items
      const int exponent = (int)(as_uint(fmax(-low, high)) >> 23) - 127;
      const int width = exponent + 1 - (31 - (int)clz((uint)BINS));
      const int threshold_bits = width - grid.exponent + 1;
      const int tick_bits = max(min(most_tick_bits(length), threshold_bits), 0);
      const float per_unit = as_float((uint)(tick_bits - width + 127) << 23);
      squares_of[item] = fill(contents, row, length, per_unit, tick_bits);
      SYNCHRONIZE;
      for (int side = 0; side < 2; ++side)
        sum_side(contents + side * BINS, counts + side * ENTRIES, excesses + side * ENTRIES,
                 tick_bits, counts_of, excesses_of);
      const excess_table table = {counts, excesses, threshold_bits, tick_bits};
      search_brackets(table, grid, &state);
      ulong2 sum = 0;
      for (uint other = 0; other < WORK_ITEMS; ++other) sum += squares_of[other];
      squares_low = sum.x + (sum.y << 32);
      squares_high = (sum.y >> 32) + (squares_low < sum.x);
    }
    if (item == 0)
      put_result(results, index, state.best, squares_high, squares_low, low, high, finite,
                 is_found);
    SYNCHRONIZE;
  }
}
