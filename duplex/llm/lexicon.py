"""Word lists of the grounding checks, as data: function words, kin, numbers, and what each kind of answer looks like.

English. Another language needs another file like this one.
"""

from __future__ import annotations


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Function words, and what people wrap a question in: they carry no content.
STOP = _set("""
    a an the this that these those there here it its he him his she her they them their we us our you your i me my
    is are was were be been being am do does did done have has had having can could will would shall should may might
    must of in on at to from by for with about into over under after before during between near as than then so and or
    but not no nor if when where who whom whose which what why how while because until also just only very too quite
    really please tell know say think want like ask question well ok okay yes hello hi hey thanks thank um uh er
    much many long any some all every each other another such own same more most less least get got go give let make put
    out up down off again one's s t ll re ve d m kind sort type number thing something anything happen mean called
    name exactly approximately roughly around s't isn't doesn't don't can't there's what's who's it's that's
""")

# Words that ask for a measure or a direction: they need not occur, but speak for a sentence that has them.
MEASURES = _set(
    "take last high tall deep wide far fast big large heavy old hot cold warm often soon late early quick long"
)

# Words that answer one another. Each line is one group.
KIN = """
cost price pay charge fee euro pound dollar cent expensive cheap
weigh weight heavy gram kilo kilogram tonne ton
height high tall
depth deep
width wide
length long
last take
own owner
found founder
write writer author
paint painter
restart reset reboot anew again
flow leave drain
form formed arise origin
sink sank wreck
planet world earth
big biggest large largest
film shot filmed
animal fish bird
teach lesson course
age old found build open date
borrow lend loan lends
start begin
build construct design designer make erect built builder maker
area big large size
biggest largest
people population inhabitant live
speed fast
temperature hot warm cold degree
end finish close
inventor invent
discover find found
buy sell purchase shop
eat feed food diet
live dwell home habitat nest
holiday vacation
film movie
lorry truck
bicycle bike
child kid
tyre tire
colour color
metre meter
kilometre kilometer
litre liter
grey gray
centre center
allow permit may
repair fix
country state nation
"""

UNITS = {
    word: value
    for value, word in enumerate(
        (
            *(
                "zero",
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
                "twelve",
            ),
            *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        )
    )
}
TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}

# What each kind of answer looks like. In a cue, <n> stands for a number, in digits or in words.
_NUMBER = (
    r"(?:\d[\d,.]*|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    r"sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|"
    r"million|billion|half|third|quarter|tenth)s?\b)"
)
_MONEY = r"\b(?:euros?|pounds?|dollars?|cents?|pence|yen|crowns?|free|costs?|pays?)\b|[$€£]"
_TIME = (
    r"\b(?:1\d{3}|20\d\d|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|may|june|july|"
    r"august|september|october|november|december|morning|noon|afternoon|evening|night|midnight|half past|o'clock|"
    r"century|spring|summer|autumn|winter|ago|daily|(?:until|from|at|to|before|after|between) (?:one|two|three|four|"
    r"five|six|seven|eight|nine|ten|eleven|twelve|\d+)(?! \w+s\b))\b"
)
_METRES = (
    r"<n>[\w ,-]{0,20}?\b(?:met(?:re|er)s?|kilomet\w+|centimet\w+|millimet\w+|miles?|feet|foot|inch\w*)\b"
)
_UNITS = r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|centur\w+)"
_SPAN = rf"<n>[\w ,-]{{0,25}}?(?<!\ba )(?<!per )\b{_UNITS}\b|\buntil\b"
_PLACE = (
    r"\b(?:in|into|at|on|onto|near|between|beside|behind|below|under|above(?! sea)|from|to|through|underneath|beneath|"
    r"opposite|around|along|north|south|east|west)\b"
)
_PERIOD = r"(?:an?|per|every|each) (?:second|minute|hour|day|week|month|year|century)\b"
_RATE = rf"<n>.{{0,30}}\b{_PERIOD}|\b(?:seconds|minutes)\b"
_COLOUR = r"\b(?:red|green|blue|yellow|white|black|brown|gr[ae]y|orange|pink|purple|golden|silver|dark|colou?r\w*)\b"
ANSWER_KINDS: tuple[tuple[str, str], ...] = tuple(
    (ask, cue.replace("<n>", _NUMBER))
    for ask, cue in (
        (
            r"\bhow much\b.*\b(?:costs?|pay|charge|fee|tickets?|price)|\b(?:price|costs?|have to pay)\b|"
            r"^how much (?:is|are) (?:an?|the)\b|\bhow expensive\b",
            _MONEY,
        ),
        (r"\bhow (?:warm|hot|cold)\b|\btemperature\b", r"\bdegrees?\b"),
        (r"\bhow loud\b", r"\bdecibels?\b"),
        (r"\bhow old\b", r"\b(?:years?|aged?|1\d{3}|20\d\d|centur\w+|since|born)\b"),
        (
            r"\bhow (?:big|large)\b|\bwhat size\b|\b(?:the|what) area\b",
            r"<n>[\w ,-]{0,14}?\b(?:square|hectares?|acres?|people|\w*met(?:re|er)s? (?:long|wide|across|tall|high))\b|"
            r"\btimes\b",
        ),
        (r"\bhow long (?:is|are|was) (?:the|a|an|its?)\b", f"{_METRES}|{_SPAN}"),
        (r"\bhow (?:far|wide|tall|high|deep|thick)\b|\bthe (?:depth|height|length|width)\b", _METRES),
        (r"\bhow long\b.* (?:take|live|keep|ago|last|stay)\b", _SPAN),
        (r"\bhow long (?:has|have|had)\b|\bhow far back\b|\bsince when\b", f"{_SPAN}|{_TIME}|\\btimes\\b"),
        (r"\bhow long\b", f"{_METRES}|{_SPAN}"),
        (
            r"\bhow heavy\b|\bweigh\b|\bthe weight\b",
            r"<n>[\w -]{0,14}?\b(?:kilo\w*|\w*grams?|tonnes?|tons?|pounds?)\b",
        ),
        (r"\bhow (?:fast|quick|quickly|soon)\b", _RATE),
        (
            r"\bhow often\b",
            rf"\b(?:every|once|twice|times|daily|weekly|monthly|yearly|{_PERIOD})\b",
        ),
        (
            r"\bhow (?:many|much)\b|\bthe (?:population|number) of\b",
            r"(?<!\d)(?!(?:1[5-9]|20)\d\d\b)<n>|\b(?:more|most|all|no)\b",
        ),
        (
            r"^(?:(?:until|since|by|from|till) )?when\b|\b(?:what|which) (?:time|year|day|date|months?|century|season)"
            r"\b|\bhow late\b|\bopening (?:times|hours)\b",
            _TIME,
        ),
        (r"\b(?:what|which) colou?r\b", _COLOUR),
        (r"^(?:from |to )?where\b", _PLACE),
        (
            r"^why\b",
            r"\b(?:because|since(?! (?:then|\d))|so|comes? from|due to|caus\w+|makes?|which|collects?|when|for)\b",
        ),
    )
)
"""Pairs of patterns, for a question and for a sentence that can answer it; the first that fits the question counts."""

DIMENSIONS: tuple[tuple[str, str], ...] = (
    (r"\bhow deep\b|\bdepth\b|\bdeepest (?:point|part)\b", r"\b(?:deep|depth|deepest|down)\b"),
    (
        r"\bhow long (?:is|are|was|were)\b|\blength\b",
        r"\b(?:long|length|longest|lasts?|hours?|days?|weeks?|months?|years?)\b",
    ),
    (r"\bhow wide\b|\bwidth\b", r"\b(?:wide|width|widest|across)\b"),
    (
        r"\bhow (?:high|tall)\b|\bheight\b",
        r"\b(?:high|tall|height|highest|tallest|above|below|rises?|altitude)\b",
    ),
    (r"\b(?:what|the|surface) area\b", r"\b(?:square|area|hectares?|acres?)\b"),
)
"""Pairs of patterns, for a question about one dimension of a thing and for a sentence that measures it."""

OUT_OF, INTO = r"\b(?:out of|flows? out|flows? from|leaves?|drains?)\b", r"\b(?:into|flows? in|feeds?)\b"
"""What goes out of a thing, and what goes into it."""

WHO = r"^(?:by |to |from )?(?:who|whose|whom)\b"
PERSON = (
    r"\b(?:male|female|queen|king|family|people|widow|man|men|woman|women|mother|father|child|children|pilots?|knights?|"
    r"danes?|scientists?|artists?|engineers?|workers?|volunteers?|guests?|visitors?)\b"
)
NAMED = (
    r"\b(?:name of|called|named)\b|^(?:in |on |to |from |between |after |of |for )?(?:which|what) (?:(?:two|three|"
    r"other|famous|big|small|main|large) )*(?:countr|river|city|cities|town|states?\b|composer|painter|artist|"
    r"architect|person|company|firm|ship|canal|movie|film|volcano|island|village|mountain|lakes?\b|sea\b|language)"
)
"""Questions that only a name answers."""

PLACE_NAME = (
    r"\b(?:in|on|at|near|along|from|across) (?:[A-Z][\w-]*(?:,? (?:and )?)?)+|"
    r"\b(?:Lake|Loch|Mount|River|Mont|Isle|Sea|January|February|March|April|May|June|July|August|September|October|"
    r"November|December)(?: [A-Z][\w-]*)*"
)
"""Names of places and months, which "Who ...?" does not ask for."""

LOOSE_NAMES = _set("""
    january february march april may june july august september october november december christmas easter
    monday tuesday wednesday thursday friday saturday sunday
    africa african america american asia asian australia australian europe european antarctic arctic
    english british german french italian spanish russian siberian chinese japanese
""")
"""Written with a capital, but a passage that answers may well say it otherwise, or leave it out."""

COUNTED = r"\bhow many ((?:[\w'-]+ ?){1,3})"
