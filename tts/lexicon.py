"""How written shorthand is said in English: abbreviations, units, currencies, symbols. Data, no code."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _pairs(text: str) -> dict[str, str]:
    """ "a=b" entries, separated by semicolons or line ends."""
    entries = (entry.split("=", 1) for line in text.splitlines() for entry in line.split(";") if "=" in entry)
    return {key.strip(): value.strip() for key, value in entries}


ABBREVIATIONS = _pairs(
    """mr=mister; mrs=missus; ms=miz; prof=professor; mt=mount; ft=fort; vs=versus; e.g=for example; i.e=that is
    cf=compare; approx=approximately; ca=circa; etc=et cetera; est=established; inc=incorporated; ltd=limited
    corp=corporation; co=company; jr=junior; sr=senior; gen=general; col=colonel; capt=captain; sgt=sergeant
    lt=lieutenant; rev=reverend; hon=honourable; pres=president; gov=governor; sen=senator; rep=representative
    dept=department; ave=avenue; blvd=boulevard; rd=road; max=maximum; min=minimum; avg=average; temp=temperature
    incl=including; excl=excluding; esp=especially; resp=respectively; govt=government; intl=international
    a.m=AM; p.m=PM; ph.d=PhD; b.c=BC; a.d=AD; u.s=US; u.s.a=USA; u.k=UK; u.n=UN; d.c=DC; al=al; viz=namely"""
)
"""Said so where a point follows ("approx."); the point is not part of the key."""

BEFORE_NUMBER = _pairs(
    "no=number; nos=numbers; fig=figure; figs=figures; vol=volume; p=page; pp=pages; ch=chapter; sec=section"
)
"""Said so where a point and then a number follow ("No. 5", "pp. 3-8")."""

WITHOUT_POINT = _pairs(
    "w/=with; w/o=without; vs=versus; approx=approximately; etc=et cetera; mr=mister; mrs=missus; dr=doctor"
)
"""Said so even without a point."""

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
MONTH_NAMES = {name: name for name in MONTHS} | {name[:3]: name for name in MONTHS} | {"sept": "september"}
WEEKDAYS = _pairs(
    "mon=monday; tue=tuesday; tues=tuesday; wed=wednesday; thu=thursday; thur=thursday; thurs=thursday; fri=friday"
    "; sat=saturday; sun=sunday"
)

UNITS = _pairs(
    """km=kilometer; m=meter; cm=centimeter; mm=millimeter; µm=micrometer; nm=nanometer; mi=mile; yd=yard; ft=foot
    kg=kilogram; g=gram; mg=milligram; µg=microgram; t=tonne; lb=pound; lbs=pound; oz=ounce; l=liter; L=liter
    ml=milliliter; mL=milliliter; gal=gallon; ha=hectare; s=second; ms=millisecond; sec=second; min=minute; h=hour
    hr=hour; hrs=hour; yr=year; yrs=year; Hz=hertz; kHz=kilohertz; MHz=megahertz; GHz=gigahertz; W=watt; kW=kilowatt
    MW=megawatt; GW=gigawatt; kWh=kilowatt hour; MWh=megawatt hour; GWh=gigawatt hour; TWh=terawatt hour; V=volt
    kV=kilovolt; A=amp; mA=milliamp; J=joule; kJ=kilojoule; cal=calorie; kcal=kilocalorie; Pa=pascal; hPa=hectopascal
    kPa=kilopascal; bar=bar; B=byte; kB=kilobyte; KB=kilobyte; MB=megabyte; GB=gigabyte; TB=terabyte; dB=decibel
    ppm=part per million; ppb=part per billion; rpm=revolution per minute; mph=mile per hour; kph=kilometer per hour
    kmh=kilometer per hour; fps=frame per second; kn=knot; N=newton; K=kelvin; °C=degree Celsius; °F=degree Fahrenheit
    °=degree; °N=degree north; °S=degree south; °E=degree east; °W=degree west; %=percent; ‰=per mille; px=pixel
    acre-ft=acre foot"""
)
"""Singular. Said so behind a number."""
UNCHANGED = frozenset({"percent", "hertz", "kilohertz", "megahertz", "gigahertz", "kelvin", "per mille"})
IRREGULAR = {"foot": "feet"}
POWERS = {"²": "square", "2": "square", "^2": "square", "³": "cubic", "3": "cubic", "^3": "cubic"}
SQUARE = {"sq": "square", "cu": "cubic"}

CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "US$": ("US dollar", "US dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("rouble", "roubles", "kopek", "kopeks"),
}
"""One, many, one hundredth, many hundredths."""
CURRENCY_CODES = {
    "USD": ("US dollar", "US dollars"),
    "EUR": ("euro", "euros"),
    "GBP": ("pound", "pounds"),
    "JPY": ("yen", "yen"),
    "CHF": ("Swiss franc", "Swiss francs"),
    "CAD": ("Canadian dollar", "Canadian dollars"),
    "AUD": ("Australian dollar", "Australian dollars"),
}
SCALES = frozenset({"hundred", "thousand", "million", "billion", "trillion"})
SCALE_LETTERS = {"k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "bn": "billion"} | {
    "b": "billion", "B": "billion", "T": "trillion", "tn": "trillion",
}  # fmt: skip

SYMBOLS = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "×": "times", "÷": "divided by", "%": "percent",
    "±": "plus or minus", "≈": "about", "~": "about", "<": "less than", ">": "more than", "≤": "at most",
    "≥": "at least", "°": "degrees", "§": "section", "√": "root", "∞": "infinity", "€": "euro", "£": "pound",
    "¥": "yen", "π": "pi", "Δ": "delta", "µ": "micro", "Ω": "ohm", "α": "alpha", "β": "beta", "γ": "gamma",
    "λ": "lambda", "σ": "sigma", "θ": "theta",
}  # fmt: skip
"""Said so where they stand alone."""
BEFORE_DIGIT = {
    "~": "about", "≈": "about", "±": "plus or minus", "<": "less than", ">": "more than", "≤": "at most",
    "≥": "at least", "#": "number", "§": "section", "+": "plus", "-": "minus", "−": "minus", "=": "equals",
    "×": "times", "@": "at",
}  # fmt: skip

VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5",
    "⅙": "1/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip

YEAR_CUES = _words(
    """in since until till by from before after during year around circa ca early late mid between and through
    to"""
)
"""A four-digit number behind one of these is a year, if it can be one."""
NUMBERED = _words(
    """chapter part volume act scene section phase book appendix type class stage title article figure war bowl
    mark king"""
)
"""A Roman numeral behind one of these is a number."""
MONARCHS = _words(
    """henry louis george edward charles elizabeth james william richard philip frederick napoleon catherine
    nicholas alexander peter paul john pius benedict gregory innocent leo clement urban mary francis ivan
    robert victoria ferdinand leopold otto carl gustav christian margrethe juan alfonso felipe ramesses
    ptolemy cleopatra"""
)
"""A Roman numeral behind one of these is "the" and an ordinal."""
