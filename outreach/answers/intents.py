"""What a person means by a reply, as far as a rule can tell: no more mail, away, or a person reads.

Only the reply's own words count, never what it quotes: every mail of ours says "unsubscribe". The
languages are those one is answered in from Singapore (English, Chinese, Malay and Indonesian,
Tamil) and the commonest of its neighbours' customers. In doubt a person reads it.
"""

from __future__ import annotations

import re
from enum import StrEnum

from outreach.bounces.bounce_words import any_of

MOST_LINES = 12  # own words looked at
MOST_CHARACTERS = 1200
SHORT = 80  # an opt-out with more words than this also waits for a person


class Intent(StrEnum):
    OPT_OUT = "OPT_OUT"
    AWAY = "AWAY"
    REPLY = "REPLY"


_QUOTE_BEGINS = re.compile(
    r"(?im)^\s*(?:"
    r">|[-_=*]{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht"
    r"|原始邮件|原始郵件|原邮件|mesej asal|pesan asli)|_{10,}\s*$"
    r"|(?:on|am|le|el|il|op|pada|em)\b.{4,200}\b(?:wrote|schrieb|a écrit|escribió|ha scritto"
    r"|schreef|menulis|escreveu)\s*:"
    r"|(?:在|于|於).{4,120}(?:写道|寫道)\s*[:\uff1a]|.{4,120}(?:写道|寫道)[:\uff1a]\s*$|.{4,120}のメッセージ"
    r"|(?:from|von|de|dari|daripada|发件人|發件人|寄件者|差出人|அனுப்புநர்)\s*[:\uff1a].{2,200}$"
    r"|-- $|sent from my |get outlook for "
    r")"
)
_ON_TWO_LINES = re.compile(r"(?im)^\s*on [^\n]{4,200}\n[^\n]{0,200}wrote:\s*$")

_OPT_OUT = any_of(
    r"\bun-?subscri(?:be|bed)\b",
    r"\bopt(?:ing)?[- ]?out\b",
    r"\b(?:remove|delete|drop|strike) (?:me|us|my|our|this)\b",
    r"\btake (?:me|us|my \S+|our \S+) off\b",
    r"\bstop (?:all )?(?:e-?mail|mail|contact|send|writ|messag|spam)",
    r"\b(?:do not|don'?t|never|please no) (?:ever )?(?:e-?mail|mail|contact|write|send|message)\b",
    r"\bno (?:more|further) (?:e-?mail|mail|message|contact|letter)",
    r"\b(?:do not|don'?t) (?:want|wish) (?:to (?:receive|get|hear)|any (?:more )?(?:e-?mail|mail))",
    r"\bcease and desist\b",
    r"\bnot to (?:be )?contact(?:ed)?\b",
    r"^\W*(?:stop|remove|unsub)\W*$",
    "退订|退訂|取消订阅|取消訂閱|不要再|(?:请|請)?(?:勿|不要)(?:再)?(?:发|發|寄|联系|聯絡|聯繫|来信|來信)",
    "别再|別再|停止(?:发送|發送|联系|聯絡|寄)|(?:移除|删除|刪除)我",
    r"\b(?:berhenti|henti(?:kan)?) (?:melanggan|langganan|hantar|menghantar|kirim|mengirim|e-?mel)",
    r"\b(?:nyahlanggan|batal langganan)\b",
    r"\bjangan (?:lagi )?(?:hantar|hubungi|kirim|e-?mel|e-?mail)",
    r"\b(?:keluarkan|buang|hapus|padam)(?:kan)? (?:saya|kami|nama|e-?mel|e-?mail|alamat)",
    r"\btidak (?:mahu|mau|ingin) (?:lagi )?(?:menerima|terima|dihubungi)",
    "குழுவிலக|சந்தாவை (?:நீக்க|ரத்து)|அனுப்ப வேண்டாம்|அனுப்பாதீர்கள்|தொடர்பு கொள்ள(?: வேண்டாம்|ாதீர்கள்)",
    r"\b(?:abmelden|abbestellen|austragen)\b",
    r"keine (?:weiteren )?(?:e-?)?mails?",
    "désabonne|désinscri|me retirer de",
    "配信停止|配信を(?:停止|止め)|送らないで",
    r"\bngừng gửi|hủy đăng ký",
)
_NOT_MEANT = re.compile(
    r"\b(?:do not|don'?t|not want to|wouldn'?t|never|no need to|rather not) (?:\w+ ){0,2}"
    r"(?:unsubscribe|opt[- ]?out|remove (?:me|us)|stop)",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"(?:i am|i'm|we are|our office is|i will be|this is an auto\w* (?:reply|response|message))\b"
    r".{0,40}\b(?:out of (?:the )?office|on (?:\w+ )?leave|away from|on holiday|on vacation|closed)"
    r"|^\W*(?:this is an auto\w* |auto(?:matic|mated)? ?(?:reply|response))"
    r"|我(?:目前|现在|現在|正在)?.{0,6}(?:休假|不在办公室|不在辦公室|出差|外出)"
    r"|saya (?:sedang |kini )?(?:bercuti|cuti|berada di luar pejabat)"
    r"|ich bin (?:derzeit|bis|vom) .{0,40}(?:abwesend|nicht im (?:büro|haus)|urlaub)",
    re.IGNORECASE | re.DOTALL,
)


def intent_of(text: str, *, subject: str = "") -> Intent:
    """What the reply ``text`` means. ``subject`` counts when it says no more than "unsubscribe"."""
    words = own_words(text)
    if _BARE_SUBJECT.fullmatch(subject.strip()):
        return Intent.OPT_OUT
    if _AWAY.search(words[:300]):
        return Intent.AWAY
    if _OPT_OUT.search(words) and not _NOT_MEANT.search(words):
        return Intent.OPT_OUT
    return Intent.REPLY


def own_words(text: str) -> str:
    """The first lines the sender wrote, up to a quotation or a signature."""
    text = text[: MOST_CHARACTERS * 4]
    ends = [
        found.start() for rule in (_QUOTE_BEGINS, _ON_TWO_LINES) if (found := rule.search(text))
    ]
    kept = text[: min(ends)] if ends else text
    lines = [line.strip() for line in kept.splitlines() if line.strip()]
    return "\n".join(lines[:MOST_LINES])[:MOST_CHARACTERS]


_BARE_SUBJECT = re.compile(
    r"(?:re:\s*)?(?:please )?(?:unsubscribe(?: me| us)?|opt[- ]?out|remove(?: me| us)?|stop)[.! ]*",
    re.IGNORECASE,
)
