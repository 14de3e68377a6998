// The one list of shape files: an #embed and a row for each.
#include "CShapes.h"

static const char resnet_18[] = {
#embed "resnet-18.txt" suffix(, 0)
};
static const char resnet_50[] = {
#embed "resnet-50.txt" suffix(, 0)
};
static const char mobilenet_v2[] = {
#embed "mobilenet-v2.txt" suffix(, 0)
};
static const char super_resolution[] = {
#embed "super-resolution.txt" suffix(, 0)
};
static const char gemm[] = {
#embed "gemm.txt" suffix(, 0)
};

static const cs_list lists[] = {
    {"resnet-18", resnet_18},
    {"resnet-50", resnet_50},
    {"mobilenet-v2", mobilenet_v2},
    {"super-resolution", super_resolution},
    {"gemm", gemm},
};

const cs_list *cs_lists(size_t *count) {
  *count = sizeof lists / sizeof lists[0];
  return lists;
}
