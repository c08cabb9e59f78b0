import csv

import pytest

from acra.status import StatusClass, status_class
from tenants.tests.shared_data import shared_data

CLASSES = {
    "live": StatusClass.LIVE,
    "live_at_risk": StatusClass.AT_RISK,
    "pending": StatusClass.PENDING,
    "ceased": StatusClass.CEASED,
    "unknown": StatusClass.UNKNOWN,
}


def test_every_published_label_has_its_class():
    with (shared_data() / "acra_status_vocabulary.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            label = row["entity_status_description"].partition(" *")[0].replace(" -", " - X", 1)
            label = (
                label
                if "*" in row["entity_status_description"]
                else row["entity_status_description"]
            )
            assert status_class(label) == CLASSES[row["class"]], label


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("live company", StatusClass.LIVE),
        ("In Liquidation - Simplified Winding Up", StatusClass.PENDING),
        ("Dissolved - Pursuant to Section 212(1)(D) Of The Companies Act", StatusClass.CEASED),
        ("Live (something new)", StatusClass.UNKNOWN),
        ("Removedish", StatusClass.UNKNOWN),
        ("", StatusClass.UNKNOWN),
    ],
)
def test_families_are_open_and_the_rest_is_unknown(label, expected):
    assert status_class(label) == expected
