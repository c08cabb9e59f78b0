import pytest

from acra.uen import check_letter, clean_uen, find_uens, has_good_letter, is_uen


@pytest.mark.parametrize("uen", ["196800306E", "53425121L", "T21VC0144D", "T23VC0219C"])
def test_real_numbers_have_a_shape_and_a_good_letter(uen):
    assert is_uen(uen)
    assert has_good_letter(uen)


def test_a_wrong_letter_is_still_a_uen():
    assert is_uen("196800306F")
    assert not has_good_letter("196800306F")


def test_a_bought_number_is_no_fake():
    assert is_uen("202088888" + check_letter("202088888A"))


@pytest.mark.parametrize("text", ["", "na", "1968003E", "1968?0306E", "196800306", "X21VC0144D"])
def test_other_texts_are_none(text):
    assert not is_uen(text)
    with pytest.raises(ValueError, match="none of the shapes"):
        check_letter(text)


def test_space_and_small_letters_are_repaired():
    assert clean_uen(" 196800306e\u00a0") == "196800306E"


def test_numbers_are_found_in_running_text_only_with_a_good_letter():
    text = "Co. Reg. No. 196800306E, GST 196800306E; call 123456789K; T21VC0144D-SF001 x196800306E"

    assert find_uens(text) == ["196800306E", "T21VC0144D"]
