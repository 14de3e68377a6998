// y[o][j] = the reduction of x[o][i][j] over i, in order: x is [outer, extent, inner]. Where inner
// is 1, x can be [extent / period, outer, period] too, of which the first and the last axis are
// reduced together.
//
// Sums have the canonical order (`CanonicalSum` in Swift): blocks of 512 elements, each added from
// 0, the block sums added to 0. Several outputs are computed side by side, so that the additions of
// one need not wait for those of another.
//
// T: element type. INITIAL, COMBINE in terms of r and v, FINISH in terms of r and extent. BLOCKED:
// whether COMBINE is a sum with blocks. ROWS: whether inner is 1.
#if !defined(T) || !defined(INITIAL) || !defined(COMBINE) || !defined(FINISH)
#error "T, INITIAL, COMBINE, FINISH"
#endif
#if !defined(BLOCKED) || !defined(ROWS)
#error "BLOCKED, ROWS"
#endif

#ifdef CPU
#define LANES (ROWS ? 8u : 64u)
#else
#define LANES 1u
#endif

__kernel LB_GROUP void reduce(__global const T *restrict x, __global T *restrict y,
                              const uint outer, const uint extent, const uint inner,
                              const uint period) {
  // A work-item's outputs are neighbours: of one row of inner, or along outer where inner is 1.
  const uint across = ROWS ? outer : inner;
  const uint tiles = (across + LANES - 1u) / LANES;
  const uint item = (uint)get_global_id(0);
  const uint o = item / tiles;
  const uint first = (item - o * tiles) * LANES;
  if (o >= (ROWS ? 1u : outer)) return;
  const uint width = min(LANES, across - first);
  const uint lane_stride = ROWS ? period : 1u;
  const uint step = ROWS ? 1u : inner;
  // From the end of a period to the beginning of the next.
  const size_t gap = ROWS ? (size_t)(outer - 1u) * period : 0;
  __global const T *restrict all =
      x + (ROWS ? (size_t)first * period : (size_t)o * extent * inner + first);
  __global T *restrict to = y + (ROWS ? (size_t)first : (size_t)o * inner + first);

  T totals[LANES];
  for (uint j = 0; j < width; j++) totals[j] = INITIAL;
  const uint block = BLOCKED ? 512u : max(extent, 1u);
  for (uint start = 0; start < extent; start += block) {
    const uint end = min(start + block, extent);
    T results[LANES];
    for (uint j = 0; j < LANES; j++) results[j] = INITIAL;
    for (uint i = start, stop; i < end; i = stop) {
      const uint periods = period < extent ? i / period : 0u;
      stop = period < extent ? min(end, (periods + 1u) * period) : end;
      __global const T *restrict from = all + periods * gap;
      if (width == LANES) {
        for (uint k = i; k < stop; k++) {
          for (uint j = 0; j < LANES; j++) {
            const T v = from[(size_t)k * step + (size_t)j * lane_stride];
            const T r = results[j];
            results[j] = COMBINE;
          }
        }
      } else {
        for (uint k = i; k < stop; k++) {
          for (uint j = 0; j < width; j++) {
            const T v = from[(size_t)k * step + (size_t)j * lane_stride];
            const T r = results[j];
            results[j] = COMBINE;
          }
        }
      }
    }
    for (uint j = 0; j < width; j++) totals[j] = BLOCKED ? totals[j] + results[j] : results[j];
  }
  for (uint j = 0; j < width; j++) {
    const T r = totals[j];
    to[j] = FINISH;
  }
}
