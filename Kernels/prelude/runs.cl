// A walk over a row-major result whose operands are read (or written) with strides: `DeviceRuns` in
// Swift. Axes over which every operand moves evenly have been merged; the last axis is the run.
//
// A kernel takes it in constant memory: drivers disagree about the size of structures that are
// passed by value.

typedef struct {
  int rank;  // number of merged axes, 1 to 8
  int extents[8];
  int strides[4][8];  // of every operand along every axis, in elements
  int bases[4];       // where every operand starts
} Runs;

// Offset of an operand for the result's element `position`.
LB_FUNCTION int lb_offset(__constant Runs *runs, int operand, uint position) {
  int offset = runs->bases[operand];
  for (int axis = runs->rank - 1; axis > 0; axis--) {
    const uint outer = position / (uint)runs->extents[axis];
    const int index = (int)(position - outer * (uint)runs->extents[axis]);
    offset += index * runs->strides[operand][axis];
    position = outer;
  }
  return offset + (int)position * runs->strides[operand][0];
}

// Calls BODY for every run of this work-item: `start` is the result's first element, `length` how
// many follow. Needs `count`.
#ifdef CPU
#define FOR_EACH_RUN(runs, start, length)                                                          \
  const uint lb_last = min(((uint)get_global_id(0) + 1u) * LB_ITEMS, count);                       \
  const uint lb_run = (uint)(runs)->extents[(runs)->rank - 1];                                     \
  for (uint start = (uint)get_global_id(0) * LB_ITEMS, length;                                     \
       start < lb_last && (length = min(lb_run - start % lb_run, lb_last - start)) != 0u;          \
       start += length)
#else
#define FOR_EACH_RUN(runs, start, length)                                                          \
  const uint start = (uint)get_global_id(0);                                                       \
  const uint length = 1u;                                                                          \
  if (start < count)
#endif
