"""How a model is grown."""

from typing import Annotated, Literal

import msgspec

from core.errors import LabError
from core.spec.base import Spec, about
from core.spec.guard import GuardSpec
from core.spec.mesh import MeshSpec
from core.spec.mesh_checks import check_mesh
from core.spec.model import ModelSpec
from core.spec.retention import RetentionSpec

ADAMW = "Loshchilov & Hutter 2019, arXiv:1711.05101; Brown et al. 2020, arXiv:2005.14165"
# What the fields for experts are folded under.
BATCHES, CHANGES = "Batches", "Optimizer and schedule"
ARITHMETIC, MEASURING = "Arithmetic and memory", "Measuring and saving"


class TrainSpec(Spec):
    """One training run: data, shape, optimizer, schedule, and what to keep."""

    corpus: Annotated[str, about("Corpus", "The cleaned corpus to learn from.", picks="corpora")]
    tokenizer: Annotated[str, about("Tokenizer", "How the corpus is cut into tokens.", picks="tokenizers")]
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
        "Micro-batch", "Sequences computed at once; the rest is accumulated. 0 = as many as fit into the "
        "free memory, the whole batch if it does.",
        low=0, high=1_000_000, unit="sequences", group=BATCHES)] = 0
    batch_ramp_from: Annotated[int, about(
        "Batch at first", "The batch grows from this to its full size in a straight line; 0 = full from the start.",
        low=0, high=1_000_000, unit="sequences", group=BATCHES,
        source="Brown et al. 2020, GPT-3, arXiv:2005.14165, appendix B")] = 0
    batch_ramp_steps: Annotated[int, about(
        "Batch ramp", "Steps over which the batch grows; 0 = it does not.", low=0, high=10_000_000, unit="steps",
        group=BATCHES, source="Brown et al. 2020, GPT-3, arXiv:2005.14165, appendix B")] = 0
    optimizer: Annotated[Literal["adamw", "adafactor", "muon", "lion", "sgd"], about(
        "Optimizer", "How gradients become changes of the weights. AdamW is the usual choice; Muon turns the step of "
        "each matrix into its nearest orthogonal one and leaves vectors, embeddings and the head to AdamW; Adafactor "
        "keeps row and column sums instead of a second moment; Lion takes signs and wants a rate 3 to 10 times "
        "smaller; SGD is the plain step with momentum and wants a much larger one.",
        source="Loshchilov & Hutter 2019, arXiv:1711.05101; Jordan et al. 2024, Muon; Liu et al. 2025, "
        "arXiv:2502.16982; Shazeer & Stern 2018, arXiv:1804.04235; Chen et al. 2023, arXiv:2302.06675")] = "adamw"
    learning_rate: Annotated[float, about(
        "Learning rate", "The largest step size, reached after the warm-up.", low=1e-8, high=10.0,
        source=ADAMW)] = 1e-3
    schedule: Annotated[Literal["cosine", "linear", "constant", "inverse_sqrt", "wsd"], about(
        "Schedule", "How the rate goes on after the warm-up: down a cosine or a straight line to its end, constant, "
        "with the inverse square root of the step, or constant and down at the end (warm-up, stable, decay).",
        source="Loshchilov & Hutter 2017, arXiv:1608.03983; Vaswani et al. 2017, arXiv:1706.03762; Hu et al. 2024, "
        "MiniCPM, arXiv:2404.06395; Hagele et al. 2024, arXiv:2405.18392")] = "cosine"
    final_lr_ratio: Annotated[float, about(
        "Final rate", "The schedule ends at this share of the largest rate.", low=0.0, high=1.0, group=CHANGES,
        source="Hoffmann et al. 2022, arXiv:2203.15556", when="schedule=cosine|linear|wsd")] = 0.1
    decay_share: Annotated[float, about(
        "Decay", "The share of all steps over which the rate goes down at the end.", low=0.0, high=1.0, group=CHANGES,
        source="Hu et al. 2024, MiniCPM, arXiv:2404.06395", when="schedule=wsd")] = 0.1
    warmup_steps: Annotated[int, about(
        "Warm-up", "Steps over which the rate rises in a straight line.", low=0, high=10_000_000, unit="steps",
        group=CHANGES, source="Goyal et al. 2017, arXiv:1706.02677")] = 50
    beta1: Annotated[float, about("Beta 1", "Memory of the mean gradient.", low=0.0, high=0.9999, group=CHANGES,
                                  source=ADAMW, when="optimizer=adamw|muon|lion")] = 0.9
    beta2: Annotated[float, about(
        "Beta 2", "Memory of the squared gradient (of Lion: of the mean gradient).", low=0.0, high=0.99999,
        group=CHANGES, source=ADAMW, when="optimizer=adamw|muon|lion")] = 0.95
    momentum: Annotated[float, about(
        "Momentum", "Memory of the steps before.", low=0.0, high=0.9999, group=CHANGES,
        source="Sutskever et al. 2013; Jordan et al. 2024, Muon", when="optimizer=muon|sgd")] = 0.95
    eps: Annotated[float, about("Epsilon", "Keeps the division by the squared gradient safe.", low=1e-16, high=10.0,
                                group=CHANGES, source=ADAMW, when="optimizer=adamw|muon")] = 1e-8
    weight_decay: Annotated[float, about(
        "Weight decay", "Pulls matrices (not norms or biases) towards zero.", low=0.0, high=10.0, group=CHANGES,
        source=ADAMW)] = 0.1
    clip: Annotated[float, about(
        "Clip", "Longest gradient, by norm; 0 = no limit.", low=0.0, high=1e6, group=CHANGES,
        source="Pascanu et al. 2013, arXiv:1211.5063")] = 1.0
    embedding_grad_share: Annotated[float, about(
        "Embedding gradient", "The share of its gradient that the embedding receives; less than 1 calms early "
        "training.", low=0.0, high=1.0, group=CHANGES, source="Zeng et al. 2022, GLM-130B, arXiv:2210.02414")] = 1.0
    ema_decay: Annotated[float, about(
        "Weight average", "Memory of a moving average of the weights, which is measured and kept beside them "
        "(0.999 averages about the last thousand steps); 0 = none.", low=0.0, high=0.999999, group=CHANGES,
        source="Polyak & Juditsky 1992, SIAM J. Control Optim. 30")] = 0.0
    recompute: Annotated[Literal["auto", "on", "off"], about(
        "Recompute", "Keep only each block's input and compute the rest again for the backward pass: less memory, "
        "a third more work. Auto does it when the run would not fit otherwise.", group=ARITHMETIC,
        source="Chen et al. 2016, arXiv:1604.06174")] = "auto"
    precision: Annotated[Literal["auto", "fp32", "bf16", "bf16_weights", "fp16"], about(
        "Precision", "bf16 multiplies faster where the processor can; auto times what this machine offers and takes "
        "the fastest. bf16_weights computes with matrices in bf16 beside a float32 master copy, which is what is "
        "saved; fp16 scales the loss so that small gradients survive.",
        source="Micikevicius et al. 2018, arXiv:1710.03740; Kalamkar et al. 2019, arXiv:1905.12322")] = "auto"
    kernels: Annotated[Literal["auto", "torch", "ours"], about(
        "Kernels", "Whose arithmetic runs: auto times our own against torch and takes the faster.",
        group=ARITHMETIC)] = "auto"
    device: Annotated[Literal["auto", "cpu", "cuda"], about(
        "Device", "Where to compute; auto takes a GPU if there is one.", group=ARITHMETIC)] = "auto"
    tf32: Annotated[bool, about(
        "TF32", "On a GPU, multiply float32 matrices with factors of 10 bits: several times faster, and less exact.",
        group=ARITHMETIC, source="Micikevicius et al. 2018, arXiv:1710.03740; NVIDIA A100 whitepaper 2020",
        when="precision=auto|fp32")] = False
    threads: Annotated[int, about(
        "Threads", "Processor threads; 0 = all. A resume is exact for the same number.", low=0, high=1024,
        group=ARITHMETIC)] = 0
    validate_every: Annotated[int, about(
        "Validate every", "Steps between measurements on held-out text.", low=1, high=10_000_000, unit="steps")] = 100
    held_out_corpus: Annotated[str, about(
        "Held-out text of", "Another corpus whose held-out text the model is measured on: its held-out split, or all "
        "of it where nothing is held out. Empty = what the training corpus holds out.",
        picks="corpora", group=MEASURING)] = ""
    validation_tokens: Annotated[int, about(
        "Validation size", "Tokens of held-out text used for each measurement.", low=256, high=1 << 34,
        unit="tokens", group=MEASURING)] = 32768
    checkpoint_every: Annotated[int, about(
        "Checkpoint every", "Steps between complete saves.", low=1, high=10_000_000, unit="steps")] = 200
    keep_checkpoints: Annotated[int, about(
        "Keep", "How many of the newest checkpoints stay; the best by validation stays too.",
        low=1, high=100_000, group=MEASURING)] = 3
    retention: Annotated[RetentionSpec, about(
        "Checkpoints that stay", "What is kept besides the newest.", expert=True)] = RetentionSpec()
    guard: Annotated[GuardSpec, about("Spikes", "What happens when the loss jumps.", expert=True)] = GuardSpec()
    patience: Annotated[int, about(
        "Patience", "The run ends early when so many measurements in a row bring no better validation loss; 0 = never.",
        low=0, high=100_000, unit="measurements", group=MEASURING, source="Prechelt 1998, Early Stopping")] = 0
    layers_every: Annotated[int, about(
        "Look inside every", "Steps between looks at gradients, weights and activations layer by layer; 0 = never.",
        low=0, high=10_000_000, unit="steps", group=MEASURING)] = 20
    mesh: Annotated[MeshSpec, about(
        "Devices", "How the run is laid out over several processes.", expert=True)] = MeshSpec()
    sample_prompt: Annotated[str, about(
        "Sample prompt", "What the model is asked to continue at each checkpoint.")] = ""
    sample_tokens: Annotated[int, about(
        "Sample length", "Tokens drawn at each checkpoint; 0 = no samples.", low=0, high=4096, unit="tokens",
        group=MEASURING)] = 64
    seed: Annotated[int, about("Seed", "Fixes initial weights and data order.", low=0, high=2**31)] = 0

    def __post_init__(self) -> None:
        if self.micro_batch and self.batch_size % self.micro_batch:
            raise LabError(
                "The batch of {batch_size} cannot be cut into micro-batches of {micro_batch}.", "",
                "Choose a micro-batch that divides the batch.",
                batch_size=self.batch_size, micro_batch=self.micro_batch)
        if self.batch_ramp_from > self.batch_size:
            raise LabError(
                "The batch cannot grow from {start} to {batch_size}.", "batch_ramp_from",
                "Choose a batch at first that is not larger than the batch.",
                start=self.batch_ramp_from, batch_size=self.batch_size)
        check_mesh(self)
