#ifndef COPENCL_SHIM_H
#define COPENCL_SHIM_H
#define CL_TARGET_OPENCL_VERSION 300
// clCreateCommandQueue is the one spelling that every version from 1.0 to 3.0 has; a 1.2 driver
// behind a newer loader has no clCreateCommandQueueWithProperties.
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <dlfcn.h>

/* Every entry point that OpenCLHost calls, once. */
// clang-format off
#define OPENCL_FUNCTIONS(X)                                                      \
  X(clGetPlatformIDs) X(clGetPlatformInfo) X(clGetDeviceIDs) X(clGetDeviceInfo)  \
  X(clCreateContext) X(clReleaseContext)                                         \
  X(clCreateCommandQueue) X(clReleaseCommandQueue) X(clFlush) X(clFinish)        \
  X(clCreateBuffer) X(clReleaseMemObject) X(clSetMemObjectDestructorCallback)    \
  X(clEnqueueReadBuffer) X(clEnqueueWriteBuffer) X(clEnqueueCopyBuffer)          \
  X(clEnqueueFillBuffer) X(clEnqueueMapBuffer) X(clEnqueueUnmapMemObject)        \
  X(clCreateProgramWithSource) X(clCreateProgramWithBinary) X(clBuildProgram)    \
  X(clGetProgramInfo) X(clGetProgramBuildInfo) X(clReleaseProgram)               \
  X(clCreateKernel) X(clSetKernelArg) X(clGetKernelInfo)                         \
  X(clGetKernelWorkGroupInfo) X(clReleaseKernel) X(clEnqueueNDRangeKernel)       \
  X(clWaitForEvents) X(clGetEventInfo) X(clGetEventProfilingInfo)                \
  X(clReleaseEvent)

typedef struct {
#define X(name) __typeof__(&name) _Nonnull name;
  OPENCL_FUNCTIONS(X)
#undef X
} opencl_api;

/* Fills `api` from the library at `path`. 0, or -1 with `*error` saying why. The library stays
   open for the life of the process: drivers do not survive being unloaded. */
static inline int opencl_load(opencl_api *_Nonnull api, const char *_Nonnull path,
                              const char *_Nullable *_Nonnull error) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return *error = dlerror(), -1;
#define X(name)                                                                  \
  if (!(api->name = (__typeof__(&name))dlsym(library, #name)))                   \
    return *error = dlerror(), -1;
  OPENCL_FUNCTIONS(X)
#undef X
  return 0;
}
// clang-format on
#endif
