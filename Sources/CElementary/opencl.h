// Makes the text of Kernels/prelude readable as C: OpenCL's names for float32 built-ins and types.
// The element-wise builtins never set errno, so loops over them become vectors.
#pragma once

#pragma STDC FP_CONTRACT OFF

typedef unsigned int uint;
typedef unsigned long ulong;
_Static_assert(sizeof(ulong) == 8, "OpenCL's ulong has 64 bits");

#define fma(a, b, c) __builtin_elementwise_fma((float)(a), (float)(b), (float)(c))
#define rint(x) __builtin_elementwise_rint((float)(x))
#define floor(x) __builtin_elementwise_floor((float)(x))
#define ceil(x) __builtin_elementwise_ceil((float)(x))
#define sqrt(x) __builtin_elementwise_sqrt((float)(x))
#define fabs(x) __builtin_fabsf(x)
#define as_int(x) lb_bits_as(int, x)
#define as_float(x) lb_bits_as(float, x)
#define lb_bits_as(type, x)                                                                        \
  ({                                                                                               \
    __auto_type lb_from = (x);                                                                     \
    type lb_to;                                                                                    \
    _Static_assert(sizeof lb_from == sizeof lb_to, "same size");                                   \
    __builtin_memcpy(&lb_to, &lb_from, sizeof lb_to);                                              \
    lb_to;                                                                                         \
  })

#define LB_FUNCTION static inline __attribute__((always_inline, unused))
#define LB_CONSTANT static const
#define LB_EXACT_DIVISION

#include "../../Kernels/prelude/divide.cl"
#include "../../Kernels/prelude/elementary.cl"
#include "../../Kernels/prelude/activations.cl"
