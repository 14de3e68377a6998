// What becomes of a sum: an output.
//
//   (nothing defined)   total + bias, an element of which every row has    float
//   CODES               total                                              int
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

#if defined(CODES)
#define RESULT_TYPE(n) PASTE(int, n)
#else
#define RESULT_TYPE(n) PASTE(float, n)
#endif
typedef RESULT_TYPE() result_t;

// What a kernel needs for it. A pointer that is not needed may point anywhere.
#define RESULT_PARAMETERS                                                                          \
  __global result_t *restrict y, __global const float *restrict bias, const int hasBias

// The output of row `row` for the total `total`, where `n` is the vector length of both or empty.
#if defined(CODES)
#define RESULT(n, total, row) PASTE(as_int, n)(total)
#else
#define RESULT(n, total, row) (hasBias ? (total) + bias[row] : (total))
#endif
