import pytest

from duplex.bench.asr import edits, of_errors


@pytest.mark.parametrize(
    ("reference", "heard", "wrong"),
    [
        ("Press 3, please.", "press three please", 0),
        ("1,024 metres", "one thousand and twenty-four metres", 0),
        ("to be or not", "to be not", 1),
        ("to be", "two bee or", 3),
        ("", "you", 1),
    ],
)
def test_word_errors(reference: str, heard: str, wrong: int) -> None:
    assert edits(reference, heard) == wrong


def test_a_prefix_may_be_followed_by_anything() -> None:
    assert edits("how deep", "how deep is it", prefix=True) == 0
    assert edits("how deep", "how steep is it", prefix=True) == 1


def test_error_rates_are_over_all_words_and_absent_without_any() -> None:
    measure = of_errors("x", ["a b c", "d"], ["a b c", "e"])
    assert (measure.value, measure.n) == (0.25, 4)
    assert measure.ci95 is not None
    assert measure.ci95[0] <= 0.25 <= measure.ci95[1]
    with pytest.raises(ValueError, match="no words"):
        of_errors("x", [""], [""])
