"""Type the rows in which nothing is odd, thousands at once, by columns instead of by values.

A row is plain when each of its values is already as the register keeps it: printable ASCII, single
spaces, dates that exist, codes that are listed, a check letter that fits. Then a typed value is the
published one, or a small rule away from it. All other rows are left to ``acra.normalise``, whose
result for a plain row is the same to the byte (a test compares them).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import date

import polars as pl

from acra.columns import FORMER_NAMES, PLACE, PUBLISHED
from acra.names import SUFFIX_WORDS, fold_name
from acra.normalise import SEPARATOR
from acra.postal import districts_by_sector
from acra.status import StatusClass, status_class
from acra.uen import CHECKS, PATTERN, Check, has_good_letter, is_uen
from acra.values import (
    ENTITY_TYPES,
    LONGEST_COUNT,
    LONGEST_NAME,
    LONGEST_VALUE,
    SSIC_EDITION,
    latest_filing,
    ssic_codes,
)  # fmt: skip

__all__ = ["PlainRows"]

_NA = "na"
_BEFORE_FORMER = PUBLISHED[: PLACE[FORMER_NAMES[0]]]
# Signs beyond printable ASCII, backslashes (COPY escapes them), spaces that ``clean`` takes away,
# values other than ``na`` that stand for none.
_ODD = (
    r"[^\x1f -\[\]-~]|  | \x1f|\x1f |\x1f\x1f|[\x1f ]$"
    r"|\x1f(?:N[Aa]|nA|[Nn]/[Aa]|-)(?:\x1f|$)"
)
_WORDS = "^[A-Z0-9]+(?: [A-Z0-9]+)*$"
_SUFFIX = f"(?:^| )(?:{'|'.join(sorted(SUFFIX_WORDS))})$"
_TEXTS = (
    "company_type_description", "business_constitution_description", "entity_status_description",
    "block", "street_name", "level_no", "unit_no", "building_name", "primary_ssic_description",
    "primary_user_described_activity", "entity_type_description",
)  # fmt: skip

_SSIC = ("primary_ssic_code", "secondary_ssic_code")


class PlainRows:
    """Makes rows for COPY of plain lines; knows no database and counts nothing.

    ``today`` bounds the dates: a later registration is odd.
    """

    def __init__(self, *, today: date) -> None:
        self._is_plain = pl.all_horizontal(
            ~pl.col("published").str.contains(_ODD),
            *(pl.col(name).str.len_bytes() <= LONGEST_VALUE for name in _TEXTS),
            ~_none("entity_name") & (pl.col("entity_name").str.len_bytes() <= LONGEST_NAME),
            _is_date("registration_incorporation_date", latest=today),
            *(
                _is_date(name, latest=latest_filing(today))
                for name in ("uen_issue_date", "annual_return_date", "account_due_date")
            ),
            _none("postal_code") | pl.col("postal_code").str.contains("^(?:[0-9]{4}|[0-9]{6})$"),
            *(
                _none(name) | pl.col(name).str.contains("^[0-9]{5}$") & (pl.col(name) != "00000")
                for name in _SSIC
            ),
            _none("no_of_officers")
            | pl.col("no_of_officers").str.contains(f"^[0-9]{{1,{LONGEST_COUNT}}}$"),
            pl.col("status_class") != StatusClass.UNKNOWN,
            # JSON escapes quotes.
            pl.col("former").is_null() | ~pl.col("former").str.contains('"', literal=True),
        )

    def noted(self, plain: pl.DataFrame) -> Iterator[tuple[str, str, str]]:
        """What is kept but worth counting: kind, UEN and value."""
        masks = plain.select(**_NOTED)
        for column, kind in _NOTED_AS.items():
            if masks[column].any():
                found = plain.filter(masks[column]).select("uen", column)
                yield from ((kind, uen, value) for uen, value in found.iter_rows())

    def part(self, packed: pl.Series) -> tuple[pl.DataFrame, list[str]]:
        """The plain ones of ``packed``, with a column for each published value; and the others."""
        frame = _columns(packed)
        is_plain = frame.select(self._is_plain & _has_good_letter(frame)).to_series()
        return frame.filter(is_plain), packed.filter(~is_plain).to_list()

    def rows(self, plain: pl.DataFrame) -> bytes:
        """Rows of ``acra.normalise.TYPED`` in COPY's text format."""
        out = io.BytesIO()
        names = plain.with_columns(
            fold(plain["entity_name"]).alias("name_key"), *_former(plain["former"])
        )
        names.select(**_TYPED).write_csv(
            out, separator="\t", quote_style="never", include_header=False, null_value="\\N"
        )
        return out.getvalue()


def _columns(packed: pl.Series) -> pl.DataFrame:
    """A column for each value before the former names; these stay together in ``former``."""
    values = packed.str.splitn(SEPARATOR, len(_BEFORE_FORMER) + 1).struct.unnest()
    values.columns = [*_BEFORE_FORMER, "former"]
    values = values.with_columns(pl.col(_BEFORE_FORMER).fill_null(_NA), packed.alias("published"))
    labels = values["entity_status_description"].unique()
    classes = [status_class("" if label == _NA else label) for label in labels]
    return values.with_columns(
        pl.col("entity_status_description")
        .replace_strict(labels, classes, return_dtype=pl.String)
        .alias("status_class")
    )


def _none(name: str) -> pl.Expr:
    return pl.col(name) == _NA


def _text(name: str) -> pl.Expr:
    return pl.when(_none(name)).then(pl.lit("")).otherwise(pl.col(name))


def _or_null(name: str) -> pl.Expr:
    return pl.when(~_none(name)).then(pl.col(name))


def _is_date(name: str, *, latest: date) -> pl.Expr:
    text = pl.col(name)
    is_day = text.str.contains("^[0-9]{4}-[0-9]{2}-[0-9]{2}$") & text.is_between(
        pl.lit("0001-01-01"), pl.lit(latest.isoformat())
    )
    return _none(name) | (is_day & text.str.to_date("%Y-%m-%d", strict=False).is_not_null())


# -- numbers -----------------------------------------------------------------------------


def _rests(weights: Sequence[int]) -> pl.Series:
    """For each number of so many digits: the sum of its weighted digits, modulo 11."""
    number, last = pl.col("number"), len(weights) - 1
    weighted = (number // 10 ** (last - place) % 10 * w for place, w in enumerate(weights))
    numbers = pl.int_range(10 ** len(weights), eager=True).to_frame("number")
    return numbers.select(pl.sum_horizontal(weighted) % 11).to_series()


def _is_right(check: Check) -> pl.Expr:
    """Whether ``letter`` belongs after ``number``; see ``acra.uen.check_letter``.

    Null where the UEN has another length. The sum is looked up in two halves.
    """
    number = pl.when(pl.col("uen").str.len_bytes() == len(check.weights) + 1).then("number")
    before, after = (
        pl.lit(_rests(weights)).gather(half)
        for weights, half in (
            (check.weights[:-4], number // 10_000),
            (check.weights[-4:], number % 10_000),
        )
    )
    return pl.lit(pl.Series(list(check.letters))).gather((before + after) % 11) == pl.col("letter")


_BUSINESS, _COMPANY, _ = CHECKS
_IS_RIGHT = pl.coalesce(_is_right(_BUSINESS), _is_right(_COMPANY))
_PARTS_OF_UEN = {
    "number": pl.when(pl.col("uen").str.contains(f"^(?:{PATTERN})$"))
    .then(pl.col("uen").str.head(-1))
    .cast(pl.Int64, strict=False),
    "letter": pl.col("uen").str.tail(1),
}


def _has_good_letter(frame: pl.DataFrame) -> pl.Series:
    """Of each UEN, whether it has one of the shapes and the right letter at the end."""
    good = frame.select("uen", **_PARTS_OF_UEN).select(good=_IS_RIGHT).to_series()
    places = good.is_null().arg_true()  # letters among the digits, or no UEN
    found = [is_uen(one) and has_good_letter(one) for one in frame["uen"].gather(places).to_list()]
    return good.scatter(places, pl.Series(found, dtype=pl.Boolean))


# -- names -------------------------------------------------------------------------------


def fold(names: pl.Series) -> pl.Series:
    """``fold_name`` of plain names; words in capitals only lose the usual suffix."""
    name, words = pl.col("name"), pl.col("words")
    frame = names.to_frame("name").with_columns(words=name.str.strip_suffix(" PTE. LTD."))
    places = frame.select((~words.str.contains(_WORDS)).arg_true()).to_series()
    simple = frame["words"].scatter(places, _words(frame["words"].gather(places)))
    hard = names.str.contains("(", literal=True) | simple.str.contains(_SUFFIX)
    places = hard.arg_true()
    folded = map(fold_name, names.gather(places).to_list())
    return simple.scatter(places, pl.Series(folded, dtype=pl.String))


def _words(names: pl.Series) -> pl.Series:
    """``fold_words`` of names in ASCII."""
    return (
        names.str.to_uppercase()
        .str.replace_all("['`]", "")
        .str.replace_all("&", " AND ", literal=True)
        .str.replace_all("[^A-Z0-9]+", " ")
        .str.strip_chars(" ")
    )


def _former(former: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The former names as a JSON list, and their words for the search."""
    rows = former.is_not_null().arg_true()
    lists = former.gather(rows).str.split(SEPARATOR).list.head(len(FORMER_NAMES))
    names = pl.DataFrame({"row": rows, "name": lists}).explode("name")
    names = names.filter(pl.col("name") != _NA)
    names = names.with_columns(key=fold(names["name"]))
    found = names.group_by("row", maintain_order=True).agg(
        names=pl.format('["{}"]', pl.col("name").str.join('", "')),
        keys=pl.col("key").filter(pl.col("key") != "").str.join(" "),
    )
    return (
        _filled("[]", len(former)).scatter(found["row"], found["names"]).alias("former_names"),
        _filled("", len(former)).scatter(found["row"], found["keys"]).alias("former_keys"),
    )


def _filled(value: str, count: int) -> pl.Series:
    return pl.repeat(value, count, dtype=pl.String, eager=True)


_DISTRICTS = {sector: str(district) for sector, district in districts_by_sector().items()}
_FULL_CODE = pl.when(pl.col("postal_code").str.len_bytes() == 6).then("postal_code")
_DISTRICT = _FULL_CODE.str.head(2).replace_strict(_DISTRICTS, default=None)
_ADDRESS = (
    pl.when(_none("unit_no") | _FULL_CODE.is_null())
    .then(_FULL_CODE.fill_null(""))
    .otherwise(pl.format("{} #{}-{}", "postal_code", _text("level_no"), "unit_no"))
)
_ACTIVITY = (
    pl.when(_none("primary_user_described_activity"))
    .then(_text("primary_ssic_description"))
    .otherwise("primary_user_described_activity")
)
# In the order of ``TYPED``.
_TYPED = {
    "uen": pl.col("uen"),
    "name": pl.col("entity_name"),
    "name_key": pl.col("name_key").str.head(LONGEST_NAME),
    "former_names": pl.col("former_names"),
    "former_keys": pl.col("former_keys"),
    "entity_type": pl.col("entity_type_description").replace({_NA: "", **ENTITY_TYPES}),
    "company_type": _text("company_type_description"),
    "constitution": _text("business_constitution_description"),
    "status": _text("entity_status_description"),
    "status_class": pl.col("status_class"),
    "registered_on": _or_null("registration_incorporation_date"),
    "uen_issued_on": _or_null("uen_issue_date"),
    "block": _text("block"),
    "street": _text("street_name"),
    "level": _text("level_no"),
    "unit": _text("unit_no"),
    "building": _text("building_name"),
    "postal_code": _text("postal_code"),
    "district": _DISTRICT,
    "address_key": _ADDRESS,
    "primary_ssic": _text("primary_ssic_code"),
    "secondary_ssic": _text("secondary_ssic_code"),
    "primary_activity": _ACTIVITY,
    "annual_return_on": _or_null("annual_return_date"),
    "accounts_due_on": _or_null("account_due_date"),
    "officers_count": _or_null("no_of_officers"),
    "published": pl.col("published"),
}
# What the register keeps although no list has it.
_NOTED_AS = {
    "postal_code": "postal code in no district",
    **dict.fromkeys(_SSIC, f"SSIC code not in {SSIC_EDITION}"),
}
_NOTED = {
    "postal_code": ~_none("postal_code") & _DISTRICT.is_null(),
    **{name: ~_none(name) & ~pl.col(name).is_in(sorted(ssic_codes())) for name in _SSIC},
}
