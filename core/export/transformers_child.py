"""Plain transformers' generate in a process of its own, as a rival to measure against.

Run as ``python -m core.export.transformers_child WEIGHTS CONFIG THREADS`` (safetensors in transformers' names, and the
arguments of a LlamaConfig as JSON). It says which arithmetic it took; then, for each line ``PROMPT COUNT`` on standard
input, it prints the seconds that ``generate`` took for COUNT new tokens after PROMPT tokens.
"""

import json
import sys
import time

import torch
import transformers
from safetensors.torch import load_file


def main() -> None:
    """Serve lines until standard input ends."""
    weights, config, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**json.loads(config))).eval()
    missing, unexpected = model.load_state_dict(load_file(weights), strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    trials = {}
    for kind in (torch.float32, torch.bfloat16):
        model = model.to(kind)
        _seconds(model, 8, 4)
        trials[kind] = _seconds(model, 8, 8)
    fastest = min(trials, key=trials.get)
    model = model.to(fastest)  # speed does not depend on the digits that bfloat16 took away
    print(str(fastest).removeprefix("torch."), flush=True)
    for line in sys.stdin:
        print(_seconds(model, *map(int, line.split())), flush=True)


@torch.inference_mode()
def _seconds(model, prompt: int, count: int) -> float:
    """Of ``count`` greedy tokens; what reading the prompt takes is measured too and taken off."""
    ids = torch.arange(1, prompt + 1)[None]

    def run(tokens: int) -> float:
        begin = time.perf_counter()
        model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=tokens,
                       min_new_tokens=tokens, pad_token_id=0)
        return time.perf_counter() - begin

    first = run(1)
    return run(count + 1) - first


if __name__ == "__main__":
    main()
