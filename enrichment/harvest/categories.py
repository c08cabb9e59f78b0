"""The managed list of categories, and what each is called at OpenStreetMap and Overture.

OpenStreetMap's tags follow its wiki (map features); Overture's words are those of its published
category table, which is being replaced by another (not confirmed), so that a source may map them
itself (``category_map`` of its options).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Tag = tuple[str, str]  # key and value; an empty value stands for any


class UnknownCategoryError(ValueError):
    """A category that is not on the list; the sentence names those that are."""


@dataclass(frozen=True, slots=True)
class Category:
    """``tags``: any of them. ``words``: what Overture files it under."""

    key: str
    label: str
    tags: tuple[Tag, ...]
    words: frozenset[str]


ANY: Final = "business"
_TABLE: Final = """
business | Any business | office= craft= shop= |
accountant | Accountants and tax advisers | office=accountant office=tax_advisor | accountant tax_services bookkeeper
architect | Architects | office=architect | architectural_designer architect
bakery | Bakeries | shop=bakery shop=pastry | bakery
bar | Bars and pubs | amenity=bar amenity=pub | bar pub
beauty | Beauty salons | shop=beauty shop=cosmetics | beauty_salon beauty_and_spa nail_salon
cafe | Cafes | amenity=cafe | cafe coffee_shop
car_repair | Car repair | shop=car_repair | automotive_repair auto_body_shop
clinic | Doctors and clinics | amenity=doctors amenity=clinic healthcare=doctor healthcare=clinic | doctor medical_center
clothes | Clothes shops | shop=clothes | clothing_store fashion
consulting | Consultancies | office=consulting | business_consulting business_management_services
dentist | Dentists | amenity=dentist healthcare=dentist | dentist dental_clinic
electrician | Electricians | craft=electrician | electrician
estate_agent | Estate agents | office=estate_agent shop=estate_agent | real_estate_agent real_estate
florist | Florists | shop=florist | florist flowers_and_gifts_shop
furniture | Furniture shops | shop=furniture shop=interior_decoration | furniture_store
hairdresser | Hairdressers | shop=hairdresser | hair_salon barber hairdresser
hotel | Hotels | tourism=hotel tourism=hostel tourism=guest_house | hotel hostel
insurance | Insurance | office=insurance | insurance_agency
it | Software and IT | office=it shop=computer | information_technology_company software_development it_service_and_computer_repair
jewellery | Jewellers and watchmakers | shop=jewelry shop=watches craft=watchmaker craft=jeweller | jewelry_store
lawyer | Lawyers | office=lawyer office=notary | lawyer law_firm legal_services
marketing | Advertising and marketing | office=advertising_agency office=marketing | advertising_agency marketing_agency
optician | Opticians | shop=optician | optometrist eyewear_and_optician
painter | Painters | craft=painter | painting
pharmacy | Pharmacies | amenity=pharmacy | pharmacy
photographer | Photographers | craft=photographer shop=photo | photographer
plumber | Plumbers | craft=plumber | plumbing
restaurant | Restaurants | amenity=restaurant amenity=fast_food | restaurant fast_food_restaurant
tailor | Tailors | craft=tailor craft=dressmaker shop=tailor | tailor sewing_and_alterations
travel_agency | Travel agencies | shop=travel_agency office=travel_agent | travel_agents travel
veterinary | Veterinarians | amenity=veterinary | veterinarian
"""  # noqa: E501 -- a table


def _read(line: str) -> Category:
    key, label, tags, words = (cell.strip() for cell in line.split("|"))
    pairs = tuple((name, value) for name, _, value in (tag.partition("=") for tag in tags.split()))
    return Category(key, label, pairs, frozenset(words.split()))


CATEGORIES: Final = {one.key: one for one in (_read(line) for line in _TABLE.strip().splitlines())}


def category_of(given: str) -> Category:
    """The category called ``given``: its key or its label, however it is cased and spaced.

    Raises ``UnknownCategoryError``.
    """
    folded = "_".join(given.casefold().replace("-", " ").replace("_", " ").split())
    found = CATEGORIES.get(folded) or _by_label().get(folded)
    if found is None:
        raise UnknownCategoryError(
            f"{given[:50]!r} is not on the list of categories: {', '.join(CATEGORIES)}."
        )
    return found


def _by_label() -> dict[str, Category]:
    return {"_".join(one.label.casefold().split()): one for one in CATEGORIES.values()}
