// The vectors that kernels for processors compute with: VECTOR floats.
#ifndef VECTOR
#error "VECTOR: floats in a vector of the machine, 4, 8 or 16"
#endif

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define floatv JOIN(float, VECTOR)
#define intv JOIN(int, VECTOR)
#define vloadv JOIN(vload, VECTOR)
#define vstorev JOIN(vstore, VECTOR)
#define convert_floatv JOIN(convert_float, VECTOR)
#define convert_intv JOIN(convert_int, VECTOR)

#if VECTOR == 16
#define LANE_NUMBERS ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#elif VECTOR == 8
#define LANE_NUMBERS ((int8)(0, 1, 2, 3, 4, 5, 6, 7))
#else
#define LANE_NUMBERS ((int4)(0, 1, 2, 3))
#endif

// Products that are added into one partial sum; CanonicalProduct.blockLength.
#define BLOCK 256

// With CODES, factors are codes less their zero points: at most 255 in magnitude, so that a partial
// sum of 256 products is exact in float. Totals are then 32-bit integers that wrap.
#ifdef CODES
typedef uint total_t;
#define totalv JOIN(uint, VECTOR)
#define TO_TOTAL(sum) JOIN(as_uint, VECTOR)(convert_intv(sum))
#else
typedef float total_t;
#define totalv floatv
#define TO_TOTAL(sum) (sum)
#endif
