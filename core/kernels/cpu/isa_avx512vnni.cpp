// The kernels for one instruction set; build.py compiles this file with that set's flags.
#define ISA isa_avx512vnni
#define COLDFRAME_VNNI
#include "adamw.h"
#include "attention.h"
#include "cross_entropy.h"
#include "decode.h"
#include "gelu.h"
#include "minhash.h"
#include "norm.h"
#include "step.h"

extern const Table table_avx512vnni = {
    "avx512vnni", ISA::cross_entropy, ISA::attention_forward, ISA::attention_backward,
    ISA::norm_forward, ISA::norm_backward, ISA::gated_forward, ISA::gated_backward,
    ISA::minhash, ISA::multiply, ISA::decode, ISA::adamw, ISA::squares,
    ISA::step, ISA::step_bytes,
    ISA::gelu_forward, ISA::gelu_backward, ISA::fold,
};
