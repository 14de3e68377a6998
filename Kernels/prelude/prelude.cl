// Opens every program: exact arithmetic, one way of rounding.
#pragma OPENCL FP_CONTRACT OFF

#define LB_FUNCTION static inline __attribute__((unused))
#define LB_CONSTANT __constant

// Work over `count` independent elements. A CPU's work-item is a loop over ITEMS neighbours, which
// the driver's compiler turns into vectors, in a group of its own; a GPU's is one element.
//
//   __kernel LB_GROUP void f(..., const uint count) {
//     FOR_EACH_ITEM(i, count) to[i] = ...;
//   }
//
// `OpenCLBackend.launchItems` knows the same numbers.
#ifdef CPU
#define LB_GROUP __attribute__((reqd_work_group_size(1, 1, 1)))
#define LB_ITEMS 8192u
#define FOR_EACH_ITEM(i, count)                                                                    \
  const uint lb_first = (uint)get_global_id(0) * LB_ITEMS;                                         \
  const uint lb_last = min(lb_first + LB_ITEMS, count);                                            \
  for (uint i = lb_first; i < lb_last; i++)
#else
#define LB_GROUP
#define LB_ITEMS 1u
#define FOR_EACH_ITEM(i, count)                                                                    \
  const uint i = (uint)get_global_id(0);                                                           \
  if (i < count)
#endif
