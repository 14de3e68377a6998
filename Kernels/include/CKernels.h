#pragma once
#include <stddef.h>
#pragma clang assume_nonnull begin

/// One OpenCL C source: its path below `Kernels/` and its text.
typedef struct {
  const char *path;
  const char *text;
  size_t size;
} ck_source;

/// The embedded OpenCL C sources and how many there are.
const ck_source *ck_sources(size_t *count);

#pragma clang assume_nonnull end
