// DOT4(a, b, sum): sum plus the four products of the bytes of a, codes, by those of b, weights; the
// sum wraps.
//
//   (nothing defined)   OpenCL C 1.2                                       unsigned by signed
//   DOT_KHR             cl_khr_integer_dot_product (OpenCL C 3.0)          unsigned by signed
//   DOT_PTX             dp4a of NVIDIA's GPUs (compute capability 6.1)     unsigned by signed
//   DOT_AMD_MIXED       v_dot4_i32_iu8 of AMD's GPUs (gfx11)               unsigned by signed
//   DOT_AMD             v_dot4_i32_i8 of AMD's GPUs (gfx906 to gfx942)     signed by signed
//   DOT_ARM             cl_arm_integer_dot_product_accumulate_int8         signed by signed
//
// Where only signed bytes are multiplied, codes are put into tiles less 128: CODE_BYTES(codes). The
// host adds what that takes away (`TileWeights` in Swift).
#if defined(DOT_KHR)
#define DOT4(a, b, sum) ((int)((uint)(sum) + (uint)dot_4x8packed_us_int(a, b)))
#elif defined(DOT_PTX)
LB_FUNCTION int dot4(const uint a, const uint b, const int sum) {
  int result;
  __asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
#define DOT4(a, b, sum) dot4(a, b, sum)
#elif defined(DOT_AMD_MIXED)
#define DOT4(a, b, sum) __builtin_amdgcn_sudot4(false, (int)(a), true, (int)(b), sum, false)
#elif defined(DOT_AMD)
#define SIGNED_CODES
#define DOT4(a, b, sum) __builtin_amdgcn_sdot4((int)(a), (int)(b), sum, false)
#elif defined(DOT_ARM)
#pragma OPENCL EXTENSION cl_arm_integer_dot_product_accumulate_int8 : enable
#define SIGNED_CODES
#define DOT4(a, b, sum) arm_dot_acc(as_char4(a), as_char4(b), sum)
#else
LB_FUNCTION int dot4(const uint a, const uint b, const int sum) {
  const int4 products = convert_int4(as_uchar4(a)) * convert_int4(as_char4(b));
  return (int)((uint)sum + (uint)((products.x + products.y) + (products.z + products.w)));
}
#define DOT4(a, b, sum) dot4(a, b, sum)
#define PORTABLE_DOT
#endif

#ifdef SIGNED_CODES
#define CODE_BYTES(codes) ((codes) ^ 0x80808080u)
#else
#define CODE_BYTES(codes) (codes)
#endif
