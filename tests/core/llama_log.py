"""Run as a program: loads a model with llama.cpp and prints the buffer sizes it logs, as JSON."""

import ctypes
import json
import re
import sys

BUFFER = re.compile(r"(\S+) +(model|KV|compute|RS|output) buffer size = +([\d.]+) MiB")
KV_TYPES = {"f16": 1, "q8_0": 8, "q4_0": 2}


def main() -> None:
    """Load `argv[1]` with context `argv[2]` and KV type `argv[3]`."""
    import llama_cpp as lcp

    lines: list[str] = []

    @lcp.llama_log_callback
    def log(level: int, text: bytes, data: ctypes.c_void_p) -> None:
        lines.append(text.decode("utf-8", "replace"))

    lcp.llama_log_set(log, ctypes.c_void_p(0))
    lcp.llama_backend_init()
    model_params = lcp.llama_model_default_params()
    model_params.n_gpu_layers = 0
    model = lcp.llama_model_load_from_file(sys.argv[1].encode(), model_params)
    params = lcp.llama_context_default_params()
    params.n_ctx = int(sys.argv[2])
    params.n_batch = 512
    params.n_ubatch = 128
    params.n_outputs_max = 1
    params.swa_full = False
    params.type_k = params.type_v = KV_TYPES[sys.argv[3]]
    params.flash_attn_type = int(sys.argv[4]) if len(sys.argv) > 4 else -1
    context = lcp.llama_init_from_model(model, params) if model else None
    text = "".join(lines)
    found = [
        {"buffer": name, "kind": kind, "bytes": round(float(mib) * 1024 * 1024)}
        for name, kind, mib in BUFFER.findall(text)
    ]
    log_end = "" if context else text[-2000:]
    sys.stdout.write(json.dumps({"buffers": found, "failed": context is None, "log": log_end}))


if __name__ == "__main__":
    main()
