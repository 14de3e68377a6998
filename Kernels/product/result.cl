// What becomes of a sum: an output.
//
//   (nothing defined)   total + bias                                                    float
//   CODES               total                                                           int
//   CODES, REQUANTIZE   saturate(rint(float(total + bias) * multiplier) + zeroPoint)    REQUANTIZE
//
// The last is how ONNX Runtime requantizes; integers wrap. `bias` has an element a row;
// `multiplier` too, or (multiplierStep 0) one for all rows.
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

#if defined(REQUANTIZE)
#define RESULT_TYPE(n) PASTE(REQUANTIZE, n)
typedef int bias_t;
#elif defined(CODES)
#define RESULT_TYPE(n) PASTE(int, n)
typedef int bias_t;
#else
#define RESULT_TYPE(n) PASTE(float, n)
typedef float bias_t;
#endif
typedef RESULT_TYPE() result_t;

// What a kernel needs for it. A pointer that is not needed may point anywhere.
#define RESULT_PARAMETERS                                                                          \
  __global result_t *restrict y, __global const bias_t *restrict bias, const int hasBias,          \
      __global const float *restrict multiplier, const int multiplierStep,                         \
      __global const result_t *restrict zeroPoint

// The output of row `row` for the total `total`, where `n` is the vector length of both or empty.
#if defined(REQUANTIZE)
#define RESULT(n, total, row)                                                                      \
  PASTE(PASTE(PASTE(convert_, REQUANTIZE), n), _sat)                                               \
  (rint(PASTE(convert_float, n)(PASTE(as_int, n)((total) + (hasBias ? (uint)bias[row] : 0u))) *    \
        multiplier[(row)*multiplierStep]) +                                                        \
   (float)zeroPoint[0])
#elif defined(CODES)
#define RESULT(n, total, row) PASTE(as_int, n)(total)
#else
#define RESULT(n, total, row) (hasBias ? (total) + bias[row] : (total))
#endif
