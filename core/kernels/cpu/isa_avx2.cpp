// The kernels for one instruction set; build.py compiles this file with that set's flags.
#define ISA isa_avx2
#include "attention.h"
#include "cross_entropy.h"

extern const Table table_avx2 = {
    "avx2", ISA::cross_entropy, ISA::attention_forward, ISA::attention_backward,
};
