"""Run as a program: loads a model with llama.cpp and prints the buffer sizes it logs, as JSON."""

import ctypes
import json
import re
import sys

BUFFER = re.compile(r"(\S+) +(model|KV|compute|RS|output) buffer size = +([\d.]+) MiB")
KV_TYPES = {"f16": 1, "q8_0": 8, "q4_0": 2}
FLASH = {"auto": -1, "off": 0, "on": 1}


def main() -> None:
    """Load `argv[1]`, and set up a context for each pair of `argv[2:]`: `tokens,type,flash`."""
    import llama_cpp as lcp

    lines: list[str] = []

    @lcp.llama_log_callback
    def log(level: int, text: bytes, data: ctypes.c_void_p) -> None:
        lines.append(text.decode("utf-8", "replace"))

    def buffers() -> list[dict[str, object]]:
        text = "".join(lines)
        lines.clear()
        return [
            {"buffer": name, "kind": kind, "bytes": round(float(mib) * 1024 * 1024)}
            for name, kind, mib in BUFFER.findall(text)
        ]

    lcp.llama_log_set(log, ctypes.c_void_p(0))
    lcp.llama_backend_init()
    model_params = lcp.llama_model_default_params()
    model_params.n_gpu_layers = 0
    model = lcp.llama_model_load_from_file(sys.argv[1].encode(), model_params)
    if not model:
        sys.stdout.write(json.dumps({"failed": "".join(lines)[-2000:]}))
        return
    weights, contexts = buffers(), []
    for tokens, kv_type, flash in (wanted.split(",") for wanted in sys.argv[2:]):
        params = lcp.llama_context_default_params()
        params.n_ctx = int(tokens)
        params.n_batch = 512
        params.n_ubatch = 128
        params.n_outputs_max = 1
        params.swa_full = False
        params.type_k = params.type_v = KV_TYPES[kv_type]
        params.flash_attn_type = FLASH[flash]
        context = lcp.llama_init_from_model(model, params)
        if not context:
            sys.stdout.write(json.dumps({"failed": "".join(lines)[-2000:]}))
            return
        contexts.append(buffers())
        lcp.llama_free(context)
    sys.stdout.write(json.dumps({"failed": None, "weights": weights, "contexts": contexts}))


if __name__ == "__main__":
    main()
