#ifndef COPENCL_SHIM_H
#define COPENCL_SHIM_H
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <dlfcn.h>
#endif
