import pytest

from acra.names import fold_name, fold_words, same_name


@pytest.mark.parametrize(
    "spelling",
    [
        "KIBU PTE. LTD.",
        "Kibu Pte Ltd",
        "KIBU PTE. LIMITED",
        "KIBU (PTE.) LTD.",
        "KIBU PRIVATE LIMITED",
        "KIBU LIMITED LIABILITY PARTNERSHIP",
        "KIBU VCC",
        "KIBU SDN. BHD.",
        "KIBU (S) PTE. LTD.",
        "KIBU (SINGAPORE) PTE. LTD.",
        "KIBU & CO., LTD.",
        "KIBU B.V.",
        "  kibú   PTY LTD ",
        "KIBU\u200b PTE.\u00a0LTD.",
    ],
)
def test_every_spelling_of_the_suffix_folds_away(spelling):
    assert fold_name(spelling) == "KIBU"


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("LIMITED", "LIMITED"),
        ("(SINGAPORE) PTE. LTD.", "S"),
        ("O'BRIEN\u2019S CAFÉ LLP", "OBRIENS CAFE"),
        ("A&A", "A AND A"),
        ("DBS SINGAPORE PTE LTD", "DBS SINGAPORE"),
        ("ACME (S) TRADING", "ACME S TRADING"),
        ("LOTUS SPA", "LOTUS SPA"),
        ("新加坡 PTE LTD", "新加坡"),
        ("தமிழ் PTE LTD", "தமிழ்"),
        ("\uff21\uff22\uff23 TRADING PTE LTD", "ABC TRADING"),
        ("***", ""),
        ("", ""),
    ],
)
def test_what_stays_of_a_name(name, folded):
    assert fold_name(name) == folded


def test_folding_a_folded_name_changes_nothing():
    once = fold_name("CAFÉ & CO. (S) TRADING PTE. LTD.")

    assert fold_name(once) == once


def test_words_keep_the_suffix():
    assert fold_words("Kibu Pte. Ltd.") == "KIBU PTE LTD"


def test_names_are_the_same_whatever_their_spaces():
    assert same_name("D.B.S. BANK", "DBS Bank Ltd")
    assert not same_name("DBS BANK", "DBS BANKING")
    assert not same_name("***", "!!!")
