#pragma once
#include <stddef.h>
#pragma clang assume_nonnull begin

/// A list of layers: its name and the text of its file.
typedef struct {
  const char *name;
  const char *text;
} cs_list;

/// The embedded lists and how many there are.
const cs_list *cs_lists(size_t *count);

#pragma clang assume_nonnull end
