"""To whom words were said that came over the agent's speech: to it, or to somebody else in the room. Pure.

Who turns to another person calls them by name, tells them about the call, or speaks of what only somebody in the
room can see or do; a television speaks to its viewers. Each sign has a weight, and what callers want of an agent
weighs against it. A request that was taken for talk to another is worse than an answer to such talk, so in doubt
words are the agent's. A logistic model over words and pairs of words knew less of families that it had not seen.
"""

from __future__ import annotations

import re
from collections.abc import Collection

NAMES = frozenset(
    """
    adam alan alex alexander alfie alice alison amanda amber amelia amy andrea andrew andy angela anna anne
    annie anthony archie arthur ashley barbara becky ben benjamin beth bob brian callum carl carlos carol
    caroline catherine charles charlie charlotte chloe chris christina christine christopher claire clara
    colin connor craig dan daniel danny dave david debbie deborah dennis diana diane donna dylan eddie
    edward eleanor elena elizabeth ella ellen ellie emily emma eric erin ethan eva evelyn evie felix finn
    fiona frances freddie freya gareth gary gemma geoff george gordon graham greg hannah harriet harry hazel
    heather helen henry holly hugh hugo ian imogen isaac isabel isabella isla ivan jack jacob jake james
    jamie jan jane janet jason jasper jean jeff jen jennifer jenny jeremy jess jessica jill jim joan joanna
    joe joel john johnny jon jonathan josh joshua joyce judy julia julian julie karen karl kate katherine
    kathy katie keith kelly ken kevin kim kyle lara laura lauren lea leah leo leon lewis liam lily linda
    lisa liz logan louis louise lucas lucy luis luke lydia maggie marco marcus margaret maria marie mark
    martha martin mary mason matt matthew max megan melissa mia michael michelle mike millie molly monica
    nancy naomi natalie natasha nathan neil niamh nick nicola nicole nigel nina noah nora oliver olivia
    oscar owen pam patricia patrick paul paula pauline pete peter phil philip phoebe polly rachel ralph
    rebecca rhys richard rob robert robin roger ron ronnie rosie roy ruby russell ruth ryan sally sam
    samantha samuel sandra sara sarah scott sean sebastian sharon shaun simon sofia sophia sophie stacey
    stella stephanie stephen steve steven stuart sue susan suzanne sylvia tara teddy teresa terry theo
    thomas tim tina toby todd tom tommy tony tracy trevor valerie vanessa veronica victor vincent wendy
    wayne xavier yasmin zoe
    """.split()  # noqa: SIM905  a list of words reads as one
)
"""First names that are no everyday words."""
_KIN = frozenset(
    """
    mum mom mam mama mamma mummy mommy dad daddy dada papa grandma grandpa granny grandad nana auntie kids
    guys boys girls darling honey sweetheart sweetie sweetpea babe baby love dear everybody everyone
    """.split()  # noqa: SIM905
)
"""What people call others whom they know."""
_ANYBODY = frozenset(
    """
    guys boys girls darling honey sweetheart sweetie sweetpea babe baby love dear everybody everyone
    """.split()  # noqa: SIM905
)
"""What they call strangers too, at the end of what they say to them; honey is also had with tea."""
_GREETS = frozenset(
    """
    hey oh oi hi bye yes no yeah okay ok please thanks thank you look listen come on sorry well
    """.split()  # noqa: SIM905
)
"""Words that may stand before a name by which somebody is called."""
_JOINS = ("and", "or")
_BELONGS = frozenset(
    """
    is it's was for to with of from and or not name called named my your his her our the a an in mr mrs ms
    saint
    """.split()  # noqa: SIM905
)
"""Before a name: it belongs to what is said."""
_NAMED = re.compile(
    r"\b(?:name|named|called|meant|spelt|spelled|spell)\b|^(?:it's|it is|this is|for|with|not|ask|tell) \w+$"
)
"""Where a name belongs to what is said, and is not called."""
_YOURS = "shoes|coat|jacket|hands|teeth|homework|sister|brother|bath|toys|feet|face|bedroom"
_PLACES = (
    "table|floor|bed|sofa|shelf|chair|bath|sink|stairs|bag|fridge|oven|lamp|garden|kitchen|bathroom|desk"
)
_MEALS = "dinner|lunch|breakfast|supper|food|soup|tea|bath"
_THEY = "baby|kids|children|daddy|mummy|mum|dad|dog|cat|everybody|he|she"
_WEIGHTS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (
        3,
        (
            # the call
            (
                r"(?:i'm|i am|he's|she's|mum's|dad's|mummy's|daddy's|is) (?:\w+ ){0,2}on (?:the|my) (?:phone"
                r"|line|other line)"
            ),
            r"(?:i'm|i am) (?:(?:on|in) a (?:call|meeting)|(?:talking|speaking) to the)",
            r"i'll call you back",
            r"(?:my|your) phone is ringing",
            r"who(?:'s| is) at the door|answer the door",
            # what is seen or done in the room
            rf"your (?:{_YOURS})",
            rf"(?:{_MEALS})(?:'s| is) (?:ready|on the table|getting cold|running)",
            rf"(?:{_THEY})(?:'s| is| are) (?:sleeping|asleep|crying|awake|working)",
            (
                r"^(?:have you |has anybody |did you |can you |please )?(?:feed|fed|walk|walked) (?:the"
                r"|your) (?:dog|cat|fish|baby)"
            ),
            rf"(?:get|take|come|keep)\b.* (?:off|down from|away from) the (?:{_PLACES})",
            r"^(?:\w+ )?(?:mind|watch) (?:the|your) (?:step|head|feet|fingers)$",
            (
                r"watch out|don't (?:run|touch)|come (?:over )?here"
                r"|look at (?:that|this) \w+|there's an? \w+ (?:behind|in front of) you"
            ),
            r"(?:careful|mind|touch)\b.*\bhot",
            (
                r"^(?:\w+ )?(?:pass|hand) me the|set the table(?! for)|wash your"
                r"|brush your|hold the (?:door|lift)|keep the change"
            ),
            r"is (?:this|that) (?:seat|chair|place|table) (?:taken|free)",
        ),
    ),
    (
        5,
        (
            # broadcasts, which then speak of days and prices as callers do
            r"welcome (?:back )?to (?:the|our|my) (?:show|programme|news)|^welcome back|stay tuned",
            (
                r"after the(?:se)? (?:break|messages)|ladies and gentlemen"
                r"|you're watching|over to the studio|our next guest"
            ),
            (
                r"(?:that was|this is|here is) the news|^and now (?:for )?the (?:news|weather|sport"
                r"|traffic)"
            ),
            r"here's \w+ with the (?:news|sport|weather|traffic)",
        ),
    ),
    (
        2,
        (
            (
                rf"(?:put|leave|set) (?:it|them|that|the \w+) "
                rf"(?:over there|down|(?:on|in|under|by|next to) the (?:{_PLACES}))"
            ),
            (
                r"^(?:\w+ )?(?:sit(?: down)?|come in|get down|hurry up|come on|stop it)\b(?!.* (?:what"
                r"|how|when))"
            ),
            r"(?:i'm|i am) (?:just )?(?:talking|speaking) to (?:somebody|someone)",
            (
                r"(?:somebody|someone)(?:'s| is) at the door|go to (?:bed|sleep)"
                r"|(?:time for bed|bed ?time)|get in the car|wait outside"
                r"|over there"
            ),
            r"(?:i'll|i will|i'm|we'll) be (?:right |straight )?(?:down|up|out)\b|be right (?:there|down)",
            (
                r"(?:close|shut|open|get) the (?:window|door|curtains|blinds|fridge|gate)"
                r"|left the (?:door|window|light|tap)"
            ),
            r"where did you put (?:my|the)|have you seen (?:my|the)|(?:get|go) off the|you can't have",
        ),
    ),
    (
        1,
        (
            (
                r"(?:kettle|oven|fridge|rubbish|bin|laundry|washing|dishes|tap|telly|sofa|towel|biscuits?"
                r"|homework|stairs)"
            ),
            (
                r"be careful|turn (?:it|that|the music) down|leave it"
                r"|bring me|just a second"
            ),
        ),
    ),
    (
        -3,
        (
            # what callers want of an agent
            (
                r"(?:say|tell|hear|that|it) again|again please|repeat"
                r"|slower|louder|quieter|cancel|book|booking|order"
                r"|price|costs?|pay|paid|account|appointment|tickets?"
            ),
            (
                r"i (?:meant|said|asked)|you (?:said|told|mean)|my name"
                r"|instead|tell me|show me|send|explain|how (?:much|many)"
            ),
            r"^(?:(?:and|but|so|okay|yes|no|well|sorry|actually) )*(?:i (?:want|need|have|had|can't|"
            r"don't|would|think|like|already|live|left|lost)|i'd|i've|my|we want to|we need)",
        ),
    ),
    (
        -2,
        (
            r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|january|february|april|june|july|august",
            r"(?:is|are|was|were|does|do) (?:there|it|they)|(?:should|could|may|can|do) (?:i|we)",
        ),
    ),
)
"""What signs weigh. Three is sure; broadcasts outweigh a day."""
_SIGNS = tuple((weight, re.compile(rf"\b(?:{sign})(?!\w)")) for weight, signs in _WEIGHTS for sign in signs)
_SURE = _CALLED = 3
_CALLED_BARE = 2
"""What is enough, and what a call by name weighs: one between commas; one without, since a recogniser forgets them, or
by what anybody may be called."""

_GOES_ON = re.compile(
    r"(?:is|was|has|and|or|who|with|not|wants|said|told|already|needs|from|at|in|'s|\w+$)(?: |$)"
)
"""After a name: the sentence is about who has it, as far as one can tell."""
_TURNS_TO = re.compile(
    r"(?:can you|could you|will you|would you|have you|did you|do you|are you|where are|where's|come|stop|don't|put"
    r"|turn|wait|get|give|look|leave|your|dinner's|lunch is|i'm|i'll|what are you|what's that)\b"
)
"""After a name that nobody put a comma behind: who has it is spoken to."""


def for_another(text: str, own: Collection[str] = ()) -> bool:
    """Whether whole words, said over the agent's, were surely said to somebody else.

    Args:
        text: the words as a recogniser writes them, with its commas.
        own: lower-case names that the agent goes by.

    >>> for_another("Tom, dinner's ready."), for_another("Tom is my husband."), for_another("Tom, wait.", own=["tom"])
    (True, False, False)
    """
    text = text.replace("’", "'")
    said = " ".join(re.findall(r"[\w']+", text.lower()))
    weight = sum(weight for weight, sign in _SIGNS if sign.search(said))
    return weight + _called(text, own) >= _SURE


def calls(words: str, own: Collection[str] = ()) -> bool:
    """Whether the first words of a voice call somebody else by name, and then turn to whom they have called.

    >>> calls("Tom dinner's"), calls("Tom is"), calls("Tom")
    (True, False, False)
    """
    first, _, rest = _words(words).partition(" ")
    return _is_called(first, own) and bool(_TURNS_TO.match(rest))


def _words(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower())).removeprefix("hey ")


def _is_called(word: str, own: Collection[str]) -> bool:
    return word in NAMES | _KIN and word not in own


def _called(text: str, own: Collection[str]) -> int:
    """What it weighs that somebody is called by name, at either end of the words or in between."""
    parts = [words for part in re.split(r"[.,;:!?]", text.lower()) if (words := part.split())]
    called = [p for p in parts if _is_called(p[-1], own) and all(word in _GREETS for word in p[:-1])]
    rest = [p for p in parts if p not in called and not all(_is_called(w, own) or w in _JOINS for w in p)]
    if called and any(len(p) > 1 for p in rest) and not any(_NAMED.search(" ".join(p)) for p in rest):
        sure = parts[0] in called or any(p[-1] not in _ANYBODY for p in called)
        return _CALLED if sure else _CALLED_BARE
    if calls(text, own):
        return _CALLED
    first, _, after = _words(text).partition(" ")
    begins = bool(after) and _is_called(first, own) and not _GOES_ON.match(after)
    return _CALLED_BARE if begins or _ends_with_a_call(text, own) else 0


def _ends_with_a_call(text: str, own: Collection[str]) -> bool:
    *before, last = re.findall(r"[\w']+", text) or [""]
    alone = len(before) > 2 and before[-1].islower() and before[-1] not in _BELONGS
    return alone and _is_called(last.lower(), own)


def names_in(text: str) -> frozenset[str]:
    """The names in what is told of an agent, which it then may go by.

    >>> sorted(names_in("This is Emma, who works with Tom."))
    ['emma', 'tom']
    """
    return NAMES.intersection(re.findall(r"[\w']+", text.lower()))
