"""How a model is grown."""

from typing import Annotated, Literal

import msgspec

from core.errors import LabError
from core.spec.base import Spec, about
from core.spec.model import ModelSpec

ADAMW = "Loshchilov & Hutter 2019, arXiv:1711.05101; Brown et al. 2020, arXiv:2005.14165"


class TrainSpec(Spec):
    """One training run: data, shape, optimizer, schedule, and what to keep."""

    corpus: Annotated[str, about("Corpus", "The cleaned corpus to learn from.", picks="corpora")]
    tokenizer: Annotated[str, about("Tokenizer", "How the corpus is cut into tokens.", picks="tokenizers")]
    held_out_corpus: Annotated[str, about(
        "Held-out text of", "Another corpus whose held-out text the model is measured on: its held-out split, or all "
        "of it where nothing is held out. Empty = what the training corpus holds out.",
        picks="corpora", expert=True)] = ""
    model: Annotated[ModelSpec, about("Model", "The shape of the model.")] = msgspec.field(
        default_factory=ModelSpec)
    steps: Annotated[int, about(
        "Steps", "How many times the weights are updated.", low=1, high=100_000_000)] = 1000
    budget_s: Annotated[float, about(
        "Time budget", "If set, the number of steps is solved for from the first timed steps, so that training "
        "takes about this long; 'Steps' is then the most. 0 = no budget.",
        low=0.0, high=1e8, unit="s")] = 0.0
    batch_size: Annotated[int, about(
        "Batch", "Sequences per update.", low=1, high=1_000_000, unit="sequences")] = 16
    micro_batch: Annotated[int, about(
        "Micro-batch", "Sequences computed at once; the rest is accumulated. 0 = the whole batch.",
        low=0, high=1_000_000, unit="sequences", expert=True)] = 0
    learning_rate: Annotated[float, about(
        "Learning rate", "The largest step size, reached after the warm-up.", low=1e-8, high=10.0,
        source=ADAMW)] = 1e-3
    final_lr_ratio: Annotated[float, about(
        "Final rate", "The cosine ends at this share of the largest rate.", low=0.0, high=1.0, expert=True,
        source="Hoffmann et al. 2022, arXiv:2203.15556")] = 0.1
    warmup_steps: Annotated[int, about(
        "Warm-up", "Steps over which the rate rises in a straight line.", low=0, high=10_000_000, expert=True)] = 50
    beta1: Annotated[float, about("Beta 1", "Memory of the mean gradient.", low=0.0, high=0.9999, expert=True,
                                  source=ADAMW)] = 0.9
    beta2: Annotated[float, about("Beta 2", "Memory of the squared gradient.", low=0.0, high=0.99999, expert=True,
                                  source=ADAMW)] = 0.95
    eps: Annotated[float, about("Epsilon", "Keeps the division by the squared gradient safe.", low=1e-16, high=1.0,
                                expert=True, source=ADAMW)] = 1e-8
    weight_decay: Annotated[float, about(
        "Weight decay", "Pulls matrices (not norms or biases) towards zero.", low=0.0, high=10.0, expert=True,
        source=ADAMW)] = 0.1
    clip: Annotated[float, about(
        "Clip", "Longest gradient, by norm; 0 = no limit.", low=0.0, high=1e6, expert=True,
        source="Pascanu et al. 2013, arXiv:1211.5063")] = 1.0
    precision: Annotated[Literal["auto", "fp32", "bf16"], about(
        "Precision", "bf16 multiplies faster where the processor can; auto times both and takes the faster.",
        source="Micikevicius et al. 2018, arXiv:1710.03740")] = "auto"
    kernels: Annotated[Literal["auto", "torch", "ours"], about(
        "Kernels", "Whose arithmetic runs: auto times our own against torch and takes the faster.",
        expert=True)] = "auto"
    device: Annotated[Literal["auto", "cpu", "cuda"], about(
        "Device", "Where to compute; auto takes a GPU if there is one.", expert=True)] = "auto"
    threads: Annotated[int, about(
        "Threads", "Processor threads; 0 = all. A resume is exact for the same number.", low=0, high=1024,
        expert=True)] = 0
    validate_every: Annotated[int, about(
        "Validate every", "Steps between measurements on held-out text.", low=1, high=10_000_000, unit="steps")] = 100
    validation_tokens: Annotated[int, about(
        "Validation size", "Tokens of held-out text used for each measurement.", low=256, high=1 << 34,
        unit="tokens", expert=True)] = 32768
    checkpoint_every: Annotated[int, about(
        "Checkpoint every", "Steps between complete saves.", low=1, high=10_000_000, unit="steps")] = 200
    keep_checkpoints: Annotated[int, about(
        "Keep", "How many of the newest checkpoints stay; the best by validation stays too.",
        low=1, high=100_000, expert=True)] = 3
    sample_prompt: Annotated[str, about(
        "Sample prompt", "What the model is asked to continue at each checkpoint.")] = ""
    sample_tokens: Annotated[int, about(
        "Sample length", "Tokens drawn at each checkpoint; 0 = no samples.", low=0, high=4096, unit="tokens",
        expert=True)] = 64
    seed: Annotated[int, about("Seed", "Fixes initial weights and data order.", low=0, high=2**31)] = 0

    def __post_init__(self) -> None:
        if self.micro_batch and self.batch_size % self.micro_batch:
            raise LabError(
                "The batch of {batch_size} cannot be cut into micro-batches of {micro_batch}.", "",
                "Choose a micro-batch that divides the batch.",
                batch_size=self.batch_size, micro_batch=self.micro_batch)
