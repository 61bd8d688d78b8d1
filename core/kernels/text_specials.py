"""Words that are not cut by rule: contractions that come apart, abbreviations and faces that stay whole.

The list is spaCy's for English (MIT, lang/en/tokenizer_exceptions.py), made again from its pattern.
"""

from functools import cache

_WHOLE = (
    r"' \") <space> '' C++ \t \n — a. b. c. d. e. f. g. h. i. j. k. l. m. n. o. p. q. r. s. t. u. v. w. x. y. z. "
    "ä. ö. ü. 'S 's ‘S ‘s and/or w/o 're 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout ma'am Ma'am o'clock "
    "O'clock lovin' Lovin' lovin Lovin havin' Havin' havin Havin Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. "
    "Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan. Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. "
    "N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis. 'd "
    "a.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo. "
    "Mont. Mr. Mrs. Ms. p.m. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s. "
    "doin goin nothin nuthin ol somethin Doin Goin Nothin Nuthin Ol Somethin "
    "doin' goin' nothin' nuthin' ol' somethin' Doin' Goin' Nothin' Nuthin' Ol' Somethin' em ll nuff 'em 'll 'nuff"
)
_FACES = (
    r":) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( "
    r":(( :-(( :((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p :-p :O :-O :o :-o "
    r":0 :-0 :() >:o :* :-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< "
    r">.> <.< ._. ;_; -_- -__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 "
    r"<333 </3 (^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>"
)
_NOT_SPECIAL = set("Ill ill Its its Hell hell Shell shell Shed shed were Were Well well Whore whore".split())


@cache
def specials() -> dict[str, tuple[str, ...]]:
    """{what stands between two spaces or is left once its ends are cut: the words it is made of}."""
    found = {word: (word,) for word in (_WHOLE + " " + _FACES).split()}
    for pieces in [*_pronouns(), *_verbs(), *_others()]:
        found["".join(pieces)] = pieces
    found = {word: pieces for word, pieces in found.items() if word not in _NOT_SPECIAL}
    return found | {
        word.replace("'", "’"): tuple(piece.replace("'", "’") for piece in pieces) for word, pieces in found.items()}


def _pronouns():
    both = ("{0}", "ll"), ("{0}", "'ll"), ("{0}", "'ll", "'ve"), ("{0}", "ll", "ve"), ("{0}", "'d"), ("{0}", "d"), (
        "{0}", "'d", "'ve"), ("{0}", "d", "ve")
    have, are, is_ = ("{0}", "'ve"), ("{0}", "'re"), ("{0}", "'s")
    first = ("{0}", "'m"), ("{0}", "m"), ("{0}", "'m", "a"), ("{0}", "m", "a")
    yield from _said("i", first)
    yield from _said("i you he she it we they who what when where why how there that this these those", both)
    yield from _said("i you we they who what when where why how there these those", _bare(have))
    yield from _said("you we they who what when where why how there these those", _bare(are))
    yield from _said("he she it who what when where why how there that this", _bare(is_))


def _verbs():
    no, have = (("{0}", "n't"), ("{0}", "nt")), _bare(("{0}", "'ve"))
    yield from _said("ca could do does did had may might must need ought sha should wo would", (
        *no, ("{0}", "n't", "'ve"), ("{0}", "nt", "ve")))
    yield from _said("could might must should would", have)
    yield from _said("ai are is was were have has dare", no)


def _others():
    for hour in range(1, 13):
        yield from ((str(hour), period) for period in ("a.m.", "am", "p.m.", "pm"))
    yield from (("y'", "all"), ("y", "all"), ("how", "'d", "'y"), ("How", "'d", "'y"), ("c'm", "on"), ("C'm", "on"))
    yield from _said("not", _bare(("{0}", "'ve")))
    yield from _said("can", [("{0}", "not")])
    yield from _said("gon", [("{0}", "na")])
    yield from _said("got", [("{0}", "ta")])
    yield from _said("let", [("{0}", "'s")])
    yield from (("°", unit, ".") for unit in "cfkCFK")


def _bare(pattern: tuple[str, str]) -> list[tuple[str, ...]]:
    """A contraction with its apostrophe, and as people write it without."""
    return [pattern, (pattern[0], pattern[1].removeprefix("'"))]


def _said(words: str, patterns):
    """Every pattern with each word, small and with a capital."""
    for word in words.split():
        for spelt in (word, word.title()):
            for pattern in patterns:
                yield tuple(piece.format(spelt) for piece in pattern)
