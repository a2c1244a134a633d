"""What a question means in its conversation: follow-ups are resolved before retrieval.

"And how deep is it?" finds nothing in an index. The previous turns name what "it" is; putting that name into the
question serves the search and the small model alike. Pure functions, no model: they cost microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from duplex.llm.types import Message
from duplex.llm.words import content


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LEAD = re.compile(r"^(?:and|so|but|okay|ok|well|then|also|or|now)[, ]+", re.I)
_ABOUT = re.compile(r"^(?:what|how) about (.+)$|^(?:in|on|at|for|of|with|from) (.+)$", re.I)
_MEANT = re.compile(
    r"^(?:(?:no|sorry|wait|actually|oh)[,. ]+)*i (?:meant|mean)(?: to say)? (?:(?:in|on|at|for|of|with|from) )?(.+)$",
    re.I,
)
_SAME_KIND = tuple(
    re.compile(rf"\b(?:{names})\b", re.I)
    for names in (
        "monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow|yesterday|tonight",
        "january|february|march|april|june|july|august|september|october|november|december",
        r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d+",
    )
)
"""Of what is corrected, one takes the place of another."""
_PRONOUN = re.compile(
    r"\b(?:it(?! (?:take|rain|snow|matter|work)s?\b)|he|she|they|them|him|that one|this one|the same one|"
    r"(?<=about )that|(?<=of )that)\b(?!')",
    re.I,
)
_EXPLETIVE = re.compile(
    r"\b(?:is|was) it (?:(?:so|too|very|not|always|still|really) )*(?:allowed|bad|best|better|common|dangerous|"
    r"difficult|easy|forbidden|good|hard|important|impossible|legal|necessary|normal|possible|rare|safe|true|unusual|worth)\b",
    re.I,
)
"""An "it" that stands for what follows: "Why is it so hard to swim there?"."""
_THEY = re.compile(r"they\b", re.I)
_POSSESSIVE = re.compile(r"\b(?:its|their|his|her)\b(?= \w)", re.I)
_THERE = re.compile(r"\bthere\b(?! (?:is|are|was|were|any|a|an)\b)", re.I)
_IS_THERE = re.compile(r"\b(?:is|are|was|were) there\b", re.I)
_NAME = re.compile(r"\b[A-Z][\w'’-]*(?: (?:(?:of|the|de|du|la) )*[A-Z][\w'’-]*)*")
_THING = re.compile(r"\b(?:the|a|an|your|my|our) ((?:[a-z][\w'’-]*(?: |$)){1,3})")
_IDENTITY = re.compile(r"^(?:which|who|what(?:'s| is| was| are) (?:the|a|your) (?-i:[a-z]))", re.I)
_NOT_NAMES = _set(
    "I I'm What Which Who Whose When Where Why How Is Are Was Were Do Does Did Can Could Will Would "
    "Should Has Have Tell And So But The A An It Its He She They In On At Yes No Sorry"
)
_BREAK = _set(
    "is are was were has have had do does did can in on at of to for from with that which who and or "
    "when not cost take need will would close open start end last weigh live"
)


def contextualise(question: str, history: Sequence[Message]) -> str:
    """The question with what it refers to written out; unchanged where it stands alone.

    Args:
        question: the user's words.
        history: the turns before it, oldest first, without system messages.

    >>> turns = [Message("user", "How old is Wetchley Bridge?"), Message("assistant", "It is from 1931.")]
    >>> contextualise("And how long is it?", turns)
    'How long is Wetchley Bridge?'
    """
    text = _capital(_LEAD.sub("", question.strip()))
    before = _last(history, "user")
    if before is None or re.search(r"\btime is it\b", text):
        return question.strip()
    about = _ABOUT.match(text.rstrip("?.! "))
    if about and len(content(text)) <= 5 and not _NAME.fullmatch(before):
        return _ask_about(before, (about.group(1) or text.rstrip("?.! ")).strip(), bool(about.group(1)))
    if (meant := _MEANT.match(text.rstrip("?.! "))) and (corrected := _correct(before, meant.group(1))):
        return corrected
    topic = topic_of(history)
    if topic is None:
        return question.strip()
    resolved = _refer(text, topic)
    if resolved != text:
        return resolved
    if len(content(text)) <= 1 and not _names(text):  # "How deep?", "Why?"
        return f"{text.rstrip('?.! ')}, {topic}?"
    return question.strip()


def topic_of(history: Sequence[Message]) -> str | None:
    """What the conversation is about: a name in the last exchange, else the thing that was asked about.

    After a question for an identity ("Which is the deepest lake?") the answer names the topic, otherwise the question.
    """
    for index in range(len(history) - 1, -1, -1):
        if history[index].role != "user":
            continue
        asked = history[index].content
        said = history[index + 1].content if index + 1 < len(history) else ""
        for text in (said, asked) if _IDENTITY.match(asked) else (asked, said):
            if found := [name for name in _names(text) if text is asked or name not in asked]:
                return found[0]
        if thing := _thing(asked):
            return thing
    return None


def _last(history: Sequence[Message], role: str) -> str | None:
    return next((message.content for message in reversed(history) if message.role == role), None)


def _names(text: str) -> list[str]:
    """Runs of capitalised words; the word that begins a sentence only counts as part of a longer run or if rare."""
    found = []
    for match in _NAME.finditer(text):
        run = match.group().split()
        while run and run[0] in _NOT_NAMES:
            run = run[1:]
        starts = match.start() == 0 or text[: match.start()].rstrip().endswith((".", "?", "!"))
        if run and (len(run) > 1 or not starts):
            article = "the " if re.search(r"\bthe $", text[: match.start()], re.I) else ""
            found.append(article + " ".join(run).removesuffix("'s"))
    return found


def _thing(text: str) -> str | None:
    for match in _THING.finditer(text):
        kept: list[str] = []
        for word in match.group(1).split():
            if word in _BREAK:
                break
            kept.append(word)
        if kept:
            return "the " + " ".join(kept)
    return None


def _refer(text: str, topic: str) -> str:
    """Write the topic where a pronoun stands, once; the rest of the sentence stays."""
    owner = topic + ("'" if topic.endswith("s") else "'s")
    for pattern, put in ((_POSSESSIVE, owner), (_PRONOUN, topic)):
        if (match := pattern.search(text)) and not _explained(text, match.start()):
            return _capital(pattern.sub(put, text, count=1))
    if _THERE.search(text) and not _IS_THERE.search(text):
        return _THERE.sub(f"at {topic}", text, count=1)
    if _IS_THERE.search(text) and len(content(text)) <= 2 and not _names(text):
        return f"{text.rstrip('?.! ')} at {topic}?"
    return text


def _explained(text: str, pronoun: int) -> bool:
    """Whether a pronoun stands for a name before it, for what follows it, or for people at large."""
    if _THEY.match(text, pronoun) and _names(text):  # "What do they call the trunk in Crater Lake?"
        return True
    own = _EXPLETIVE.search(text)
    return bool(_names(text[:pronoun])) or (own is not None and own.start() <= pronoun < own.end())


def _ask_about(before: str, new: str, replaces: bool) -> str:
    """The previous question asked of something else: "How deep is Lake Como?" + "Lake Garda"."""
    if replaces and (found := _names(before)) and found[0].removeprefix("the ") in before:
        old = found[0].removeprefix("the ")
        head, _, tail = before.partition(old)
        return re.sub(r"\bthe $", "", head) + new + tail
    return f"{before.rstrip('?.! ')} {new[:1].lower() + new[1:] if not replaces else new}?"


def _correct(before: str, meant: str) -> str | None:
    """The previous question with what was wrong in it replaced; None where it is not clear what that was."""
    for kind in _SAME_KIND:
        if kind.fullmatch(meant) and len(found := kind.findall(before)) == 1:
            return before.replace(found[0], meant)
    thing = _thing(before) if _thing(meant) else None
    if thing is not None and thing in before:
        return before.replace(thing, meant, 1)
    names = _names(before)
    if len(names) == 1 and names[0] in before and _NAME.fullmatch(meant):
        return before.replace(names[0], meant, 1)
    return None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
