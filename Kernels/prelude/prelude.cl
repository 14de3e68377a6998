// Opens every program: exact arithmetic, one way of rounding.
#pragma OPENCL FP_CONTRACT OFF
