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

# Cues of what kind of answer a question asks for; a sentence that has the cue is the likelier one.
_MONEY = r"(?i)\b(?:euros?|pounds?|dollars?|cents?|pence|free|costs?|pays?)\b|[$€£]"
_TIME = (
    r"(?i)\b(?:\d{4}|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|may|june|july|august|"
    r"september|october|november|december|morning|noon|afternoon|evening|night|half past|o'clock|century|"
    r"spring|summer|autumn|winter|years? ago|hours?|minutes|ten|eleven|twelve|one|two|three|four|five|six|seven|eight|"
    r"nine)\b"
)
_NUMBER = (
    r"(?i)\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    r"seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|"
    r"half|once|twice|third|quarter)\b"
)
_SPAN = (
    r"\b(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|centur|metres?|meters?|kilomet|miles?|feet\b)"
)
_DURATION = r"(?i)(?<!\ba )(?<!per )\b(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|centur)"
_AGE = r"(?i)\b(?:years? old|aged?|born|built|founded|opened|made|dates?|since|from (?:about )?\d+|formed)\b"
_PLACE = (
    r"\b(?:lies?|is|are|was|were|stands?|sits?|\w+ed)\b.{0,12}\b(?:in|at|on|near|between|beside|beneath|below|under|"
    r"above|behind|along|north|south|east|west|opposite)\b"
)
_NEARBY = r"\b(?:in|into|at|on|onto|near|between|beside|below|under|above|from|to|through|underneath)\b"
_CAUSE = r"(?i)\b(?:because|since|so|comes? from|due to|caused?|makes?|which|collects?)\b"
_NAME = r"(?<=[a-z,] )[A-Z][a-z]+"
ANSWER_KINDS: tuple[tuple[str, str], ...] = (
    (r"\bhow much\b.*\b(?:costs?|pay|charge|fee|ticket|price)|\b(?:price|cost)\b", _MONEY),
    (r"^how (?:warm|hot|cold)\b", r"(?i)\bdegrees?\b"),
    (r"\bhow old\b", _AGE),
    (r"^what does (?!it\b)\S+ mean\W*$", r"(?i)\b(?:means?|word for|stands? for|called|names?)\b"),
    (r"\bhow (?:big|large) (?:is|are)\b", r"(?i)\b(?:square|hectares?|acres?|area|metres?|meters?|times)\b"),
    (r"\bhow long (?:do|does|did|will|can)\b(?!.*\b(?:last|live)\b)", _DURATION),
    (r"\bhow (?:long|far)\b", _SPAN),
    (r"\bhow (?:many|much|high|tall|deep|wide|fast|big|large|heavy|old|hot|cold|often)\b", _NUMBER),
    (
        r"^(?:(?:until|since|by|from|till) )?when\b|\b(?:what time|what year|which (?:day|year|month)|how late)\b",
        _TIME,
    ),
    (r"^where (?:did|does|do|can|could|should)\b", _NEARBY),
    (r"^where\b", _PLACE),
    (r"^why\b", _CAUSE),
    (r"^(?:who|whose|whom)\b", _NAME),
)
