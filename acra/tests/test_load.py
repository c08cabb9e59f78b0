from datetime import UTC, datetime

from acra.load import load_register
from acra.models import RegisteredCompany
from acra.normalise import published_row
from tenants.tests.shared_data import shared_data

NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)


def load(*paths, **options):
    return load_register(paths, now=NOW, actor="tests", **options)


def test_real_rows_are_kept_as_published_beside_what_they_mean(db):
    account = load(shared_data() / "acra_real_rows_dev.csv")

    dbs = RegisteredCompany.objects.get(pk="196800306E")
    assert (account.read, account.new, account.rejected) == (4, 4, 0)
    assert published_row(dbs.published)["company_type_description"] == (
        "Public Company Limited by Shares"
    )
    assert dbs.former_names == ["THE DEVELOPMENT BANK OF SINGAPORE"]
    assert (dbs.name_key, dbs.status_class, dbs.district) == ("DBS BANK", "LIVE", 1)
