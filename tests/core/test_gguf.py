"""The header of whole GGUF files: what it says, whoever wrote it."""

import os
import struct
import tracemalloc
from pathlib import Path

import gguf
import pytest

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.header import ArraySummary
from playground.core.gguf.reader import read_header
from tests.core.gguf_files import Dense, header_fields, patch, write_dense, write_model

TENSORS = {"token_embd.weight": ((64, 32), "F16"), "output_norm.weight": ((64,), "F32")}


def test_the_starter_models_header_is_what_the_reference_reader_says(starter_model: Path) -> None:
    header = read_header(starter_model)
    reference = gguf.GGUFReader(starter_model)
    assert header.data_offset == reference.data_offset
    expected = [
        (t.name, tuple(int(n) for n in t.shape), t.tensor_type.name, int(t.n_bytes))
        for t in reference.tensors
    ]
    read = [(t.name, t.shape, t.type.name, t.size_bytes) for t in header.tensors]
    assert read == expected
    assert [header.data_offset + t.offset for t in header.tensors] == [
        int(t.data_offset) for t in reference.tensors
    ]
    for key, field in reference.fields.items():
        if key.startswith("GGUF."):
            continue
        value = header.metadata[key]
        if field.types[0] is gguf.GGUFValueType.ARRAY:
            length = value.length if isinstance(value, ArraySummary) else len(value)
            assert length == len(field.data), key
        else:
            assert value == field.contents(), key


def test_the_starter_model_is_described_in_the_terms_people_know(starter_model: Path) -> None:
    header = read_header(starter_model)
    assert header.architecture == "llama"
    assert header.quantization == "Q4_1"
    assert header.context_length == 8192
    assert header.has_chat_template
    assert header.vocabulary_size == 49_152
    assert header.parameters == 134_515_008
    assert header.weights_bytes < header.file_size == starter_model.stat().st_size


@pytest.mark.parametrize("big_endian", [False, True])
def test_every_kind_of_value_is_read_in_both_byte_orders(tmp_path: Path, big_endian: bool) -> None:
    kinds = gguf.GGUFValueType
    values: dict[str, tuple[object, gguf.GGUFValueType]] = {
        "k.u8": (200, kinds.UINT8),
        "k.i8": (-100, kinds.INT8),
        "k.u16": (60_000, kinds.UINT16),
        "k.i16": (-30_000, kinds.INT16),
        "k.u32": (4_000_000_000, kinds.UINT32),
        "k.i32": (-2_000_000_000, kinds.INT32),
        "k.u64": (2**63 + 5, kinds.UINT64),
        "k.i64": (-(2**62), kinds.INT64),
        "k.f32": (0.5, kinds.FLOAT32),
        "k.f64": (0.1, kinds.FLOAT64),
        "k.bool": (True, kinds.BOOL),
        "k.text": ("größe 大", kinds.STRING),
    }
    arrays = {"k.heads": [4, 0, 4], "k.flags": [True, False], "k.words": ["a", "bc"]}
    path = write_model(
        tmp_path / "m.gguf", "llama", {**values, **arrays}, TENSORS, big_endian=big_endian
    )
    header = read_header(path)
    assert header.byte_order == ("big" if big_endian else "little")
    assert {key: header.metadata[key] for key in values} == {k: v for k, (v, _) in values.items()}
    assert header.metadata["k.heads"] == (4, 0, 4)
    assert header.metadata["k.flags"] == (True, False)
    assert header.metadata["k.words"] == ArraySummary(8, 2)
    assert [t.shape for t in header.tensors] == [(64, 32), (64,)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_version_2_files_are_read_in_both_byte_orders(tmp_path: Path, order: str) -> None:
    settings = {"k.heads": [4, 0, 4], "k.words": ["a"], "general.name": "Two"}
    path = write_model(tmp_path / "m.gguf", "llama", settings, TENSORS, big_endian=order == ">")
    as_3 = read_header(path)
    patch(path, 4, struct.pack(f"{order}I", 2))
    as_2 = read_header(path)
    assert (as_2.version, as_3.version) == (2, 3)
    assert (as_2.metadata, as_2.tensors) == (as_3.metadata, as_3.tensors)


def test_text_that_is_not_utf_8_is_shown_with_replacements(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.gguf", "llama", {"general.name": "abcd"}, TENSORS)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"abcd", b"a\xff\xfed"))
    assert read_header(path).name == "a\ufffd\ufffdd"


def test_an_unknown_file_type_is_named_by_the_tensors_that_take_most_room(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.gguf", "llama", Dense(kind="Q8_0"))
    assert read_header(path).quantization == "Q8_0"
    path = write_dense(tmp_path / "n.gguf", "llama", Dense(kind="Q8_0"), {"general.file_type": 15})
    assert read_header(path).quantization == "Q4_K_M"


def test_a_vocabulary_of_a_quarter_million_is_walked_without_being_kept(tmp_path: Path) -> None:
    words = [f"token-{index}" for index in range(262_144)]
    path = write_model(tmp_path / "m.gguf", "gemma3", {"tokenizer.ggml.tokens": words}, TENSORS)
    tracemalloc.start()
    header = read_header(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert header.vocabulary_size == 262_144
    assert peak < path.stat().st_size / 2 + (4 << 20)


def test_a_cut_off_download_says_how_much_of_it_is_here(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.gguf", "llama", Dense())
    whole = path.stat().st_size
    os.truncate(path, whole - 100)
    with pytest.raises(ModelFileInvalid) as caught:
        read_header(path)
    assert caught.value.message == (
        f"The file ends before its last tensor: {whole - 100:,} of {whole:,} bytes are here."
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"GGUF", "The file has only 4 bytes: it is no model."),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "pointer to a model"),
        (b"<!DOCTYPE html><html><body>sign in</body></html>", "web page"),
        (b"PK\x03\x04" + bytes(40), "ZIP archive"),
        (b"\x00" * 64, "not a GGUF model file"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "first version of GGUF"),
        (b"GGUF" + struct.pack("<IQQ", 9, 0, 0), "unknown version of GGUF (9)"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0), "claims 9,223,372,036,854,775,808 tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**64 - 1), "settings"),
    ],
)
def test_what_is_not_a_model_is_named_for_what_it_is(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFileInvalid) as caught:
        read_header(path)
    assert sentence in caught.value.message
    assert caught.value.hint


def test_a_setting_given_twice_is_refused_as_llama_cpp_refuses_it(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.gguf", "llama", {"k.aa": 1, "k.bb": 2}, TENSORS)
    path.write_bytes(path.read_bytes().replace(b"k.bb", b"k.aa"))
    with pytest.raises(ModelFileInvalid, match=r"sets “k\.aa” twice"):
        read_header(path)


def test_lists_within_lists_end_at_a_sane_depth(tmp_path: Path) -> None:
    nested = struct.pack("<IQ", 9, 1) * 10_000
    setting = struct.pack("<Q", 1) + b"k" + struct.pack("<I", 9) + nested
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + setting)
    with pytest.raises(ModelFileInvalid, match="lists within lists"):
        read_header(path)


def test_a_list_that_claims_to_be_endless_does_not_take_forever(tmp_path: Path) -> None:
    setting = struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 8, 2**40)
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + setting)
    os.truncate(path, 1 << 40)
    with pytest.raises(ModelFileInvalid, match="far too long"):
        read_header(path)


def test_texts_that_fill_the_disk_do_not_fill_the_memory(tmp_path: Path) -> None:
    length, count = 64 << 10, 2_000
    path = tmp_path / "m.gguf"
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, count))
        for index in range(count):
            key = f"k{index:04}".encode()
            file.write(struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, length))
            file.seek(length, os.SEEK_CUR)
        file.truncate()
    tracemalloc.start()
    with pytest.raises(ModelFileInvalid, match="more text than any model needs"):
        read_header(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size / 2


def test_lists_that_fill_the_disk_do_not_fill_the_memory(tmp_path: Path) -> None:
    # each is short enough to be kept, and takes eight times as much in memory
    length, count = 1_024, 20_000
    path = tmp_path / "m.gguf"
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, count))
        for index in range(count):
            key = f"k{index:05}".encode()
            file.write(struct.pack("<Q", len(key)) + key + struct.pack("<IIQ", 9, 0, length))
            file.write(bytes(length))
    tracemalloc.start()
    header = read_header(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size / 2 + (8 << 20)
    kinds = [type(value) for value in header.metadata.values()]
    assert kinds[0] is tuple
    assert kinds[-1] is ArraySummary


def test_a_hostile_name_cannot_steer_the_terminal_through_an_error(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.gguf", "llama", {"k.aaaa": 1}, TENSORS)
    path.write_bytes(path.read_bytes().replace(b"k.aaaa\x04", b"\x1b[2Jaa\x63"))
    with pytest.raises(ModelFileInvalid) as caught:
        read_header(path)
    assert caught.value.message.isprintable()


def test_a_pipe_is_refused_without_waiting_for_somebody_to_write(tmp_path: Path) -> None:
    path = tmp_path / "pipe.gguf"
    os.mkfifo(path)
    with pytest.raises(ModelFileInvalid, match="a device or a pipe"):
        read_header(path)


def test_folders_devices_and_missing_files_are_refused(tmp_path: Path) -> None:
    for path, sentence in [
        (tmp_path, "a folder"),
        (Path("/dev/zero"), "a device or a pipe"),
        (tmp_path / "gone.gguf", "gone"),
        (tmp_path / "with\0nul.gguf", "cannot be read"),
        (tmp_path / ("x" * 300 + ".gguf"), "cannot be read"),
    ]:
        with pytest.raises(ModelFileInvalid, match=sentence):
            read_header(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.gguf", "llama", {}, TENSORS)
    path.chmod(0)
    with pytest.raises(ModelFileInvalid, match="may not be read by you"):
        read_header(path)


@pytest.mark.parametrize("place", [64, 8_192])
def test_tensors_that_overlap_or_leave_gaps_are_refused(tmp_path: Path, place: int) -> None:
    path = write_model(tmp_path / "m.gguf", "llama", {}, TENSORS)
    fields, _ = header_fields(path)
    offset = next(f.offset for f in fields if f.what == "offset of output_norm.weight")
    patch(path, offset, struct.pack("<Q", place))
    with pytest.raises(ModelFileInvalid, match=r"“output_norm\.weight” is not where it should be"):
        read_header(path)
