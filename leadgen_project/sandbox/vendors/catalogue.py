"""Which vendors' stand-ins the sandbox can open, and the settings that lead the product to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from leadgen_project.sandbox.companies import Company
from leadgen_project.sandbox.vendors import language_model, lusha, tavily, zerobounce
from leadgen_project.sandbox.vendors.stand_in import VendorStandIn

Truth: TypeAlias = Callable[[], Sequence[Company]]
"""The companies of the sandbox as they are now; a later release adds some."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How a stand-in is made, and its settings: base address and key."""

    make: Callable[[Truth], VendorStandIn]  # it must accept ``key``
    base_url_setting: str
    key_setting: str
    key: str
    path: str = ""  # what the base address ends in

    def environment(self, vendor: VendorStandIn) -> dict[str, str]:
        return {self.base_url_setting: vendor.url + self.path, self.key_setting: self.key}


VENDORS: dict[str, Entry] = {
    "language_model": Entry(
        lambda _truth: language_model.LanguageModelStandIn(),
        "OPENAI_BASE_URL",
        "OPENAI_API_KEY",
        language_model.KEY,
        "/v1",
    ),
    "lusha": Entry(
        lambda truth: lusha.LushaStandIn(truth=truth), "LUSHA_BASE_URL", "LUSHA_API_KEY", lusha.KEY
    ),
    "tavily": Entry(
        lambda truth: tavily.TavilyStandIn(truth=truth),
        "TAVILY_BASE_URL",
        "TAVILY_API_KEY",
        tavily.KEY,
    ),
    "zerobounce": Entry(
        lambda _truth: zerobounce.ZeroBounceStandIn(),
        "ZEROBOUNCE_BASE_URL",
        "ZEROBOUNCE_API_KEY",
        zerobounce.KEY,
        "/v2",
    ),
}
