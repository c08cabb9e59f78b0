"""A stand-in for data.gov.sg that serves a folder of the 27 register files.

Built from ``contracts/data-gov-sg.md``: catalog (section 3), whole files (section 4), rows
(section 5), limits (section 2) and every switch of section 7. One port plays all three hosts;
``catalog_url``, ``download_url`` and ``ckan_url`` are the three base addresses a client takes.

    with DataGovSg(folder) as service:
        download(service.download_url)
        service.settings.fail_next = 3  # settings may change while it runs
        assert service.count("initiate") == 27
"""

from leadgen_project.sandbox.data_gov_sg.files import Headers
from leadgen_project.sandbox.data_gov_sg.service import DataGovSg
from leadgen_project.sandbox.data_gov_sg.settings import Call, DataGovSgSettings, Endpoint

__all__ = ["Call", "DataGovSg", "DataGovSgSettings", "Endpoint", "Headers"]
