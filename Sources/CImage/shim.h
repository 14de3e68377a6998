#ifndef CIMAGE_SHIM_H
#define CIMAGE_SHIM_H
#include <stdio.h>
#include <jpeglib.h>
#include <png.h>
#include <zlib.h>
#endif
