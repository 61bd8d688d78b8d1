"""What all tests share: no display, no network, few threads, and nobody's own settings."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

# Before Qt or torch is imported: tests draw offscreen, stay offline, and leave the processor to their workers.
SETTINGS = Path(tempfile.mkdtemp(prefix="coldframe-tests-"))
atexit.register(shutil.rmtree, SETTINGS, ignore_errors=True)
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.update(
    HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", GGML_NO_BACKTRACE="1",
    COLDFRAME_SETTINGS=str(SETTINGS / "settings.ini"),
)  # fmt: skip

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # so that the tests also run without an installation
    sys.path.insert(0, str(ROOT))
