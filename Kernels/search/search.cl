// The search for the scale and zero point of least squared error: what its kernels share.
//
// A group of WORK_ITEMS searches one distribution; every work-item evaluates candidates of its own.
// All decisions are comparisons of integers, so results do not depend on the device or on
// WORK_ITEMS; the specification is Quantization's QuantizerSearch, where the method is explained.
// In short, with excess(t) the sum of max(|x| - t, 0) over one side of zero, s the scale and t_j =
// (j + 1/2) s:
//
//   squared error = (sum of x^2) - 2 s * (sum over the borders in use of excess(t_j) on their side)
//
// so the best candidate has the largest multiple * excess_sum, where s is multiple * 2^exponent.
//
// LEVELS      number of codes
// AFFINE      defined if any zero point may be chosen; otherwise it is LEVELS / 2
// WORK_ITEMS  work-items of a group: 1 on CPU devices
// and the numbers of ProbePlan.swift.

#if !defined(LEVELS) || !defined(WORK_ITEMS) || !defined(FINE_POINTS)
#error "LEVELS, WORK_ITEMS and the numbers of the probe plan are needed"
#endif

#define LB_INLINE static inline __attribute__((unused))
#define GROUP __attribute__((reqd_work_group_size(WORK_ITEMS, 1, 1)))

// A single work-item waits for nobody and shares nothing; drivers that turn barriers into loops get
// none to turn.
#if WORK_ITEMS == 1
#define SYNCHRONIZE
#define SHARED
#else
#define SHARED __local
#define SYNCHRONIZE barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#endif

// The scales of a search: whole multiples of a step.
typedef struct {
  int exponent;  // the step is 2^exponent
  int start;     // the min-max scale
  int lowest, highest;
} scale_grid;

typedef struct {
  int multiple;
  int zero_point;
  ulong excess_sum;
} candidate;

LB_INLINE bool is_better(candidate a, candidate b) {
  const ulong a_high = mul_hi((ulong)a.multiple, a.excess_sum);
  const ulong b_high = mul_hi((ulong)b.multiple, b.excess_sum);
  const ulong a_low = (ulong)a.multiple * a.excess_sum, b_low = (ulong)b.multiple * b.excess_sum;
  return a_high > b_high || (a_high == b_high && a_low > b_low);
}

// Within the grid, and even above 2^24 so that the scale is a float.
LB_INLINE int allowed(scale_grid grid, long multiple) {
  const long within = clamp(multiple, (long)grid.lowest, (long)grid.highest);
  return (int)(within > 1 << 24 ? within & ~1l : within);
}

// The grid for values from -below to above; false if there is none: no values but zero, or a scale
// that no quantizer has. LB_DIVIDE is correctly rounded.
LB_INLINE bool make_grid(float below, float above, scale_grid *grid) {
#ifdef AFFINE
  const float scale = lb_divide(above * 0.5f + below * 0.5f, (float)(LEVELS - 1)) * 2.0f;
#else
  const int codes_below = LEVELS / 2, codes_above = LEVELS - 1 - codes_below;
  const float scale_below = lb_divide(below, (float)codes_below);
  const float scale_above = codes_above > 0 ? lb_divide(above, (float)codes_above) : 0.0f;
  float scale = fmax(scale_below, scale_above);
  if (!(scale > 0.0f)) scale = above;
#endif
  if (!(scale >= 0x1p-100f && scale <= 0x1p100f)) return false;
  grid->exponent = (int)(as_uint(scale) >> 23) - 150;
  grid->start = (int)((as_uint(scale) & 0x7fffffu) | 0x800000u);
  grid->lowest = grid->exponent >= -100 ? 1 : 1 << (-100 - grid->exponent);
  const int room = 100 - grid->exponent;
  grid->highest = max(grid->lowest, min(2 * grid->start, room < 26 ? 1 << room : INT_MAX));
  return true;
}

// Where a kernel leaves what it found about distribution `index`: eight words. Without a grid
// nothing was searched, `best` holds whatever was there, and zeros stand for it.
LB_INLINE void put_result(__global ulong *results, uint index, candidate best, ulong squares_high,
                          ulong squares_low, float lowest, float highest, ulong finite,
                          bool is_found) {
  __global ulong *result = results + (ulong)index * 8;
  result[0] = is_found ? (ulong)best.multiple : 0;
  result[1] = is_found ? (ulong)best.zero_point : 0;
  result[2] = is_found ? best.excess_sum : 0;
  result[3] = squares_high;
  result[4] = squares_low;
  result[5] = (ulong)as_uint(lowest) | (ulong)as_uint(highest) << 32;
  result[6] = finite;
  result[7] = is_found;
}
