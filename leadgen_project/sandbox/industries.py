"""What made-up companies do, with codes of SSIC 2025A.

The file of titles may not be shipped (terms unread), so the labels are our own words.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Industry:
    """One line of business. ``nouns`` always has five, the owner's words are in capitals."""

    key: str
    label: str
    weight: int
    codes: tuple[str, ...]
    nouns: tuple[str, str, str, str, str]
    activities: tuple[str, ...]
    services: tuple[str, ...]
    technologies: tuple[str, ...]


INDUSTRIES = (
    Industry(
        "software",
        "software development",
        16,
        ("62011", "62021", "62013", "62090"),
        ("TECHNOLOGIES", "SOFTWARE", "DIGITAL", "SYSTEMS", "LABS"),
        ("DEVELOPMENT OF BUSINESS SOFTWARE", "IT CONSULTANCY AND SYSTEM INTEGRATION"),
        ("Inventory software", "Mobile applications", "System integration", "Cloud migration"),
        ("Next.js", "HubSpot", "Cloudflare", "Google Analytics"),
    ),
    Industry(
        "wholesale",
        "wholesale trade",
        16,
        ("46900", "46632", "46541", "46302", "46592"),
        ("TRADING", "SUPPLIES", "IMPORT EXPORT", "DISTRIBUTION", "HARDWARE"),
        ("GENERAL WHOLESALE TRADE", "WHOLESALE OF INDUSTRIAL HARDWARE AND MACHINERY"),
        ("Fasteners and fittings", "Safety equipment", "Bulk orders", "Islandwide delivery"),
        ("WordPress", "WooCommerce", "Google Analytics"),
    ),
    Industry(
        "clinics",
        "medical and dental clinics",
        9,
        ("86201", "86203", "86204"),
        ("MEDICAL", "DENTAL", "CLINIC", "HEALTHCARE", "FAMILY CLINIC"),
        ("GENERAL MEDICAL CLINIC", "DENTAL SURGERY"),
        ("Health screening", "Vaccination", "Chronic care", "Dental implants"),
        ("WordPress", "Elementor", "reCAPTCHA"),
    ),
    Industry(
        "logistics",
        "freight and logistics",
        11,
        ("49231", "52292", "52101", "52222"),
        ("LOGISTICS", "FREIGHT", "TRANSPORT", "SHIPPING", "WAREHOUSING"),
        ("FREIGHT FORWARDING AND TRUCKING", "WAREHOUSING AND DELIVERY SERVICES"),
        ("Sea freight", "Customs clearance", "Cold chain storage", "Last-mile delivery"),
        ("WordPress", "Google Tag Manager"),
    ),
    Industry(
        "food",
        "restaurants and catering",
        10,
        ("56111", "56112", "56200", "10712"),
        ("FOODS", "CATERING", "KITCHEN", "BAKERY", "DINING"),
        ("RESTAURANT AND CATERING", "MANUFACTURE OF BREAD AND CAKES"),
        ("Corporate catering", "Wedding menus", "Daily bakes", "Private dining"),
        ("Wix", "Facebook Pixel"),
    ),
    Industry(
        "engineering",
        "engineering services",
        13,
        ("71129", "71122", "43210", "28299", "25999"),
        ("ENGINEERING", "AUTOMATION", "ELECTRICAL", "PRECISION", "MARINE ENGINEERING"),
        ("ENGINEERING DESIGN AND CONSULTANCY", "ELECTRICAL WORKS AND PANEL BUILDING"),
        ("Panel building", "Precision machining", "Maintenance contracts", "Automation lines"),
        ("Joomla", "Google Analytics"),
    ),
    Industry(
        "education",
        "training and tuition",
        8,
        ("85509", "85505", "85502"),
        ("ACADEMY", "LEARNING", "EDUCATION", "TRAINING", "TUITION"),
        ("TRAINING COURSES", "TUITION CENTRE"),
        ("Adult courses", "Primary tuition", "Corporate workshops", "Exam preparation"),
        ("Squarespace", "Calendly"),
    ),
    Industry(
        "professional",
        "business consultancy",
        9,
        ("70201", "69201", "69202", "73100"),
        ("CONSULTING", "ADVISORY", "PARTNERS", "MARKETING", "CORPORATE SERVICES"),
        ("MANAGEMENT CONSULTANCY SERVICES", "ACCOUNTING AND CORPORATE SECRETARIAL SERVICES"),
        ("Corporate secretarial work", "Tax filing", "Brand campaigns", "Grant advice"),
        ("HubSpot", "WordPress"),
    ),
    Industry(
        "construction",
        "renovation and building works",
        8,
        ("41001", "43301", "43303"),
        ("CONSTRUCTION", "BUILDERS", "INTERIORS", "RENOVATION", "CONTRACTS"),
        ("GENERAL BUILDING CONTRACTOR", "RENOVATION CONTRACTORS"),
        ("Office fit-out", "Carpentry", "Structural repair", "Project management"),
        ("WordPress",),
    ),
)
BY_KEY = {industry.key: industry for industry in INDUSTRIES}
