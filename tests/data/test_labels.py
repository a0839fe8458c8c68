"""Files of labels as people and spreadsheets write them: read as they are meant, or refused in one line."""

import csv
import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogan_lib.data import labels, own
from infogan_lib.data.files import FileError

NAMES = ["a.png", "b.png", "c.png", "part 1/d.png", "Ähre, gelb.png"]
WANT = {
    "a.png": "oak",
    "b.png": "beech",
    "c.png": "oak",
    "part 1/d.png": 'the "red" one; rare',
    "Ähre, gelb.png": "1,5",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("labels") / "answers.csv"


def written(rows, delimiter=",", end="\r\n", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    return text.getvalue()


def said_of(found, names=tuple(NAMES)):
    """{name: label} as `select` has it."""
    places, known, classes = found.select(names)
    return {names[place]: classes[label] for place, label in zip(places.tolist(), known.tolist())}


@settings(max_examples=200, deadline=None)
@given(
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    form=st.sampled_from(["NFC", "NFD"]),
    header=st.sampled_from([[], [["name", "label"]], [["Bild", "Klasse"]]]),
    columns=st.integers(0, 2),
    blank=st.booleans(),
    backslash=st.booleans(),
    order=st.permutations(list(WANT)),
)
def test_what_spreadsheets_write_is_read(
    place, delimiter, end, encoding, quoting, form, header, columns, blank, backslash, order
):
    names = {name: name.replace("/", "\\") if backslash else name for name in order}
    rows = [*header, *([unicodedata.normalize(form, names[name]), WANT[name]] for name in order)]
    rows = [row + [""] * columns for row in rows] + [[""] * (2 + columns)] * blank
    place.write_bytes(written(rows, delimiter, end, quoting).encode(encoding))
    found = labels.read(place, NAMES)
    assert said_of(found) == WANT and (found.unknown, found.empty, found.repeated) == ([], 0, 0)


def test_excels_line_about_the_delimiter_is_no_label(place):
    place.write_text("sep=;\r\na.png;oak\r\nb.png;beech\r\n", newline="")
    assert said_of(labels.read(place, NAMES)) == {"a.png": "oak", "b.png": "beech"}


@settings(max_examples=100, deadline=None)
@given(
    lines=st.lists(
        st.tuples(st.sampled_from([*NAMES, "x.png", "y.png"]), st.sampled_from(["", "oak", " oak "])), min_size=1
    )
)
def test_every_line_is_accounted_for(place, lines):
    place.write_text(written(lines), encoding="utf-8")
    found = labels.read(place, NAMES)
    given_one = [name for name, label in lines if label]
    assert found.of.keys() == set(given_one) & set(NAMES) and set(found.of.values()) <= {"oak"}
    assert set(found.unknown) == set(given_one) - set(NAMES)
    assert len(found.of) + len(found.unknown) + found.empty + found.repeated == len(lines)
    printed = str(found)
    assert f"{len(found.of)} pictures" in printed and ("without a label" in printed) == (found.empty > 0)
    assert ("repeated" in printed) == (found.repeated > 0) and ("no usable picture" in printed) == bool(found.unknown)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=200) | st.text(alphabet='ab.png,;"\n\t\r ', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_in_one_line(place, content):
    place.write_bytes(content)
    try:
        labels.read(place, NAMES)
    except FileError as error:
        assert "\n" not in str(error) and str(place) in str(error) and len(str(error)) < len(str(place)) + 800


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a.png,oak\na.png,beech\n", "gives 'a.png' two labels, 'oak' and 'beech'"),
        ("a.png,oak\nb.png\n", "line 2: expected NAME,LABEL, got 'b.png'"),
        ("a.png;oak\nb.png\n", "line 2: expected NAME,LABEL, got 'b.png'"),
        ("a.png,oak\nb.png,beech,tall\n", "line 2: expected NAME,LABEL, got 'b.png,beech,tall'"),
        ("a.png,oak\n,beech\n", "line 2: expected NAME,LABEL"),
        ('a.png,oak\nb.png,"beech\nc.png,oak\n', "quotation mark"),
        ("a.png," + "o" * 200_000, "field larger"),
        (b"PK\x03\x04\xff\xfe\x00", "CSV UTF-8"),
        ("\u00c4hre.png,oak".encode("cp1252"), "CSV UTF-8"),
    ],
)
def test_what_makes_no_sense_is_refused(place, content, says):
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FileError) as error:
        labels.read(place, NAMES)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_names_that_match_nothing_are_shown_beside_the_right_ones(place):
    place.write_text("pictures/a.png,oak\n")
    with pytest.raises(FileError, match=r"labels none of these 5 pictures.*'a\.png'.*'pictures/a\.png'"):
        own.labels(place, NAMES)
