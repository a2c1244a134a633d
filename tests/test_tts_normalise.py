"""Written words and how they are said."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tts.normalise import normalise

# What is written, and what is said; "|" stands between written words where the share of each matters.
SAID = [
    # numbers
    ("82,100", "eighty two thousand one hundred"),
    ("1,000,000", "one million"),
    ("0", "zero"),
    ("007", "zero zero seven"),
    ("3.14", "three point one four"),
    (".5", "point five"),
    ("0.05", "zero point zero five"),
    ("23,615.39", "twenty three thousand six hundred and fifteen point three nine"),
    ("-40", "minus forty"),
    ("−40", "minus forty"),
    ("±3", "plus or minus three"),
    ("~5", "about five"),
    ("<10 people", "less than ten | people"),
    ("≥18", "at least eighteen"),
    ("#5", "number five"),
    ("12345678901234567890", "one two three four five six seven eight nine zero " * 2),
    ("a population of 1234", "a | population | of | one thousand two hundred and thirty four"),
    # ordinals
    ("1st", "first"),
    ("2nd", "second"),
    ("3rd", "third"),
    ("21st century", "twenty first | century"),
    ("101st", "one hundred and first"),
    ("1,000th", "one thousandth"),
    # fractions, ratios, ranges, dimensions
    ("1/2", "one half"),
    ("3/4", "three quarters"),
    ("2/3", "two thirds"),
    ("½ mile", "one half | mile"),
    ("1½ cups", "one and a half | cups"),
    ("1 1/2 cups", "one | and a half | cups"),
    ("ratio 3:1", "ratio | three to one"),
    ("24/7", "twenty four seven"),
    ("5-10", "five to ten"),
    ("10–20%", "ten to twenty percent"),
    ("5-10 km", "five to ten | kilometers"),
    ("5x7", "five by seven"),
    ("5 x 7", "five | by | seven"),
    ("10x", "ten times"),
    ("10^6", "ten to the power of six"),
    ("10⁶", "ten to the power of six"),
    # money
    ("$5", "five dollars"),
    ("$1", "one dollar"),
    ("$5.50", "five dollars and fifty cents"),
    ("$0.99", "ninety nine cents"),
    ("£1.01", "one pound and one penny"),
    ("$1,250,000", "one million two hundred and fifty thousand dollars"),
    ("$5 million", "five | million dollars"),
    ("€3.2m", "three point two million euros"),
    ("$3k", "three thousand dollars"),
    ("5€", "five euros"),
    ("20 USD", "twenty | US dollars"),
    ("$10–$20", "ten to twenty dollars"),
    ("$10-20 million", "ten to twenty | million dollars"),
    ("¥500", "five hundred yen"),
    # dates and years
    ("March 5, 2024", "March | fifth | twenty twenty four"),
    ("Mar. 3", "march | third"),
    ("5 March 1994", "the fifth of | March | nineteen ninety four"),
    ("May 3-5", "may | third to fifth"),
    ("2024-03-05", "march fifth twenty twenty four"),
    ("3/5/2024", "march fifth twenty twenty four"),
    ("25/12/2023", "december twenty fifth twenty twenty three"),
    ("in 1859", "in | eighteen fifty nine"),
    ("in 1905", "in | nineteen oh five"),
    ("in 2000", "in | two thousand"),
    ("in 2005", "in | two thousand and five"),
    ("1914–1918", "nineteen fourteen to nineteen eighteen"),
    ("the 1990s", "the | nineteen nineties"),
    ("'90s", "nineties"),
    ("the 1800s", "the | eighteen hundreds"),
    ("1500 m", "one thousand five hundred | meters"),
    # times
    ("3:30 pm", "three thirty | PM"),
    ("3:05", "three oh five"),
    ("3:00", "three o'clock"),
    ("15:45", "fifteen forty five"),
    ("3pm", "three PM"),
    ("12:00 p.m.", "twelve | PM"),
    ("5 a.m. today", "five | AM | today"),
    # units
    ("82,100 km²", "eighty two thousand one hundred | square kilometers"),
    ("12,100 km3", "twelve thousand one hundred | cubic kilometers"),
    ("31,700 sq mi", "thirty one thousand seven hundred | square | miles"),
    ("1 km", "one | kilometer"),
    ("5km", "five kilometers"),
    ("25°C", "twenty five degrees Celsius"),
    ("-5 °F", "minus five | degrees Fahrenheit"),
    ("60 mph", "sixty | miles per hour"),
    ("9.8 m/s²", "nine point eight | meters per second squared"),
    ("5 kg/m³", "five | kilograms per cubic meter"),
    ("2 ft", "two | feet"),
    ("5'10\"", "five foot ten"),
    ("50%", "fifty percent"),
    ("3 GHz", "three | gigahertz"),
    ("12 kWh", "twelve | kilowatt hours"),
    ("40°N", "forty degrees north"),
    ("5-foot-tall", "five foot tall"),
    ("2 in 3", "two | in | three"),
    ("the m of a word", "the | m | of | a | word"),
    # abbreviations
    ("Dr. Smith", "doctor | Smith"),
    ("Elm Dr.", "Elm | drive"),
    ("St. Louis", "saint | Louis"),
    ("Main St.", "Main | street"),
    ("Mr. and Mrs. Jones", "mister | and | missus | Jones"),
    ("e.g. this", "for example | this"),
    ("i.e., that", "that is | that"),
    ("approx. five", "approximately | five"),
    ("cats, dogs, etc.", "cats | dogs | et cetera"),
    ("No. 5", "number | five"),
    ("No. I said", "No | I | said"),
    ("pp. 3-8", "pages | three to eight"),
    ("vs. them", "versus | them"),
    ("the U.S. and the U.K.", "the | US | and | the | UK"),
    ("w/ and w/o", "with | and | without"),
    # acronyms, names with figures, Roman numerals
    ("NASA and BBC", "NASA | and | BBC"),
    ("H2O", "H two O"),
    ("CO₂", "C O two"),
    ("COVID-19", "COVID nineteen"),
    ("F-16", "F sixteen"),
    ("THIS IS SHOUTING", "this | is | shouting"),
    ("Henry VIII", "Henry | the eighth"),
    ("World War II", "World | War | two"),
    ("Chapter IV", "Chapter | four"),
    ("Charles I think", "Charles | I | think"),
    ("mix CD", "mix | CD"),
    # addresses and telephone numbers
    ("example.org", "example dot org"),
    ("https://www.example.com/a-b", "WWW dot example dot com slash a dash b"),
    ("john.doe@mail.com", "john dot doe at mail dot com"),
    ("555-123-4567", "five five five one two three four five six seven"),
    ("(555) 123-4567", "five five five | one two three four five six seven"),
    ("+44 20 7946 0958", "plus four four | two zero | seven nine four six | zero nine five eight"),
    ("v2.5", "version two point five"),
    # symbols, compounds, markdown
    ("AT&T", "eh T and T"),
    ("you & me", "you | and | me"),
    ("2 + 2 = 4", "two | plus | two | equals | four"),
    ("and/or", "and or"),
    ("e-mail", "E mail"),
    ("well-known", "well known"),
    ("don’t", "don't"),
    ("**bold** and _it_", "bold | and | it"),
    ("## Heading", "Heading"),
    ("- item", "item"),
    ("see [the lake](https://x.org/y) now", "see | the | lake | now"),
    ("`code`", "code"),
    ("a<br>b", "a | b"),
    ("café", "café"),
]


@pytest.mark.parametrize(("written", "said"), SAID)
def test_words_are_said(written: str, said: str) -> None:
    assert " | ".join(" ".join(word.words) for word in normalise(written)) == said.strip()


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("Yes, I do. Really?!", [",", "", ".", "?"]),
        ('He said "no." Then', ["", "", ".", ""]),
        ("Dr. Smith etc.", ["", "", "."]),
        ("deep (very deep) water", [",", "", ",", ""]),
        ("well — yes", [",", "", ""]),
        ("so… what: this; that!", [".", ":", ";", "!"]),
    ],
)
def test_punctuation_that_shapes_speech(text: str, stops: list[str]) -> None:
    assert [word.stop for word in normalise(text)] == stops


@pytest.mark.parametrize(
    "text", ["", "   \n", "... !? --", "😀 🎉", "世界 мир", "\x00\x07\u200b", "***", "---\n```"]
)
def test_what_cannot_be_spoken_has_no_words(text: str) -> None:
    assert not any(word.words for word in normalise(text))


def test_written_words_are_kept_as_they_stood() -> None:
    assert [w.written for w in normalise('The "5 km²," he\x07 said')] == ["The", '"5', 'km²,"', "he", "said"]


@given(
    st.text(max_size=200) | st.text(alphabet="0123456789.,-/:$€%°'kmKMDrStaehIVX()+~<>@#½² \n", max_size=60)
)
@example("0A'A")
@example("𐋡 𐋡b")
def test_any_text_becomes_letters(text: str) -> None:
    spoken = normalise(text)
    for word in spoken:
        assert word.written.split() != []
        assert word.stop in {"", ",", ";", ":", ".", "!", "?"}
        for said in word.words:
            assert said.replace("'", "").isalpha(), said


def test_a_word_without_end_is_cut() -> None:
    (word,) = normalise("a" * 10_000)
    assert sum(map(len, word.words)) <= 200
