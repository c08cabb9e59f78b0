"""What is a business title, and what is a person's name. By form and word lists, no dictionary.

Either test alone is weak ("Orchard Road" has the form of a name); ``people`` asks for both, side
by side.
"""

import re
from functools import lru_cache

from enrichment.words import word_set

MAX_TITLE, MAX_NAME = 90, 60  # characters

# The word that makes a title one. English, with what is usual in Singapore ("Cum", "Exec").
HEAD = re.compile(
    r"\b(?:C[EFTOIMSPDHR]O|CHRO|CISO|Chief\s[A-Z]\w+(?:\s[A-Z&]\w*){0,3}\sOfficer|Chief Executive"
    r"|Chief(?= of)|President|Vice[- ]President|S?E?VP|AVP|Chair(?:man|woman|person)|Chair(?= of)"
    r"|Director|Dir|MD|Partner|(?:Co-?\s?)?Founder|Owner|Proprietor|Proprietress|Principal|Manager"
    r"|Mgr|GM|Head(?= of|,|\s?[(-])|Lead(?=$|,|\s?[-(/&|]|\sof\s)|Leader|Supervisor|Coordinator"
    r"|Co-ordinator|Executive|Exec"
    r"|Secretary|Treasurer|Accountant|Auditor|Bookkeeper|Consultant|Engineer|Architect|Designer"
    r"|Developer|Programmer|Analyst|Administrator|Admin|Assistant|Officer|Specialist|Advis[eo]r"
    r"|Associate|Counsel|Lawyer|Solicitor|Advocate|Attorney|Paralegal|Notary|Dentist|Orthodontist"
    r"|(?:Dental|Oral|Plastic|Orthop(?:a)?edic|Veterinary)\sSurgeon|Surgeon|Physician|Doctor|Vet"
    r"|Veterinarian|Pharmacist|Nurse|Therapist|Physiotherapist|Psychologist|Optometrist|Hygienist"
    r"|Trainer|Instructor|Lecturer|Teacher|Tutor|Coach|Professor|Dean|Chef|Baker|Barista|Sommelier"
    r"|Foreman|Technician|Surveyor|Estimator|Inspector|Mechanic|Electrician|Representative|Rep"
    r"|Agent|Broker|Realtor|Editor|Producer|Photographer|Videographer|Writer|Copywriter|Strategist"
    r"|Planner|Buyer|Merchandiser|Controller|Superintendent|Receptionist|Scientist|Researcher"
    r"|Stylist|Beautician|Curator|Librarian|Scholar|Ambassador|Trustee|Pastor"
    r"|Actuary)\b(?!['\u2019]s)"
)
# What may follow the head word: "Director, Sales", "Head of", "Vice President Operations".
_REST = re.compile(
    r"\s?(?:$|[,(/&|+\u2013-]|(?:of|for|and|in|to|at|cum|with)\b"
    r"|(?:Asia|Singapore|Malaysia|China|Indonesia|ASEAN|SEA|APAC|Global|International|Emeritus"
    r"|Elect"
    r"|Designate|Sales|Marketing|Operations|Finance|Engineering|HR|Human|Business|Technical"
    r"|Projects?"
    r"|Production|Quality|Logistics|Procurement|Training|Legal|Communications|IT|R&D|Research"
    r"|Corporate|Customer|Administration|Admin|Retail|Design|Development|I{1,3})\b)"
)
_HEAD_OR_SHOUTED = re.compile(HEAD.pattern, re.IGNORECASE)
_SMALL = word_set("of and & for the in to cum de / - \u2013 at on | + with")
_NO_TITLE = re.compile(
    r"\b(?:our|meet|message|from|your|their|become|hiring|wanted|apply|vacanc\w+|jobs?|careers?"
    r"|services?\s(?:in|for)|how|why|what|is|are|was|has|have|we|you|a|an|by|click|read|more|login"
    r"|welcome|portal|download|system|software|guide|tools?|course|class|programme?|training(?!\s"
    r"(?:manager|director|executive|officer|coordinator|consultant|specialist|lead)))\b",
    re.IGNORECASE,
)
_LEGAL_FORM = re.compile(
    r"\b(?:pte|ltd|llp|inc|gmbh|bhd|limited|corp(?:oration)?|plc)\b", re.IGNORECASE
)
_WORD = re.compile(r"[^\s,()/]+")

HONORIFIC = re.compile(
    r"^(?:(?:Mr|Mrs|Ms|Miss|Mdm|Madam|Dr|Prof|Professor|Assoc\.?\sProf|A/Prof|Adj\.?\sProf|Er|Ar"
    r"|Sir"
    r"|Dato['\u2019]?|Datuk|Datin|Tan Sri|Rev|Ir|Capt|Captain|Col|Haji|Hajjah|Ustaz)\.?\s{1,2})+",
    re.IGNORECASE,
)
_AFTER_NAME = re.compile(
    r"\s{0,2}(?:,|\(|\||\s-\s).{0,60}$|\s{1,2}(?:PhD|Ph\.D\.?|MBA|CPA|CA|CFA|BSc|MSc|BBA|LLB|LLM"
    r"|BBM"
    r"|PBM|PPA|JP|DDS|BDS|MDS|MBBS|FRCS|MRCS|PMP|ACCA|Jr|Sr|II|III)\b\.?.{0,40}$"
)
_PARTICLES = word_set(
    "bin binte bte bt binti s/o d/o a/l a/p de da del della dela la le van von der den di al el "
    "ibn "
    "abu ben ter y e dos das do"
)
_NAME_WORD = re.compile(
    r"(?:[A-Z\u00c0-\u00de][a-z\u00df-\u00ff]+|[A-Z\u00c0-\u00de]['\u2019][A-Z]?[a-z]+"
    r"|Mc[A-Z][a-z]+"
    r"|Mac[A-Z][a-z]+|[A-Z]\.?(?:[A-Z]\.?){0,2}|[A-Z]{2,14})"
    r"(?:-(?:[A-Z\u00c0-\u00de][a-z\u00df-\u00ff]+|[A-Z]{2,14}|[a-z]{2,12}))?"
)
_NOT_NAME = word_set(
    "about our us the team teams contact contacts service services company companies home product "
    "products news privacy policy terms read more learn view sales general enquiry enquiries "
    "inquiry quick links link opening hours pte ltd private limited llp inc corp group holdings "
    "singapore malaysia asia pacific road street avenue drive lane park building tower plaza "
    "centre center office offices head main branch dental clinic customer support human resources "
    "resource january february march april june july august september october november december "
    "monday tuesday wednesday thursday friday saturday sunday thank you follow all rights reserved "
    "case study studies project projects management board directors advisory committee staff "
    "leadership executive executives department marketing finance operations technology "
    "engineering "
    "design development business account accounts accounting human legal admin administration "
    "information technical quality production logistics procurement purchasing research medical "
    "clinical creative digital media communications public relations corporate strategy regional "
    "national international global senior junior deputy vice chief new our what how why who when "
    "where is are get in touch send message email phone fax tel mobile address location locations "
    "gallery portfolio careers career jobs job blog events event testimonials faq login register "
    "menu search subscribe newsletter download brochure welcome meet key personnel people "
    "industries "
    "industry solutions solution partners clients mission vision values history awards award "
    "certification certifications call now book online shop store cart checkout wholesale retail "
    "trade restaurant cleaning training logistic education school academy university college "
    "institute bachelor master diploma degree science arts honours member fellow fellowship "
    "certified registered professional expertise experience practice areas specialties specialty "
    "north south east west central city state united states kingdom real estate health safety "
    "environment gift card cards vehicle style equipment supplies trading systems hotline free "
    "site map copyright welcome"
)


@lru_cache(maxsize=4096)
def is_title(text: str) -> bool:
    """Whether the whole text is a title: "Head of Operations", "Director, Sales & Marketing"."""
    if not 2 <= len(text) <= MAX_TITLE or text[-1] in ".!?:;" or text[0].isdigit():
        return False
    heads = list((_HEAD_OR_SHOUTED if text.isupper() else HEAD).finditer(text))
    if not heads or not _REST.match(text.title() if text.isupper() else text, heads[-1].end()):
        return False
    if _NO_TITLE.search(text) or _LEGAL_FORM.search(text) or "@" in text:
        return False
    words = _WORD.findall(text)
    if len(words) > 10:
        return False
    return all(word[0].isupper() or word.lower() in _SMALL or word[0] in "&(-" for word in words)


@lru_cache(maxsize=4096)
def clean_name(text: str) -> str | None:
    """The name of a person without honorific and degrees; ``None`` when it has not that form."""
    if not 4 <= len(text) <= MAX_NAME + 40 or "@" in text or any(c.isdigit() for c in text):
        return None
    bare = HONORIFIC.sub("", text.strip(" ,-\u2013|:"))
    honoured = len(bare) < len(text.strip(" ,-\u2013|:"))
    bare = _AFTER_NAME.sub("", bare).strip(" .,")
    words = bare.split()
    if not (1 if honoured else 2) <= len(words) <= 6 or len(bare) > MAX_NAME:
        return None
    if any(word.lower().strip(".,") in _NOT_NAME for word in words):
        return None
    if HEAD.search(bare) and not honoured:
        return None
    capitals = 0
    for word in words:
        if word.lower() in _PARTICLES or word == "@":
            continue
        if not _NAME_WORD.fullmatch(word):
            return None
        capitals += len(word.strip(".")) > 1
    return _cased(bare) if capitals else None


def _cased(name: str) -> str:
    """TAN AH KOW becomes Tan Ah Kow; mixed case stays as written."""
    if not name.isupper() or len(name) < 5:
        return name
    return " ".join(
        word.lower() if word.lower() in _PARTICLES else _capital(word) for word in name.split()
    )


def _capital(word: str) -> str:
    return "-".join(part[:1] + part[1:].lower() for part in word.split("-"))


def person_key(name: str) -> str:
    """A key that is the same for one person however the name is cased or honoured."""
    return " ".join(HONORIFIC.sub("", name).casefold().replace(".", "").split())[:200]


def mailbox_names(name: str) -> frozenset[str]:
    """Local parts a mailbox of this person would have: ``siti.lee``, ``slee``, ``lee.siti``."""
    words = [word for word in person_key(name).split() if word not in _PARTICLES]
    words = [re.sub(r"[^a-z]", "", word) for word in words]
    words = [word for word in words if word]
    if len(words) < 2:
        return frozenset(words)
    first, last, middle = words[0], words[-1], words[1:-1]
    forms = {(first, last), (last, first), tuple(words), (*words[1:], first), (first[0], last)}
    forms |= {(first, last[0]), (first[0] + "".join(w[0] for w in middle), last)}
    # Chinese names put the family first: Tan Ah Kow writes as ahkow.tan.
    forms |= {("".join(words[1:]), first), (first, "".join(words[1:])), ("".join(words[:-1]), last)}
    joined = {glue.join(form) for form in forms for glue in ("", ".", "_", "-")}
    return frozenset(joined | {first, "".join(words)})
