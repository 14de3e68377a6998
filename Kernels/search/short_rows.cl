// Searches rows of few values, value by value; the specification is ShortRowSearch.
//
// Between two scales at which some value changes its code, the squared error is a parabola
//
//   E = (sum of x^2) - 2 s A + s^2 Q,   A = sum of |k x|,   Q = sum of k^2,   vertex at s = A / Q.
//
// A candidate is a scale just below such a change, or one of evenly spaced ones where there are too
// many changes, and stands for the vertex of its parabola. Magnitudes are in half steps of the
// grid: s is 2 * multiple.
//
//   results  [rows][8]  see put_result

#ifdef AFFINE
#define CODES (LEVELS - 1)
#else
#define CODES (LEVELS / 2)
#endif

typedef struct {
  long magnitudes[SHORT_ROW];
  int negative[SHORT_ROW];
  int count;
} short_row;

typedef struct {
  int zero_point;
  long products, squares;
} code_sums;

#ifdef AFFINE
LB_INLINE long row_excess(SHARED short_row *row, int negative, long threshold) {
  long sum = 0;
  for (int i = 0; i < row->count; ++i)
    if (row->negative[i] == negative) sum += max(row->magnitudes[i] - threshold, 0l);
  return sum;
}
#endif

LB_INLINE int best_zero_point(SHARED short_row *row, int multiple) {
#ifdef AFFINE
  int zero_point = 0, last = LEVELS - 1;
  while (zero_point < last) {
    const int middle = (zero_point + last) / 2;
    const long below = row_excess(row, 1, (2l * middle + 1) * multiple);
    const long above = row_excess(row, 0, (2l * (LEVELS - 2 - middle) + 1) * multiple);
    if (below > above)
      zero_point = middle + 1;
    else
      last = middle;
  }
  return zero_point;
#else
  return LEVELS / 2;
#endif
}

// floor((magnitude + multiple) / (2 * multiple)), or anything above LEVELS if it is above.
LB_INLINE int nearest_code(long magnitude, int multiple, float half_reciprocal) {
  const float estimate = (float)(magnitude + multiple) * half_reciprocal;
  int code = (int)fmin(estimate, (float)(LEVELS + 2));
  const long rest = magnitude + multiple - 2l * code * multiple;
  // The estimate is off by less than one.
  return code + (rest >= 2l * multiple) - (rest < 0);
}

LB_INLINE code_sums sums_of(SHARED short_row *row, int multiple) {
  code_sums sums = {best_zero_point(row, multiple), 0, 0};
  const float half_reciprocal = 0.5f / (float)multiple;
  for (int i = 0; i < row->count; ++i) {
    const int most = row->negative[i] ? sums.zero_point : LEVELS - 1 - sums.zero_point;
    const long code = min(nearest_code(row->magnitudes[i], multiple, half_reciprocal), most);
    sums.products += code * row->magnitudes[i];
    sums.squares += code * code;
  }
  return sums;
}

LB_INLINE candidate exact_candidate(SHARED short_row *row, int multiple) {
  const code_sums sums = sums_of(row, multiple);
  return (candidate){multiple, sums.zero_point,
                     (ulong)(sums.products - (long)multiple * sums.squares)};
}

LB_INLINE candidate vertex_candidate(SHARED short_row *row, scale_grid grid, int multiple) {
  const code_sums sums = sums_of(row, multiple);
  if (sums.squares == 0) return (candidate){multiple, sums.zero_point, 0};
  const int vertex =
      allowed(grid, (long)((ulong)(sums.products + sums.squares) / (ulong)(2 * sums.squares)));
#ifdef AFFINE
  return exact_candidate(row, vertex);
#else
  return (candidate){vertex, sums.zero_point,
                     (ulong)max(sums.products - (long)vertex * sums.squares, 0l)};
#endif
}

// Reads a row; returns false if it has no grid. All by the first work-item: rows are short.
LB_INLINE bool read_row(__global const float *values, uint length, SHARED short_row *row,
                        scale_grid *grid, ulong *squares_high, ulong *squares_low, float *lowest,
                        float *highest, uint *finite) {
  float low = 0.0f, high = 0.0f;
  *finite = 0;
  for (uint i = 0; i < length; ++i) {
    if ((as_uint(values[i]) & 0x7fffffffu) >= 0x7f800000u) continue;
    low = fmin(low, values[i]);
    high = fmax(high, values[i]);
    ++*finite;
  }
  *lowest = low;
  *highest = high;
  *squares_high = *squares_low = 0;
  row->count = (int)length;
  if (!make_grid(-low, high, grid)) return false;
  const float units_per_value = as_float((uint)(128 - grid->exponent) << 23);
  for (uint i = 0; i < length; ++i) {
    const uint magnitude = as_uint(values[i]) & 0x7fffffffu;
    const float scaled = magnitude < 0x7f800000u ? as_float(magnitude) * units_per_value : 0.0f;
    const ulong units = convert_ulong_rtz(scaled);
    row->magnitudes[i] = (long)units;
    row->negative[i] = as_uint(values[i]) >> 31;
    const ulong square = units * units;
    *squares_low += square;
    *squares_high += mul_hi(units, units) + (*squares_low < square);
  }
  return true;
}

// places: where a row begins and its length
__kernel GROUP void search_short_rows(__global const float *x, __global const uint2 *places,
                                      __global ulong *results, uint rows) {
  SHARED short_row row;
  SHARED scale_grid shared_grid;
  SHARED int is_found;
  SHARED candidate candidates[WORK_ITEMS];
  SHARED int indices[WORK_ITEMS];
  const int item = (int)get_local_id(0);
  for (uint index = get_group_id(0); index < rows; index += get_num_groups(0)) {
    const uint length = places[index].y;
    ulong squares_high, squares_low;
    float low, high;
    uint finite;
    if (item == 0) {
      scale_grid grid = {0, 0, 0, 0};  // as make_grid leaves it without a grid
      is_found = read_row(x + places[index].x, length, &row, &grid, &squares_high, &squares_low,
                          &low, &high, &finite);
      shared_grid = grid;
    }
    SYNCHRONIZE;
    candidate best = {1, 0, 0};
    if (is_found) {
      const scale_grid grid = shared_grid;
      const int events = (int)length * CODES;
      const bool is_event = events <= MOST_EVENTS;
      candidate found = {1, 0, 0};
      int found_index = INT_MAX;
      if (item == 0) {
        found = vertex_candidate(&row, grid, allowed(grid, grid.start));
        found_index = -1;
      }
      for (int point = item; point < (is_event ? events : DENSE_POINTS); point += WORK_ITEMS) {
        const long multiple = is_event ? (long)((ulong)max(row.magnitudes[point / CODES] - 1, 0l) /
                                                (ulong)(2 * (point % CODES) + 1))
                                       : (long)grid.start * (point + 1) / (DENSE_POINTS / 2);
        const candidate next = vertex_candidate(&row, grid, allowed(grid, multiple));
        if (is_better(next, found)) {
          found = next;
          found_index = point;
        }
      }
      candidates[item] = found;
      indices[item] = found_index;
      SYNCHRONIZE;
      if (item == 0) {
        for (int other = 1; other < WORK_ITEMS; ++other)
          if (is_better(candidates[other], found) ||
              (!is_better(found, candidates[other]) && indices[other] < found_index)) {
            found = candidates[other];
            found_index = indices[other];
          }
        best = exact_candidate(&row, allowed(grid, grid.start));
        for (int descent = 0; descent < DESCENTS; ++descent) {
          const candidate exact = exact_candidate(&row, found.multiple);
          if (is_better(exact, best)) best = exact;
          const candidate next = vertex_candidate(&row, grid, found.multiple);
          if (next.multiple == found.multiple) break;
          found = next;
        }
      }
    }
    if (item == 0)
      put_result(results, index, best, squares_high, squares_low, low, high, finite, is_found != 0);
    SYNCHRONIZE;
  }
}
