"""Countries, continents and some of their parts: which of two places can hold the other. Data, and three functions.

What is not here is unknown, and nothing is concluded from it. Names that are also another place's (Georgia) are left
out.
"""

from __future__ import annotations

import re
from functools import cache

_TABLE = """
Africa, African: Algeria, Algerian; Angola, Angolan; Benin; Botswana; Burkina Faso; Burundi; Cameroon; Cape
 Verde; Chad; Comoros; Djibouti; Egypt, Egyptian; Equatorial Guinea; Eritrea; Eswatini; Ethiopia, Ethiopian;
 Gabon; Gambia; Ghana, Ghanaian; Ivory Coast; Kenya, Kenyan; Lesotho; Liberia; Libya, Libyan; Madagascar;
 Malawi; Mali; Mauritania; Mauritius; Morocco, Moroccan; Mozambique; Namibia; Niger; Nigeria, Nigerian; Congo;
 Rwanda; Senegal; Seychelles; Sierra Leone; Somalia; South Africa, South African; South Sudan; Sudan; Tanzania,
 Tanzanian; Togo; Tunisia, Tunisian; Uganda, Ugandan; Zambia, Zambian; Zimbabwe
Asia, Asian: Afghanistan; Armenia; Azerbaijan; Bahrain; Bangladesh; Bhutan; Brunei; Cambodia; China, Chinese;
 India, Indian; Indonesia, Indonesian; Iran, Iranian; Iraq; Israel, Israeli; Japan, Japanese; Jordan;
 Kazakhstan; Kuwait; Kyrgyzstan; Laos; Lebanon; Malaysia; Maldives; Mongolia, Mongolian; Myanmar, Burma; Nepal;
 North Korea; Oman; Pakistan; Palestine; Philippines; Qatar; Russia, Russian; Saudi Arabia; Singapore; South
 Korea; Sri Lanka; Syria; Taiwan; Tajikistan; Thailand, Thai; Turkey, Turkish; Turkmenistan; United Arab
 Emirates; Uzbekistan; Vietnam, Vietnamese; Yemen
Europe, European: Albania; Andorra; Austria, Austrian; Belarus; Belgium, Belgian; Bosnia; Bulgaria; Croatia;
 Cyprus; Czech Republic, Czech; Denmark, Danish; Estonia; Finland, Finnish; France, French; Germany, German;
 Greece, Greek; Hungary, Hungarian; Iceland, Icelandic; Ireland, Irish; Italy, Italian; Kosovo; Latvia;
 Liechtenstein; Lithuania; Luxembourg; Malta; Moldova; Monaco; Montenegro; Netherlands, Dutch, Holland; North
 Macedonia; Norway, Norwegian; Poland, Polish; Portugal, Portuguese; Romania; Russia, Russian; Serbia; Slovakia;
 Slovenia; Spain, Spanish; Sweden, Swedish; Switzerland, Swiss; Turkey, Turkish; Ukraine; United Kingdom, UK,
 Britain, Great Britain, British; Kazakhstan; Azerbaijan
North America: Bahamas; Barbados; Belize; Canada, Canadian; Costa Rica; Cuba, Cuban; Dominican Republic; El
 Salvador; Greenland; Grenada; Guatemala; Haiti; Honduras; Jamaica, Jamaican; Mexico, Mexican; Nicaragua;
 Panama; Puerto Rico; United States, US, USA, United States of America, American
South America, South American: Argentina; Bolivia, Bolivian; Brazil, Brazilian; Chile, Chilean; Colombia;
 Ecuador; Guyana; Paraguay; Peru, Peruvian; Suriname; Uruguay; Venezuela
Oceania: Australia, Australian; Fiji; Kiribati; New Zealand; Papua New Guinea; Samoa; Solomon Islands; Tonga;
 Vanuatu
Antarctica, Antarctic:
Russia: Siberia, Siberian; Karelia; Kamchatka
United Kingdom: England, English; Scotland, Scottish; Wales, Welsh; Northern Ireland
Germany: Bavaria, Bavarian; Saxony; Brandenburg; Hesse
Italy: Lombardy; Tuscany; Sicily; Sardinia; Piedmont; Veneto
France: Brittany; Normandy; Provence; Corsica; Burgundy; Alsace
Spain: Catalonia; Andalusia; Galicia
Indonesia: Sumatra; Java; Bali
Canada: Alberta; British Columbia; Manitoba; New Brunswick; Newfoundland; Nova Scotia; Ontario; Quebec;
 Saskatchewan; Yukon
Australia: Tasmania; Queensland; New South Wales
United States: Alabama; Alaska; Arizona; Arkansas; California; Colorado; Connecticut; Delaware; Florida; Hawaii;
 Idaho; Illinois; Indiana; Iowa; Kansas; Kentucky; Louisiana; Maine; Maryland; Massachusetts; Michigan;
 Minnesota; Mississippi; Missouri; Montana; Nebraska; Nevada; New Hampshire; New Jersey; New Mexico; New York;
 North Carolina; North Dakota; Ohio; Oklahoma; Oregon; Pennsylvania; Rhode Island; South Carolina; South Dakota;
 Tennessee; Texas; Utah; Vermont; Virginia; Washington; West Virginia; Wisconsin; Wyoming
"""


@cache
def _places() -> tuple[dict[str, str], dict[str, set[str]]]:
    """By each spelling, the place's name; by name, what holds it directly."""
    spelt: dict[str, str] = {}
    holders: dict[str, set[str]] = {}
    for row in re.sub(r"\n ", " ", _TABLE).strip().splitlines():
        whole, _, parts = row.partition(":")
        for each in (whole, *parts.split(";")):
            names = [name.strip() for name in each.split(",") if name.strip()]
            for name in names:
                spelt.setdefault(name, names[0])
            if names and each is not whole:
                holders.setdefault(names[0], set()).add(whole.split(",")[0])
    return spelt, holders


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_places()[0], key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")


def places_in(text: str) -> list[tuple[str, str]]:
    """The places that a text names: as written there, and the place's own name.

    >>> places_in("a Peruvian city near Lake Poopo in Bolivia")
    [('Peruvian', 'Peru'), ('Bolivia', 'Bolivia')]
    """
    return [(match[0], _places()[0][match[0]]) for match in _pattern().finditer(text)]


def holders(place: str) -> set[str]:
    """All that a place lies in: a state's country and that one's continents."""
    direct = _places()[1].get(place, set())
    return direct.union(*(holders(each) for each in direct))


def apart(one: str, other: str) -> bool:
    """Whether neither place holds the other.

    >>> apart("Siberia", "Peru"), apart("Siberia", "Asia"), apart("Europe", "France")
    (True, False, False)
    """
    return one != other and one not in holders(other) and other not in holders(one)


def narrowest(places: set[str]) -> set[str]:
    """Those that hold none of the others: of Oregon and the United States, Oregon."""
    return places - {holder for each in places for holder in holders(each)}
