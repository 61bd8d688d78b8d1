"""Personal data: what counts, what does not, what stands in its place, and what is remembered of it."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.documents import Document, DocumentWriter
from core.data.filters.privacy import personal_data
from core.data.filters.verdict import Draft
from core.data.privacy.exam import grade, hold_exam, print_exam, questions, scanner
from core.data.privacy.exam_misses import MISSES, arithmetic_text
from core.data.privacy.review import Hits, context_of, masked
from core.data.privacy.scan import PLACEHOLDERS, Scanner
from core.errors import LabError
from core.spec.rules.privacy import PersonalData


def found(text, **settings):
    """[(type, value)] of a text, nothing accepted beforehand."""
    scan = Scanner(PersonalData(**({"allowed": []} | settings)))
    return [(hit.type, text[hit.start : hit.end]) for hit in scan.find(text)]


def cleaned(text, **settings):
    """The draft after the rule, and its verdict."""
    draft = Draft(text)
    return draft, personal_data(PersonalData(**settings))(draft)


@pytest.mark.parametrize("text, kind, value", [
    ("see !def!xyz%abc@acme.org now", "email", "!def!xyz%abc@acme.org"),  # RFC 3696
    ("customer/department=shipping@acme.org", "email", "customer/department=shipping@acme.org"),
    ('"Abc@def"@acme.org', "email", '"Abc@def"@acme.org'),
    ("邮箱zhang_san@qq.com联系", "email", "zhang_san@qq.com"),
    ("https://a.org/?mail=jo@acme.org&x=1", "email", "jo@acme.org"),
    ("ann [at] acme [dot] org", "email", "ann [at] acme [dot] org"),
    ("+44 (0)20 7946 0018", "phone", "+44 (0)20 7946 0018"), ("(212) 736-5000", "phone", "(212) 736-5000"),
    ("座机010-62345678转8", "phone", "010-62345678"),
    ("手机：１３８１２３４５６７８", "phone", "１３８１２３４５６７８"),
    ("from 2001:4860:4860::8888.", "ip", "2001:4860:4860::8888"), ("ping 8.8.8.8", "ip", "8.8.8.8"),
    ("::ffff:93.184.216.34", "ip", "::ffff:93.184.216.34"),
    ("3782-822463-10005", "card", "3782-822463-10005"), ("my card 4111111111111111", "card", "4111111111111111"),
    ("DE89 3704 0044 0532 0130 00 BIC", "iban", "DE89 3704 0044 0532 0130 00"),
    ("gb82west12345698765432", "iban", "gb82west12345698765432"),
    ("身份证11010519491231002X。", "national_id", "11010519491231002X"), ("536-90-4399", "national_id", "536-90-4399"),
    ("postgres://bob:s3cr3t@db.acme.org/x", "credentials", "bob:s3cr3t"),
    ("AKIAIOSFODNN7EXAMPLE", "key", "AKIAIOSFODNN7EXAMPLE"),
    ('"api_key": "a8f5f167f44f4964e6c998dee827110c"', "key", "a8f5f167f44f4964e6c998dee827110c"),
])  # fmt: skip
def test_a_value_is_found_whole_and_nothing_beside_it(text, kind, value):
    assert found(text) == [(kind, value)]


@pytest.mark.parametrize("text", [
    "icon@2x.png", "pkg@1.2.3", "@property", "user@host", "git@github.com:a/b.git", "订单号13812345678 无误",
    "13812345678", "12 * 13812345678 = 1", "version 10.2.30.4", "192.168.1.1", "2001:db8::1", "std::dec", "12:30:45",
    "4111 1111 1111 1112", "4111111111111111", "DE88 3704 0044 0532 0130 00", "110105194912310021", "666-09-9999",
    "078-05-1120", "https://user:password@host.org/", "api_key = YOUR_API_KEY_GOES_HERE", "2024-11-22 10:30:00",
    "ISBN 978-0-306-40615-7", "1234567 * 1234567 = 1524155677489", "GPS 40.712776, -74.005974", "20241122103000",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "3.14159265358979",
])  # fmt: skip
def test_what_only_looks_like_it_is_left_alone(text):
    assert found(text) == []


def test_a_sample_of_the_exam_is_passed_type_by_type():
    rows, mistakes = grade(questions(seed=11, each=60, misses=900), scanner())
    assert {row["name"] for row in rows} == set(PLACEHOLDERS)
    assert all(row["planted"] >= 60 for row in rows)
    assert not [row for row in rows if row["precision"] < 0.96 or row["recall"] < 0.96], mistakes[:5]


def test_the_exam_notices_what_is_missed_and_what_is_false():
    asked = questions(seed=3, each=10, misses=50)
    blind = {row["name"]: row for row in grade(asked, Scanner(PersonalData(phones=False, allowed=[])))[0]}
    assert blind["phone"]["recall"] == 0 and blind["email"]["recall"] == 1

    class Eager:
        def find(self, text):
            from core.data.privacy.found import Found

            return [Found(0, len(text), "phone")]

    assert next(row for row in grade(asked, Eager())[0] if row["name"] == "phone")["precision"] < 0.2


def test_holding_the_exam_gives_a_row_a_type_and_one_for_arithmetic(capsys):
    rows = hold_exam(each=3, arithmetic_bytes=8000)
    assert {row["name"] for row in rows} == {*PLACEHOLDERS, "arithmetic"}
    assert rows[-1]["found"] == 0 and rows[-1]["n_bytes"] >= 8000 and rows[-1]["mb_per_s"] > 0
    print_exam(rows)
    assert len(capsys.readouterr().out.splitlines()) == len(rows) + 1


def test_the_exam_is_the_same_for_the_same_seed():
    assert questions(5, 3, 20) == questions(5, 3, 20) != questions(6, 3, 20)


def test_nothing_in_arithmetic_is_personal():
    scan = scanner()
    text = arithmetic_text(random.Random(1), 60_000)
    assert len(text) > 50_000 and scan.find(text) == []


def test_every_near_miss_can_be_drawn():
    rng = random.Random(0)
    assert all(draw(rng) for _ in range(20) for _, draw in MISSES)


def test_placeholders_stand_where_the_values_stood_and_marks_say_what_they_were():
    text = "Ask ann@acme.org or bob@acme.org, not ann@acme.org."
    draft, verdict = cleaned(text, numbered=True)
    assert verdict is None
    assert draft.text == "Ask [EMAIL_1] or [EMAIL_2], not [EMAIL_1]."
    assert [text[mark["start"] : mark["end"]] for mark in draft.marks] == [mark["found"] for mark in draft.marks]
    assert all(draft.text.startswith(mark["placeholder"], mark["at"]) for mark in draft.marks)
    assert draft.measures == {"personal_data.hits": 3}


def test_a_report_changes_nothing_and_still_tells():
    draft, verdict = cleaned("Ask ann@acme.org.", action="report")
    assert (draft.text, verdict) == ("Ask ann@acme.org.", None)
    assert draft.marks[0]["found"] == "ann@acme.org" and draft.marks[0]["placeholder"] == ""


def test_a_document_with_too_many_hits_is_set_aside_as_it_was():
    text = " ".join(f"a{i}@acme.org" for i in range(5))
    draft, verdict = cleaned(text, most_hits=4)
    assert draft.text == text and len(draft.marks) == 5
    assert (verdict.measure, verdict.value, verdict.limit) == ("hits", 5, 4)
    assert "5 pieces" in verdict.text.format(**verdict.values)
    assert cleaned(text, most_hits=5)[1] is None


def test_accepted_values_and_domains_are_left():
    text = "me@example.com you@mail.example.com she@acme.org ping 8.8.8.8"
    assert found(text, allowed=["example.com", "8.8.8.8"]) == [("email", "she@acme.org")]


@pytest.mark.parametrize("switch, text", [
    ("emails", "ann@acme.org"), ("phones", "+442079460018"), ("ip_addresses", "ping 8.8.8.8"),
    ("cards", "visa 4111111111111111"), ("ibans", "GB82WEST12345698765432"), ("national_ids", "536-90-4399"),
    ("credentials", "ftp://bob:s3cr3t@acme/x"), ("keys", "AKIAIOSFODNN7EXAMPLE")])  # fmt: skip
def test_each_type_has_its_switch(switch, text):
    assert found(text) and not found(text, **{switch: False})


@pytest.mark.parametrize("joint", [",", "\t", " | ", '","', " / ", "，", "\n"])
def test_the_fields_of_a_table_are_told_apart(joint):
    fields = ["2019", "4111 1111 1111 1111", "0.5", "11010519491231002X", "020 7946 0018", "12", "ann@acme.org", "7"]
    assert [value for _, value in found(joint.join(fields))] == [fields[1], fields[3], fields[4], fields[6]]


def test_regions_decide_which_national_writing_is_known():
    text = "Rufen Sie 030 23125 270 oder 01 42 68 53 00 an"
    assert found("01 42 68 53 00", regions=["FR"]) and not found("01 42 68 53 00", regions=["US"])
    assert found(text, regions=["US"]) == []
    with pytest.raises(LabError, match="XX"):
        Scanner(PersonalData(regions=["xx"]))


def test_private_addresses_count_on_request():
    assert found("host 192.168.1.1", private_addresses=True) == [("ip", "192.168.1.1")]


def test_names_come_from_words_and_a_file(tmp_path):
    (tmp_path / "names.txt").write_text("# remark\n王小明\nAda Lovelace\n", "utf-8")
    text = "Ada Lovelace, Adam Lovelaces, 王小明先生, Bo Li"
    assert found(text, names=["Bo Li"], names_file=str(tmp_path / "names.txt")) == [
        ("name", "Ada Lovelace"), ("name", "王小明"), ("name", "Bo Li")]  # fmt: skip
    with pytest.raises(LabError, match="could not be read"):
        Scanner(PersonalData(names_file=str(tmp_path / "none.txt")))


EXAMINED = scanner()
_PIECES = st.sampled_from(
    ["@", "a@b.co", "+1", "://", ":", "::", "1.2.3.4", "0", "12345678901234567", "-", " ", "(", ")", "key=", "𝟙",
     "\x00", "\ud800", "卡", "1101051949123100", "=", "/", "'", '"', "AKIA", "\n", "９"])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(_PIECES | st.text(max_size=8), max_size=40).map("".join))
def test_any_text_is_survived_and_hits_never_overlap(text):
    hits = EXAMINED.find(text)
    assert all(0 <= hit.start < hit.end <= len(text) and hit.type in PLACEHOLDERS for hit in hits)
    assert all(first.end <= second.start for first, second in zip(hits, hits[1:]))


def test_a_hostile_text_is_searched_in_linear_time():
    import time

    scan, times = scanner(), []
    for size in (20_000, 80_000):
        text = "".join(piece * size for piece in ("1 ", "a.", "@", "1-", "::", "((", "ab12 "))
        started = time.perf_counter()
        scan.find(text)
        times.append(time.perf_counter() - started)
    assert times[1] < 4 * 4 * times[0] + 1


def corpus(folder, documents):
    writer = DocumentWriter(folder, "kept")
    for row, (text, marks) in enumerate(documents):
        writer.add(Document(id=row, text=text, source="a.txt", line=row + 1, marks=marks))
    writer.commit()


def test_the_hits_of_a_corpus_are_found_again_with_their_words(tmp_path):
    texts = ["nothing here", "Ask ann@acme.org\ntoday, or +442079460018.", 'it says ,"marks":[{ itself', "x@y.org"]
    drafts = [cleaned(text)[0] for text in texts]
    corpus(tmp_path, [(draft.text, draft.marks + [{"rule": "other", "start": 0, "end": 1}]) for draft in drafts])
    hits = Hits(tmp_path)
    while not hits.scan():
        pass
    assert hits.counts == {"email": 2, "phone": 1} and len(hits) == 3
    assert [hits[number].mark.found for number in hits.of_type("email")] == ["ann@acme.org", "x@y.org"]
    words = context_of(hits[0].document.text, hits[0].mark)
    assert words == ("Ask ", "[EMAIL]", " today, or [PHONE].")
    hits.close()


def test_words_are_found_after_a_later_rule_and_admitted_when_gone(tmp_path):
    draft = cleaned("A long line that goes.\nAsk ann@acme.org today")[0]
    corpus(tmp_path, [("Ask [EMAIL] today", draft.marks), ("gone", draft.marks)])
    hits = Hits(tmp_path)
    hits.scan(10)
    assert context_of(hits[0].document.text, hits[0].mark) == ("Ask ", "[EMAIL]", " today")
    assert context_of(hits[1].document.text, hits[1].mark) == ("", "", "")
    hits.close()


def test_a_mask_shows_the_ends_only():
    assert masked("ann@acme.org") == "a••••••••••g" and masked("ab") == "••"
