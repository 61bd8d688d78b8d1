// The kernels for processors with matrix tiles (AMX): AVX-512 throughout, and bfloat16 attention on the tiles.
#define ISA isa_amx
#define COLDFRAME_VNNI
#include "adamw.h"
#include "attention.h"
#include "attention_amx.h"
#include "cross_entropy.h"
#include "decode.h"
#include "gelu.h"
#include "minhash.h"
#include "norm.h"
#include "step.h"

extern const Table table_amx = {
    "amx", ISA::cross_entropy, ISA::attention_forward_amx, ISA::attention_backward_amx,
    ISA::norm_forward, ISA::norm_backward, ISA::gated_forward, ISA::gated_backward,
    ISA::minhash, ISA::multiply, ISA::decode, ISA::adamw, ISA::squares,
    ISA::step, ISA::step_bytes,
    ISA::gelu_forward, ISA::gelu_backward, ISA::fold,
};
