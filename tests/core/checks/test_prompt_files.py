"""Prompt sets as files: what is read, what is refused with its line, and the way there and back."""

import csv
import io
import json
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.checks.prompt_files import FileFormat, format_of, read_cases, write_cases
from playground.core.checks.reading import parts_of, read_check
from playground.core.errors import UsageError
from playground.core.expected import CheckKind
from playground.core.prompt_sets import Case, filled, new_case, new_set

CSV, JSONL, TEXT = FileFormat.CSV, FileFormat.JSONL, FileFormat.TEXT


def read(text, file_format=CSV, encoding="utf-8"):
    return read_cases(text.encode(encoding), file_format)


def asked(cases):
    return [(c.prompt, c.checks, c.tags, c.weight, c.system_prompt, c.variables) for c in cases]


def test_every_column_is_read():
    (case,) = read(
        "prompt,check,expected,check2,expected2,tags,weight,system,city\n"
        '"Capital of {{city}}?",contains,Paris,max_words,3,easy|geo,2,Be brief.,France\n'
    )
    assert case.checks == (read_check("contains", "Paris"), read_check("max_words", "3"))
    assert (case.tags, case.weight, case.system_prompt) == (("easy", "geo"), 2.0, "Be brief.")
    shown = filled(new_set("s"), case)
    assert shown.prompt == "Capital of France?"


@pytest.mark.parametrize("names", [("Question", "Answer"), ("message", "target")])
def test_question_and_answer_are_understood_where_nothing_is_called_prompt(names):
    asked, expected = names
    text = f"{asked},{expected}\nCapital of France?,Paris\n"
    line = json.dumps({asked: "Capital of France?", expected: "Paris"})
    for content, kind in ((text, FileFormat.CSV), (line, FileFormat.JSONL)):
        (case,) = read_cases(content.encode(), kind)
        assert case.prompt == "Capital of France?"
        assert case.checks == (read_check("contains", "Paris"),)
    (filled_in,) = read_cases(b"prompt,answer\nIs it {{answer}}?,Paris\n", FileFormat.CSV)
    assert filled_in.variables == (("answer", "Paris"),)
    assert not filled_in.checks


def test_only_the_prompt_is_needed_and_expected_alone_means_contains():
    one, two = read("prompt,expected\nHello,\nCapital of Italy?,Rome\n")
    assert one.checks == ()
    assert two.checks == (read_check("contains", "Rome"),)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(encoding, separator):
    text = separator.join(["Prompt", "Check", "Expected"]) + "\r\n"
    text += separator.join(["Größe?", "equals", '"a ""b"""']) + "\r\n\r\n"
    (case,) = read(text, encoding=encoding)
    assert case.prompt == "Größe?"
    assert case.checks == (read_check("equals", 'a "b"'),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prompt,check,expected,,,\na,contains,b,,,\n", ["b"]),
        (",prompt,expected\n0,a,b\n1,c,\n", ["b"]),
        ("\n\nprompt;expected\na;b\n", ["b"]),
        ("prompt,check,expected1\na,number,5\n", ["5"]),
        ("prompt,check,expected,check02,expected02\na,contains,b,contains,c\n", ["b", "c"]),
        ("prompt,expected\ra,b\r", ["b"]),
        (f"prompt,expected\n{'x' * 200_000},b\n", ["b"]),
    ],
)
def test_a_table_as_other_programs_write_it_is_read(text, expected):
    assert [check.expected for check in read(text)[0].checks] == expected


def test_a_weight_may_have_a_decimal_comma():
    assert read('prompt,weight\na,"2,5"\n')[0].weight == 2.5


def test_a_prompt_may_have_several_lines_and_later_lines_keep_their_number():
    with pytest.raises(UsageError, match="Line 5:"):
        read('prompt,check,expected\n"one\ntwo\nthree",,\nfour,regex,(\n')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("asked,check\nx,contains\n", "no column"),
        ("prompt,prompt\nx,y\n", "twice"),
        ("prompt,check,expected\nx,foo,y\n", "Line 2: “foo”"),
        ("prompt,expectd\nx,y\n", "Line 2: “expectd”"),
        ("prompt,weight\nx,0\n", "Line 2: “0”"),
        ("prompt,weight\nx,nan\n", "Line 2"),
        ("prompt,check\n,contains\n", "Line 2: There is no prompt"),
        ("prompt\nx,y\n", "Line 2 has 2 cells"),
        ('prompt\n"x\n', "Line 2 cannot be read"),
        ("prompt,check,expected,,\nx,contains,y,,z\n", "Line 2 has 5 cells, the first line 3"),
        ("prompt,,expected\nx,lost,y\n", "Line 2 has 3 cells"),
        ("prompt,check,check1\nx,json,json\n", "twice"),
        ("prompt,check,expected,w\n{{w}}?,regex,^{{w}}$,(\n", "Line 2: .*cannot be read"),
        ("prompt,check,expected,w\n{{w}}?,contains,{{w}},\n", "Line 2: .*needs a text"),
        ("prompt\n", "no prompts"),
        ("", "no column"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text, words):
    with pytest.raises(UsageError, match=words):
        read(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"prompt": "a"}\n{"prompt"\n', "Line 2 is not JSON"),
        ('{"prompt": "a"}\n[1]\n', "Line 2 is not a JSON object"),
        ('{"prompt": "a", "check": "number", "expected": "x"}\n', "Line 1: “x”"),
        ('{"prompt": {"a": 1}}\n', "Line 1: An object"),
        ('{"prompt": "a", "expected": ["b", "c"]}\n', "Line 1: “contains” expects one text"),
        ('{"prompt": "a", "check1": "json", "check": "json"}\n', "Line 1: “check” is there twice"),
        ("[" * 100_000 + "\n", "Line 1 is not JSON"),
    ],
)
def test_broken_jsonl_is_refused_with_its_line(text, words):
    with pytest.raises(UsageError, match=words):
        read(text, JSONL)


def test_jsonl_takes_values_as_they_are():
    one, two, three = read(
        '{"prompt": "a", "check": "number", "expected": 42, "tags": ["x", "y"], "weight": 2}\n'
        '{"prompt": "b", "check": "any_of", "expected": ["p|q", "r"]}\n'
        '{"prompt": "c", "check": "schema", "expected": {"type": "object"}}\n',
        JSONL,
    )
    assert one.checks == (read_check("number", "42"),)
    assert (one.tags, one.weight) == (("x", "y"), 2.0)
    assert two.checks == (read_check("any_of", r"p\|q|r"),)
    (folders,) = read('{"prompt": "a", "check": "any_of", "expected": ["C:\\\\", "/"]}', JSONL)
    assert parts_of(folders.checks[0]) == ("C:\\", "/")
    assert three.checks[0].kind is CheckKind.SCHEMA


def test_text_is_a_prompt_a_line():
    assert [case.prompt for case in read("one\n\n  two \r\nthree", TEXT)] == ["one", "two", "three"]


def test_a_file_that_is_no_text_is_refused():
    for content in (b"\x00\x01\x02\x03" * 9, b"GGUF\x03\x00\x00\x00"):
        with pytest.raises(UsageError, match="no text"):
            read_cases(content, TEXT)


@pytest.mark.parametrize(
    ("name", "found"),
    [("a.CSV", CSV), ("a.tsv", CSV), ("a.jsonl", JSONL), ("a.txt", TEXT), ("a", TEXT)],
)
def test_the_ending_tells_the_format(name, found):
    assert format_of(name) is found


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "'=1", "=HYPERLINK(1)"])
def test_no_spreadsheet_takes_a_cell_for_a_formula(cell):
    written = write_cases(new_set("s", (new_case(cell, (read_check("equals", cell),)),)), CSV)
    rows = list(csv.reader(io.StringIO(written)))[1:]
    assert all(not text.startswith(tuple("=+-@")) for row in rows for text in row)
    (case,) = read(written)
    assert (case.prompt, case.checks[0].expected) == (cell, cell)


NAMES = st.text(string.printable + "äß“”日本\u202e🎉", min_size=1, max_size=40).filter(
    lambda text: text.strip() == text and "{{" not in text and "\r" not in text
    and not any(ord(c) < 32 and c not in "\n\t" for c in text)
)  # fmt: skip
CASES = st.builds(
    lambda prompt, expected, tags, weight: Case(
        "i", prompt, (read_check("contains", expected),), tags=tags, weight=weight
    ),
    NAMES,
    NAMES,
    st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=5), max_size=3, unique=True).map(
        tuple
    ),
    st.floats(min_value=1e-6, max_value=1e9),
)


@pytest.mark.parametrize("file_format", [CSV, JSONL])
@given(cases=st.lists(CASES, min_size=1, max_size=4))
def test_what_is_written_is_read_again(file_format, cases):
    whole = new_set("s", tuple(cases))
    again = read_cases(write_cases(whole, file_format).encode(), file_format)
    assert asked(again) == asked(cases)


def test_the_sets_own_prompt_and_variables_go_along():
    case = replace(new_case("In {{city}}?"), variables=())
    whole = replace(new_set("s", (case,), "Be brief."), variables=(("city", "Rome"),))
    for file_format in (CSV, JSONL):
        (again,) = read_cases(write_cases(whole, file_format).encode(), file_format)
        assert (again.system_prompt, again.variables) == ("Be brief.", (("city", "Rome"),))


@pytest.mark.parametrize(
    ("file_format", "text", "lines"),
    [
        (
            FileFormat.CSV,
            "prompt,check,expected\na,foo,y\nb,contains,b\nc,number,x\nd,,,,9\n",
            "245",
        ),
        (FileFormat.JSONL, '{"prompt": 1}\nno\n[1]\n{"prompt": ""}\n', "234"),
    ],
)
def test_every_line_that_cannot_be_read_is_told(
    file_format: FileFormat, text: str, lines: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read_cases(text.encode(), file_format)
    assert [line.split()[1].strip(":") for line in caught.value.message.split("\n")] == list(lines)


def test_of_very_many_lines_the_first_ten_are_told() -> None:
    with pytest.raises(UsageError) as caught:
        read_cases(b"prompt,weight\n" + b"x,0\n" * 300, FileFormat.CSV)
    told = caught.value.message.split("\n")
    assert told[0].startswith("Line 2:")
    assert told[10:] == ["And 290 more."]
